"""`deblur FOLDER --videos`: the photos of a folder, and then its videos, animations and stacks of pages."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from deblurcli.cli.animation import frames_in
from deblurcli.cli.console import console
from deblurcli.cli.many import Request, restore_many
from deblurcli.cli.video import restore_video_file
from deblurcli.cli.video_options import VideoRequest
from deblurcli.display import display_name
from deblurcli.errors import DeblurError, ExitCode, InputError, UsageError
from deblurcli.images import OutputExists
from deblurcli.jobs.names import refuse_clashes
from deblurcli.jobs.plan import Plan, beside
from deblurcli.jobs.stores.scan import VIDEO
from deblurcli.video.names import CONTAINERS
from deblurcli.video.target import refuse_existing


def restore_videos(
    plan: Plan,
    inputs: list[Path],
    output: Path | None,
    wanted: VideoRequest,
    request: Request,
    *,
    dry_run: bool,
) -> ExitCode:
    """The photos of a plan, and then the videos that it has left out and what of its photos are many pictures in one
    file, each to its place among the results.

    One that fails is told, and the others go on; those whose result is there are skipped, and a stopped video goes on
    with --resume.
    """
    found = [*_videos_of(plan, inputs, output), *_animations_of(plan)]
    refuse_clashes([*((task.source, task.target) for task in plan.tasks), *found])
    if not found and not plan.tasks:
        raise InputError(f"{', '.join(map(display_name, inputs))}: no images or videos found")
    if wanted.frames or wanted.fps:
        raise UsageError("--frames, --fps: of a single input")
    code = restore_many(plan, request, dry_run=dry_run) if plan.tasks else ExitCode.OK
    for source, target in found:
        if code is ExitCode.INTERRUPTED:
            break
        record = {"input": os.fsdecode(source), "output": os.fsdecode(target)}
        try:
            refuse_existing(target, request.wanted.overwrite)
        except OutputExists as there:
            console.say(f"skipped: {there}")
            console.tell({**record, "status": "skipped", "error": str(there)})
            continue
        try:
            if not dry_run:
                target.parent.mkdir(parents=True, exist_ok=True)
            ended = restore_video_file(source, target, wanted, request, dry_run=dry_run)
        except DeblurError as problem:
            console.problem(str(problem))
            console.tell({**record, "status": "failed", "error": str(problem)})
            ended = ExitCode.SOME_FAILED
        code = ended if ended is not ExitCode.OK else code
    return code


def _videos_of(plan: Plan, inputs: list[Path], output: Path | None) -> Iterator[tuple[Path, Path]]:
    """The videos that a plan has left out, which are taken from it, and where their results go."""
    sources = [Path(str(one.path)) for one in plan.left_out if one.reason == VIDEO]
    plan.left_out[:] = [one for one in plan.left_out if one.reason != VIDEO]
    for source in sources:
        root = next(one for one in inputs if source.is_relative_to(one))
        folder = output or beside(root)
        assert isinstance(folder, Path)
        target = folder / source.relative_to(root)
        yield source, target if target.suffix.lower() in CONTAINERS else target.with_suffix(".mkv")


def _animations_of(plan: Plan) -> Iterator[tuple[Path, Path]]:
    """Those of a plan's photos that hold several pictures, which are taken from it, and where their results go."""
    photos = []
    for task in plan.tasks:
        if isinstance(task.source, Path) and isinstance(task.target, Path) and frames_in(task.source) > 1:
            yield task.source, task.target.with_suffix(task.source.suffix)
        else:
            photos.append(task)
    plan.tasks[:] = photos
