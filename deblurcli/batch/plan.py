"""From the inputs a user names to pairs of files, checked before any work begins."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path, PurePath

from deblurcli.batch.names import comparison_paths, refuse_clashes
from deblurcli.batch.scan import UNREADABLE, Found, is_directory, scan
from deblurcli.display import display_name
from deblurcli.errors import InputError, UsageError
from deblurcli.images import READABLE, WRITABLE, format_for, suffix_for
from deblurcli.images.formats import HEAD_BYTES, identify
from deblurcli.images.source import is_stream

MARK = "-deblurred"


@dataclass(frozen=True)
class Job:
    """One photo to restore.

    Attributes:
        source: where it is.
        target: where the result goes.
        format: in which of Pillow's formats.
        root: the folder of results that the target belongs to, which keeps the records of the run; None if the result
            goes beside the input, or there is only one.
        name: of the source, relative to the folder it was found in, with slashes.
        replace: whether a target that is there already is known to be an earlier result that may go.
        comparison: where the before/after picture goes, if one is wanted; None for the usual name beside the target.
    """

    source: Path
    target: Path
    format: str
    root: Path | None = None
    name: str = ""
    replace: bool = False
    comparison: Path | None = None


@dataclass(frozen=True)
class Plan:
    """What there is to do, and what of the inputs is left out."""

    jobs: list[Job]
    left_out: list[Found]


def plan_jobs(inputs: Sequence[Path], output: Path | None, *, recursive: bool, format: str | None) -> list[Job]:
    """The jobs of `make_plan`."""
    return make_plan(inputs, output, recursive=recursive, format=format).jobs


def make_plan(inputs: Sequence[Path], output: Path | None, *, recursive: bool, format: str | None) -> Plan:
    """Decide every output.

    One file goes to `output`, or into it if that is a folder; without `output` it becomes `photo-deblurred.jpg` beside
    the input. Several files go into the folder `output`, or each beside its input. The images of a folder go into the
    folder `output`, or `<folder>-deblurred` beside it, with their names and subfolders kept.

    Args:
        inputs: files and folders.
        output: file or folder.
        recursive: also look into the subfolders of a folder.
        format: Pillow's name of the format to write; by default that of the output's suffix, or the input's.

    Raises:
        UsageError: if the output makes no sense for these inputs, two outputs are the same, or one is an input.
        InputError: if there is nothing to do.
    """
    left_out: list[Found] = []
    if output is not None:
        refuse_circular(output)
    if output is not None and is_single(inputs) and not is_meant_as_folder(output):
        jobs = [Job(inputs[0], output, format or format_for(output), name=inputs[0].name)]
    else:
        if output is not None and not output.is_dir():
            refuse_as_folder(display_name(output), output.exists())
        root = None if is_single(inputs) else output
        jobs = [job for path in inputs for job in jobs_of(path, output, root, recursive, format, left_out)]
    pairs = [(one.source, one.target) for one in jobs]
    refuse_clashes(pairs)
    jobs = [replace(one, comparison=path) for one, path in zip(jobs, comparison_paths(pairs), strict=True)]
    if not jobs:
        raise InputError(f"{', '.join(display_name(path) for path in inputs)}: no images found{hint(left_out)}")
    return Plan(jobs, left_out)


def is_single(inputs: Sequence[Path]) -> bool:
    """Whether the inputs are one file; anything else is a batch, with records and a summary."""
    return len(inputs) == 1 and not is_directory(inputs[0])


def refuse_as_folder(output: str, there: bool) -> None:
    """Refuse a file, or what has a photo's name, as the folder that several results go to.

    Args:
        output: which is no folder.
        there: whether it is there at all.

    Raises:
        UsageError: if it is a file, or would be a folder that looks like one.
    """
    if there:
        raise UsageError(f"{output}: is a file, but these inputs need a folder; give another --output")
    if PurePath(output).suffix.lower() in READABLE:
        raise UsageError(
            f"{output}: is a photo's name, but these inputs need a folder; give another --output, or make it first"
        )


def refuse_circular(output: Path) -> None:
    """Refuse a link that leads back to itself.

    Raises:
        UsageError: if it is one.
    """
    if output.is_symlink() and Path(os.path.realpath(output)).is_symlink():
        raise UsageError(f"{display_name(output)}: a link that leads back to itself; give another --output")


def is_meant_as_folder(output: Path) -> bool:
    """An existing folder, or a name that can only be meant as one."""
    return output.is_dir() or not output.suffix


def jobs_of(
    path: Path, output: Path | None, root: Path | None, recursive: bool, format: str | None, left_out: list[Found]
) -> Iterator[Job]:
    if not is_directory(path):
        if output is None and is_stream(path):
            raise UsageError(f"{display_name(path)}: is no file, so nothing goes beside it; give --output FILE")
        name = path.stem if output is not None else path.stem + MARK
        yield job(path, (output or path.parent) / name, format, root, path.name, content=path)
        return
    folder = output or path.resolve().parent / (path.resolve().name + MARK)
    if folder.resolve() == path.resolve():
        raise UsageError(f"{display_name(path)}: the output folder is the input folder; give another --output")
    for found in scan(path, recursive, leave_out=folder.resolve()):
        if found.reason is None:
            inside = found.path.relative_to(path)
            yield job(found.path, folder / inside.with_suffix(""), format, folder, inside.as_posix())
        else:
            left_out.append(found)


def job(source: Path, stem: Path, format: str | None, root: Path | None, name: str, content: Path | None = None) -> Job:
    """A job whose output keeps the input's suffix where that fits the format.

    The format is the input's: by its name, or where that tells none, by what is in the file `content`. What can only
    be read becomes PNG.
    """
    suffix = source.suffix
    own = WRITABLE.get(suffix.lower())
    chosen = format or own or format_of(suffix, content)
    if chosen != own:
        suffix = suffix_for(chosen)
    return Job(source, stem.with_name(stem.name + suffix), chosen, root, name)


def format_of(suffix: str, content: Path | None) -> str:
    """The format in which a result is written whose input's suffix is none that is."""
    known = READABLE.get(suffix.lower())
    if known is None and content is not None and not is_stream(content):
        with contextlib.suppress(OSError, ValueError), content.open("rb") as file:
            known = identify(file.read(HEAD_BYTES))
    return known if known is not None and known in WRITABLE.values() else "PNG"


def hint(left_out: Sequence[Found]) -> str:
    """Why there may be no photographs in a folder."""
    for found in left_out:
        if found.reason == UNREADABLE:
            return f"; {display_name(found.path)} cannot be read ({found.detail})"
    return "".join(f"; left out: {count} {reason}" for reason, count in count_reasons(left_out).items())


def count_reasons(left_out: Sequence[Found]) -> dict[str, int]:
    """How many entries were left out for each reason."""
    counts: dict[str, int] = {}
    for found in left_out:
        if found.reason is not None:
            counts[found.reason] = counts.get(found.reason, 0) + 1
    return counts
