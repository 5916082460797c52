"""The models that are on this machine: what they gain, and how long they take here."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass


@dataclass(frozen=True)
class ModelHere:
    """A model whose weights are here.

    Attributes:
        name: of the model.
        gain: in dB over the blurry input, as `deblur weights info` says on what; None if nobody measured it.
        seconds_per_megapixel: on this machine, measured on a small picture; None if it does not run, or was not timed.
        device, precision: that it would be given.
        problem: why it does not run.
    """

    name: str
    gain: float | None
    seconds_per_megapixel: float | None = None
    device: str | None = None
    precision: str | None = None
    problem: str | None = None


def models_here(timed: bool = True) -> Iterator[ModelHere]:
    """One after the other, as each takes seconds if it is timed."""
    from deblurcli.bench.speed.pace import seconds_per_megapixel
    from deblurcli.errors import DeblurError
    from deblurcli.models.catalog import catalog
    from deblurcli.models.local_copy import names_here
    from deblurcli.restore.deblurrer import Deblurrer

    for name in names_here():
        gain = next((score.gain for score in catalog()[name].measured if score.gain is not None), None)
        try:
            deblurrer = Deblurrer(name)
        except DeblurError as problem:
            yield ModelHere(name, gain, problem=str(problem))
            continue
        pace = round(seconds_per_megapixel(deblurrer), 3) if timed else None
        yield ModelHere(name, gain, pace, str(deblurrer.device), deblurrer.precision)
