"""From the inputs a user names to pairs of files, checked before any work begins."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from deblurcli.errors import InputError, UsageError
from deblurcli.images import WRITABLE, display_name, format_for, is_image_name, suffix_for

MARK = "-deblurred"


@dataclass(frozen=True)
class Job:
    """One photo to restore: where it is, where the result goes, in which of Pillow's formats."""

    source: Path
    target: Path
    format: str


def plan_jobs(inputs: Sequence[Path], output: Path | None, *, recursive: bool, format: str | None) -> list[Job]:
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
    if output is not None and len(inputs) == 1 and not inputs[0].is_dir() and not is_folder(output):
        chosen = format or format_for(output)
        jobs = [Job(inputs[0], output, chosen)]
    else:
        if output is not None and output.exists() and not output.is_dir():
            raise UsageError(
                f"{display_name(output)}: is a file, but these inputs need a folder; give another --output"
            )
        jobs = [job for path in inputs for job in jobs_of(path, output, recursive, format)]
    refuse_clashes(jobs)
    if not jobs:
        hint = "" if recursive else "; subfolders are searched with --recursive"
        raise InputError(f"{', '.join(display_name(path) for path in inputs)}: no images found{hint}")
    return jobs


def is_folder(output: Path) -> bool:
    """An existing folder, or a name that can only be meant as one."""
    return output.is_dir() or not output.suffix


def jobs_of(path: Path, output: Path | None, recursive: bool, format: str | None) -> Iterator[Job]:
    if not path.is_dir():
        folder = output or path.parent
        name = path.stem if output is not None else path.stem + MARK
        yield job(path, folder / name, format)
        return
    folder = output or path.resolve().parent / (path.resolve().name + MARK)
    if folder.resolve() == path.resolve():
        raise UsageError(f"{display_name(path)}: the output folder is the input folder; give another --output")
    for found in images_in(path, recursive, leave_out=folder.resolve()):
        yield job(found, folder / found.relative_to(path).with_suffix(""), format)


def images_in(folder: Path, recursive: bool, leave_out: Path) -> Iterator[Path]:
    """The images of a folder by name, sorted, without hidden ones and without an output folder inside it."""
    for path in sorted(folder.iterdir()):
        if path.name.startswith("."):
            continue
        if path.is_dir():
            if recursive and not path.is_symlink() and path.resolve() != leave_out:
                yield from images_in(path, recursive, leave_out)
        elif is_image_name(path):
            yield path


def job(source: Path, stem: Path, format: str | None) -> Job:
    """A job whose output keeps the input's suffix where that fits the format; formats only read become PNG."""
    suffix = source.suffix
    own = WRITABLE.get(suffix.lower())
    chosen = format or own or "PNG"
    if chosen != own:
        suffix = suffix_for(chosen)
    return Job(source, stem.with_name(stem.name + suffix), chosen)


def refuse_clashes(jobs: Sequence[Job]) -> None:
    sources = {one.source.resolve(): one.source for one in jobs}
    targets: dict[Path, Path] = {}
    for one in jobs:
        target = one.target.resolve()
        if target in sources:
            raise UsageError(
                f"{display_name(one.target)}: is an input, and inputs are never overwritten; choose another --output"
            )
        if target in targets:
            first, second = display_name(targets[target]), display_name(one.source)
            raise UsageError(f"{first} and {second} would both become {display_name(one.target)}; rename one of them")
        targets[target] = one.source
