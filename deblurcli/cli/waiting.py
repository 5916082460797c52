"""How the threads that compute wait for each other on a processor that others use too."""

from __future__ import annotations

import os

SPINS = "10000"  # a tenth of a millisecond or a few


def sleep_soon() -> None:
    """Have a thread that waits for the others sleep soon, unless the environment has its own word on that.

    GNU's OpenMP runtime lets it spin for milliseconds, many times in every layer. Where deblur is alone, nobody minds;
    where another program computes too, the thread that is waited for may be the one that gets no processor. It must be
    called before PyTorch is imported, which loads the runtime; others than GNU's take no notice.
    """
    if not {"GOMP_SPINCOUNT", "OMP_WAIT_POLICY"} & os.environ.keys():
        os.environ["GOMP_SPINCOUNT"] = SPINS
