"""What is told of a clip, an animation or frames when they are done."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from deblurcli.cli.console import console
from deblurcli.display import display_name
from deblurcli.errors import ExitCode


def say_done(source: Path, target: Path, about: str, notes: Sequence[str], failed: int) -> ExitCode:
    """Tell a person; returns what the process should end with.

    Args:
        source: of the frames.
        target: the file or folder they went to.
        about: what was written, in words.
        notes: what is not as in the source.
        failed: on how many frames the network failed somewhere.
    """
    way = f"{display_name(source)} -> {display_name(target)}"
    console.say(way + about)
    for note in notes:
        console.say(f"  {note}")
    if not failed:
        return ExitCode.OK
    console.problem(f"{way}: the model failed on {failed:,} frames somewhere; the input was kept there")
    return ExitCode.SOME_FAILED
