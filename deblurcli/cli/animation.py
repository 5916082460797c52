"""`deblur ANIMATION`: an animation, or the pages of a TIFF file."""

from __future__ import annotations

import os
import time
from pathlib import Path

from deblurcli.cli.console import console
from deblurcli.cli.interrupt import stopped_by_signals
from deblurcli.cli.many import Request
from deblurcli.cli.one import load
from deblurcli.cli.progress import counting_frames, duration
from deblurcli.cli.video_options import VideoRequest, target_beside
from deblurcli.cli.video_report import say_done
from deblurcli.display import display_name
from deblurcli.errors import ExitCode, UsageError
from deblurcli.jobs.run import Stop


def frames_in(path: Path) -> int:
    """How many pictures an image file holds; 1 of what is none."""
    from deblurcli.images import is_image_name
    from deblurcli.video.count import frames_of

    return frames_of(path) if is_image_name(path) else 1


def restore_animated(
    source: Path, output: Path | None, wanted: VideoRequest, request: Request, *, dry_run: bool
) -> ExitCode:
    """An animation, or the pages of a TIFF file; done whole, so there is nothing to go on with."""
    from deblurcli.video.animation import restore_animation
    from deblurcli.video.pages import restore_pages

    if wanted.given or request.options.compare or request.options.format:
        option = wanted.given or ("--compare" if request.options.compare else "--format")
        raise UsageError(f"{option}: not of an animation or a stack of pages")
    overwrite = request.wanted.overwrite
    target = target_beside(source, output, source.suffix, overwrite)
    total, options = frames_in(source), request.options
    what = "pages" if source.suffix.lower() in (".tif", ".tiff") else "frames"
    if dry_run:
        console.say(f"{display_name(source)} -> {display_name(target)}: {total:,} {what}")
        return ExitCode.OK
    deblurrer = load(request.model)[0]
    stop = Stop()
    started = time.perf_counter()
    with (
        stopped_by_signals(stop, "") as interrupted,
        counting_frames(what, total) as counter,
    ):
        if what == "pages":
            outcome = restore_pages(source, target, deblurrer, options.strength, overwrite, stop, counter)
        else:
            outcome = restore_animation(
                source, target, deblurrer, options.strength, options.quality, overwrite, stop, counter
            )
    if outcome.target is None:
        console.problem(f"{'interrupted' if interrupted.seen else 'stopped'}; nothing was written")
        return ExitCode.INTERRUPTED
    seconds = time.perf_counter() - started
    status = "guarded" if outcome.failed else "done"
    record = {"input": os.fsdecode(source), "output": os.fsdecode(target), "status": status}
    size = {"width": outcome.size[0], "height": outcome.size[1], "frames": outcome.frames}
    console.tell({**record, **size, "notes": list(outcome.notes), "seconds": round(seconds, 3)})
    about = f" ({outcome.size[0]}x{outcome.size[1]}, {outcome.frames:,} {what}, {duration(seconds)})"
    return say_done(source, target, about, outcome.notes, outcome.failed)
