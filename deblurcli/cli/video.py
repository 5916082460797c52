"""`deblur CLIP [-o OUT]`: one video, a folder of pictures as one, or frames of one as pictures."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from deblurcli.cli.animation import frames_in, restore_animated
from deblurcli.cli.console import console
from deblurcli.cli.interrupt import stopped_by_signals
from deblurcli.cli.many import Request
from deblurcli.cli.one import load, load_and_say
from deblurcli.cli.progress import counting_frames, duration
from deblurcli.cli.video_options import VideoRequest, parse_moment, parse_rate, target_beside
from deblurcli.cli.video_report import say_done
from deblurcli.digest import sha256_of
from deblurcli.display import display_name
from deblurcli.errors import ExitCode, UsageError
from deblurcli.jobs.run import Stop
from deblurcli.models.files import find_weights
from deblurcli.video.extra import require
from deblurcli.video.names import CONTAINERS, is_video, suffix_like

if TYPE_CHECKING:
    from deblurcli.video.plan import VideoOptions, VideoPlan

STOPPING = "deblur: stopping; whole groups of pictures are kept. Ctrl-C again stops at once\n"


def is_about_video(inputs: list[Path], output: Path | None, wanted: VideoRequest, videos: bool) -> bool:
    """Whether this is a video's job: one video, or one folder of pictures with a video's name as its output.

    Raises:
        UsageError: for a video among other inputs, and for a video's options without a video.
    """
    if len(inputs) == 1 and (is_video(inputs[0]) or frames_in(inputs[0]) > 1):
        return True
    if len(inputs) == 1 and inputs[0].is_dir() and output is not None and output.suffix.lower() in CONTAINERS:
        return not output.is_dir()
    for path in inputs:
        if is_video(path):
            raise UsageError(f"{display_name(path)}: a video is restored alone; give it as the only input")
    if wanted.given and not videos:
        raise UsageError(f"{wanted.given}: is for videos, and there is none among the inputs")
    return False


def restore_video_file(
    source: Path, output: Path | None, wanted: VideoRequest, request: Request, *, dry_run: bool
) -> ExitCode:
    """Do it, and tell about it; returns what the process should end with."""
    suffix = output.suffix.lower() if output is not None else ""
    if wanted.frames is None and frames_in(source) > 1 and suffix not in CONTAINERS:
        return restore_animated(source, output, wanted, request, dry_run=dry_run)
    require(display_name(source))
    options = _options(wanted, request)
    if wanted.frames is not None:
        if output is not None or dry_run:
            raise UsageError("--frames: takes the place of --output, and has no --dry-run")
        return _stills(source, wanted, request, options)
    if wanted.every:
        raise UsageError("--every: of the frames that are written as pictures; give --frames FOLDER")
    from deblurcli.video.plan import USUAL_RATE, plan_video
    from deblurcli.video.run import leftovers_of

    target = _target(source, output, options.overwrite)
    plan = plan_video(source, target, options, parse_rate(wanted.fps) if wanted.fps else USUAL_RATE)
    if wanted.fps and not source.is_dir():
        raise UsageError("--fps: of pictures in a folder; a video keeps its own times")
    if dry_run:
        _rehearse(plan, options, request)
        return ExitCode.OK
    if not request.wanted.resume and leftovers_of(target):
        console.say(f"{display_name(target)}: a stopped run is thrown away; --resume would have gone on with it")
    return _run(plan, options, request)


def _run(plan: VideoPlan, options: VideoOptions, request: Request) -> ExitCode:
    from deblurcli.video.run import restore_video

    deblurrer = load_and_say(request.model)[0]
    console.say(plan.clip.words)
    weights = sha256_of(find_weights(request.model.name))
    stop = Stop()
    with stopped_by_signals(stop, STOPPING) as interrupted:
        left = _left(plan, request, stop) if options.only_blurred else frozenset()
        with counting_frames("restored", plan.frames) as counter:
            outcome = restore_video(
                plan,
                deblurrer,
                weights,
                options,
                resume=request.wanted.resume,
                chosen=lambda moment: moment not in left,
                stop=stop,
                advance=counter,
            )
    status = "stopped" if outcome.target is None else "guarded" if outcome.failed else "done"
    _tell(plan, status, outcome.frames, outcome.notes, outcome.seconds, restored=outcome.restored)
    if outcome.target is None:
        name = display_name(plan.clip.path)
        console.problem(f"{name}: {'interrupted' if interrupted.seen else 'stopped'}; --resume goes on with the rest")
        return ExitCode.INTERRUPTED
    speed = (outcome.frames - outcome.resumed) / outcome.seconds
    about = f"{plan.clip.width}x{plan.clip.height}, {outcome.frames:,} frames"
    if outcome.resumed:
        about += f", {outcome.resumed:,} of an earlier run"
    if options.only_blurred:
        about += f", {outcome.frames - outcome.restored:,} left as they were"
    about = f" ({about}, {duration(outcome.seconds)}, {speed:.2f} frames/s)"
    return say_done(plan.clip.path, plan.target, about, outcome.notes, outcome.failed)


def _left(plan: VideoPlan, request: Request, stop: Stop) -> frozenset[int]:
    """The times of the frames that are sharp already."""
    from deblurcli.video.blurred import measure_frames

    with counting_frames("measured", plan.frames) as counter:
        found = measure_frames(plan, counter, stop)
    return frozenset(one.time for one in found if one.is_sharp)


def _rehearse(plan: VideoPlan, options: VideoOptions, request: Request) -> None:
    """Tell what would be done, and in what time."""
    from deblurcli.restore.timing import seconds_for
    from deblurcli.video.blurred import measure_frames
    from deblurcli.video.colour import Samples
    from deblurcli.video.frames import read_frames
    from deblurcli.video.sharpness import ALIKE, AROUND, LEAST

    deblurrer = load(request.model)[0]
    coding = plan.coding
    quality = f", quantiser {coding.quantiser:g}" if coding.quantiser is not None else ""
    console.say(f"{display_name(plan.clip.path)} -> {display_name(plan.target)}: {plan.clip.words}")
    console.say(f"  written as {coding.codec}, {coding.pixel_format}{quality}")
    for note in plan.notes:
        console.say(f"  {note}")
    frames = plan.frames
    if options.only_blurred:
        with counting_frames("measured", plan.frames) as counter:
            found = measure_frames(plan, counter)
        frames = sum(not one.is_sharp for one in found)
        values = sorted(one.value for one in found)
        console.say(
            f"  {len(found) - frames:,} frames would be left as they are: at least {ALIKE:g} times as sharp as the "
            f"sharpest within {AROUND:g} s, and at least {LEAST:g}; sharpness here is {values[0]:.2f} to "
            f"{values[-1]:.2f}, in the middle {values[len(values) // 2]:.2f}"
        )
    samples = Samples(plan.clip.pixel_format, plan.colour)
    _, frame = next(read_frames(plan.clip, plan.span))
    seconds = seconds_for(deblurrer, samples.rgb(samples.planar(frame))) * frames
    console.say(f"would take about {duration(seconds)}, measured by restoring its first frame")
    _tell(plan, "planned", plan.frames, plan.notes, seconds)


def _stills(source: Path, wanted: VideoRequest, request: Request, options: VideoOptions) -> ExitCode:
    from deblurcli.video.stills import write_stills

    assert wanted.frames is not None
    if wanted.codec or wanted.only_blurred or wanted.fps:
        raise UsageError("--frames: writes pictures; --codec, --fps and --only-blurred are for videos")
    deblurrer = load(request.model)[0]
    stop = Stop()
    with (
        stopped_by_signals(stop, "") as interrupted,
        counting_frames("pictures", 0) as counter,
    ):
        outcome = write_stills(source, wanted.frames, wanted.every or 1, deblurrer, options, stop, counter.of)
    there = f", {outcome.skipped:,} were there" if outcome.skipped else ""
    code = say_done(source, wanted.frames, f": {outcome.written:,} pictures{there}", outcome.notes, outcome.failed)
    if interrupted.seen:
        console.problem("interrupted; the same command goes on with the rest")
        return ExitCode.INTERRUPTED
    return code


def _options(wanted: VideoRequest, request: Request) -> VideoOptions:
    from deblurcli.video.plan import VideoOptions

    if request.options.format:
        raise UsageError("--format: is for photos; a video's container is that of the output's suffix")
    if request.options.compare:
        raise UsageError("--compare: is for photos; --frames FOLDER --every N writes frames of a video")
    return VideoOptions(
        strength=request.options.strength,
        quality=request.options.quality,
        codec=wanted.codec,
        start=parse_moment("--from", wanted.start),
        end=parse_moment("--to", wanted.end),
        only_blurred=wanted.only_blurred,
        overwrite=request.wanted.overwrite,
    )


def _target(source: Path, output: Path | None, overwrite: bool) -> Path:
    """Where a video's result goes."""
    if output is not None and not output.is_dir():
        return target_beside(source, output, "", overwrite)
    from deblurcli.video.probe import opened

    with opened(source) as container:
        suffix = suffix_like(source, container.format.name)
    return target_beside(source, output, suffix, overwrite)


def _tell(plan: VideoPlan, status: str, frames: int, notes: tuple[str, ...], seconds: float, **more: Any) -> None:
    record = {
        "input": os.fsdecode(plan.clip.path),
        "output": os.fsdecode(plan.target),
        "status": status,
        "width": plan.clip.width,
        "height": plan.clip.height,
        "frames": frames,
        "codec": plan.coding.codec,
        "notes": list(notes),
        "seconds": round(seconds, 3),
    }
    console.tell({**record, **more})
