"""Threads that wait for each other, as the OpenMP runtime itself says; it prints its settings when it is loaded."""

import os
import re

import pytest

from deblurcli.native import library

pytestmark = pytest.mark.skipif(library.openmp() is None, reason="PyTorch has another OpenMP runtime than GNU's")


@pytest.mark.parametrize(
    ("own", "spins"),
    [({}, "10000"), ({"GOMP_SPINCOUNT": "77"}, "77"), ({"OMP_WAIT_POLICY": "active"}, "30000000000")],
    ids=["by itself", "as the user says", "as the user says in another way"],
)
def test_threads_that_wait_sleep_soon(deblur, photo, small_model, own, spins):
    kept = {key: value for key, value in os.environ.items() if key not in ("GOMP_SPINCOUNT", "OMP_WAIT_POLICY")}
    photo("a.png")
    done = deblur("a.png", "--model", small_model, env={**kept, **own, "OMP_DISPLAY_ENV": "verbose"})
    assert done.returncode == 0, done.stderr
    (found,) = set(re.findall(r"GOMP_SPINCOUNT = '(\w+)'", done.stderr))
    assert found == spins
