"""`deblur synth`: blurry pictures out of sharp ones."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from deblurcli.cli.console import console
from deblurcli.cli.edge import command
from deblurcli.cli.progress import counting


@command
def synth(
    sharp: Annotated[Path, typer.Argument(help="Folder of sharp photos.", show_default=False)],
    output: Annotated[Path, typer.Option("--output", "-o", help="Gets blur/ and sharp/.", show_default=False)],
    count: Annotated[int, typer.Option(min=1, help="Blurry versions of each photo.")] = 1,
    seed: Annotated[int, typer.Option(help="The same seed gives the same pictures.")] = 1,
    max_length: Annotated[float, typer.Option(min=0, max=60, help="Longest motion, in pixels.")] = 40.0,
) -> None:
    """Write pairs of a blurry and a sharp picture, with synthetic motion blur.

    Camera shake with rotation, objects that move on their own, a little defocus, clipped highlights, noise and JPEG;
    the sharp picture is at mid-exposure. Good for training and for trying things out; real blur is always different.
    """
    from deblurcli.synthesis import BlurSettings
    from deblurcli.synthesis.pairs import write_pairs

    written = 0
    with counting("photos") as bar:
        task = bar.add_task("", total=None, status="")
        for done, total in write_pairs(sharp, output, BlurSettings(max_length=max_length), count, seed):
            bar.update(task, completed=done, total=total)
            written = done
    console.say(f"{written} pairs in {output}")
