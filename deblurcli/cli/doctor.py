"""`deblur doctor`: the page to paste into a bug report."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

from deblurcli.cli.edge import command
from deblurcli.errors import DeblurError

if TYPE_CHECKING:
    from deblurcli.doctor.models_here import ModelHere
    from deblurcli.doctor.self_test import SelfTest

WIDTH = 18  # of the names


@command
def doctor(
    speed: Annotated[bool, typer.Option("--speed/--no-speed", help="Time the models.")] = True,
    as_json: Annotated[bool, typer.Option("--json", help="As one JSON object.")] = False,
) -> None:
    """The page to paste into a bug report: versions, processor, memory, what networks run on and why, the models that
    are here with what they gain and how long a megapixel takes, and a self-test. It names no folder and no address."""
    from deblurcli.doctor.models_here import models_here
    from deblurcli.doctor.self_test import self_test
    from deblurcli.doctor.surroundings import engine, machine, versions

    if as_json:
        test = self_test()
        found = {"versions": versions(), "machine": machine(), "engine": engine()}
        models = [asdict(model) for model in models_here(speed)]
        print(json.dumps({**found, "models": models, "self_test": asdict(test)}, indent=1))
    else:
        for heading, facts in (("Versions", versions()), ("Machine", machine()), ("Engine", engine())):
            show(heading, facts)
        print("\nModels here", flush=True)
        for model in models_here(speed):
            line(model.name, of_model(model))
        test = self_test()
        show("Self-test", {"result": of_test(test)})
    if not test.passed:
        raise DeblurError("the self-test failed; report it with this page")


def show(heading: str, facts: Mapping[str, str]) -> None:
    print(f"{'' if heading == 'Versions' else chr(10)}{heading}")
    for name, value in facts.items():
        line(name, value)


def line(name: str, value: str) -> None:
    print(f"  {name + ':':{WIDTH}}{value}", flush=True)


def of_model(model: ModelHere) -> str:
    gain = "gain not measured" if model.gain is None else f"{model.gain:+.2f} dB"
    if model.problem:
        return f"{gain}, does not run: {model.problem}"
    pace = "not timed" if model.seconds_per_megapixel is None else f"{model.seconds_per_megapixel:.2g} s per megapixel"
    return f"{gain}, {pace} here ({model.device}, {model.precision})"


def of_test(test: SelfTest) -> str:
    if test.gain is None:
        return f"failed: {test.problem}"
    words = "passed" if test.passed else "FAILED"
    return f"{words}: {test.gain:+.2f} dB, expected {test.expected:+.2f}, in {test.seconds:.1f} s"
