"""Restoring one video from file to file."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from deblurcli.atomic import file_beside
from deblurcli.display import display_name
from deblurcli.errors import OutputError
from deblurcli.images import OutputExists
from deblurcli.version import __version__
from deblurcli.video.clip import FOLDER
from deblurcli.video.join import join
from deblurcli.video.kept import differences
from deblurcli.video.pictures import pictures_in
from deblurcli.video.plan import VideoOptions, VideoPlan
from deblurcli.video.process import make_segments
from deblurcli.video.segments import Workplace, folder_of
from deblurcli.video.target import refuse_existing

if TYPE_CHECKING:
    from deblurcli.restore.deblurrer import Deblurrer


@dataclass(frozen=True)
class VideoOutcome:
    """What became of a video.

    Attributes:
        target: the result; None if the work was stopped before the end.
        frames: in the result, or done so far.
        resumed: of them, how many an earlier run had done.
        restored: how many went through the network; the others are as they were.
        failed: on how many of them the network failed somewhere, and the input was kept there.
        seconds: from file to file.
        notes: what is not as in the source.
    """

    target: Path | None
    frames: int
    resumed: int
    restored: int
    failed: int
    seconds: float
    notes: tuple[str, ...] = ()


def restore_video(
    plan: VideoPlan,
    deblurrer: Deblurrer,
    weights: str,
    options: VideoOptions,
    *,
    resume: bool = False,
    chosen: Callable[[int], bool] = lambda time: True,
    stop: Callable[[], bool] = lambda: False,
    advance: Callable[[int], None] = lambda frames: None,
) -> VideoOutcome:
    """Restore a video.

    Until the end everything lies in a hidden folder beside the result, `.deblur-NAME.parts`, in finished groups of
    pictures; a stopped or killed run leaves it, and `resume` goes on from it.

    Args:
        plan: from `plan_video`.
        deblurrer: what restores.
        weights: SHA-256 of its weights, by which a later run knows whether it may go on.
        options: as for the plan.
        resume: go on from what an earlier run has left, if its source, options and weights were these.
        chosen: whether the frame of a time is restored, see `only_blurred`.
        stop: asked whether to end after the frame in hand.
        advance: told how many frames are done.

    Raises:
        OutputExists: if the result is there and may not be replaced.
        DeblurError: for what reading, restoring or writing met; nothing is left under the result's name.
    """
    started = time.perf_counter()
    refuse_existing(plan.target, options.overwrite)
    place = Workplace(plan.target, settings_of(plan, deblurrer, weights, options), resume=resume)
    resumed = sum(len(segment.times) for segment in place.resumed)
    done = False
    try:
        segments = make_segments(plan, place, deblurrer, options.strength, chosen, stop, advance)
        notes: list[str] = []
        if segments:
            try:
                with file_beside(plan.target, overwrite=options.overwrite) as temporary:
                    join(plan.clip, segments, temporary, plan.layout, plan.coding, plan.span, plan.length)
                    notes = differences(plan, temporary)
            except FileExistsError:
                raise OutputExists(
                    f"{display_name(plan.target)}: appeared while this ran; replace it with --overwrite"
                ) from None
            except (OutputError, OSError) as problem:
                reason = str(problem) if isinstance(problem, OutputError) else f"cannot be written ({problem.strerror})"
                raise OutputError(f"{display_name(plan.target)}: {reason}") from problem
            done = True
    finally:
        place.close(remove=done)
    parts = segments or []
    kept = [share for segment in parts for share in segment.kept]
    return VideoOutcome(
        plan.target if done else None,
        len(kept),
        resumed,
        sum(flag for segment in parts for flag in segment.changed),
        sum(share > 0 for share in kept),
        time.perf_counter() - started,
        (*plan.notes, *notes),
    )


def settings_of(plan: VideoPlan, deblurrer: Deblurrer, weights: str, options: VideoOptions) -> dict[str, Any]:
    """All that the packets of a result depend on, as JSON has it."""
    source = plan.clip.path
    files = pictures_in(source) if plan.clip.container == FOLDER else [source]
    states = [(file.name, file.stat()) for file in files]
    return {
        "source": [str(source.resolve()), *([name, one.st_size, one.st_mtime_ns] for name, one in states)],
        "weights": weights,
        "precision": deblurrer.precision,
        "tta": deblurrer.tta,
        "strength": options.strength,
        "only_blurred": options.only_blurred,
        "span": [plan.span.start, plan.span.end],
        "codec": plan.coding.codec,
        "pixel_format": plan.coding.pixel_format,
        "options": dict(plan.coding.options),
        "time_base": str(plan.coding.time_base),
        "length": plan.length,
        "version": __version__,
    }


def leftovers_of(target: Path) -> bool:
    """Whether a stopped run has left finished groups of pictures of this result."""
    return any(folder_of(target).glob("*.segment"))
