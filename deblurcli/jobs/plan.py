"""From the inputs a user names to pairs of files, checked before any work begins."""

from __future__ import annotations

import contextlib
import os
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path, PurePath

from deblurcli.display import display_name
from deblurcli.errors import InputError, UsageError
from deblurcli.images import READABLE, WRITABLE, format_for, suffix_for
from deblurcli.images.formats import HEAD_BYTES, identify
from deblurcli.jobs.names import comparison_paths, refuse_clashes
from deblurcli.jobs.stores.files import fingerprint_of, is_folder, is_read_once, photos_in
from deblurcli.jobs.stores.place import Place, Url, inside
from deblurcli.jobs.stores.scan import UNREADABLE, Found
from deblurcli.jobs.task import Options, Task

MARK = "-deblurred"


@dataclass(frozen=True)
class Plan:
    """What there is to do, and what of the inputs is left out."""

    tasks: list[Task]
    left_out: list[Found]


def make_plan(
    inputs: Sequence[Place],
    output: Place | None,
    options: Options | None = None,
    *,
    recursive: bool = False,
    into_folder: bool = False,
    may_be_empty: bool = False,
) -> Plan:
    """Decide every output.

    One file goes to `output`, or into it if that is a folder; without `output` it becomes `photo-deblurred.jpg` beside
    the input. Several files go into the folder `output`, or each beside its input. The images of a folder go into the
    folder `output`, or `<folder>-deblurred` beside it, with their names and subfolders kept.

    Args:
        inputs: files and folders.
        output: file or folder.
        options: of which format and compare count; without a format it is that of the output's suffix, or the input's.
        recursive: also look into the subfolders of a folder.
        into_folder: `output` is a folder with records, also for a single photo.
        may_be_empty: do not mind if there is nothing to do, because others find something.

    Raises:
        UsageError: if the output makes no sense for these inputs, two outputs are the same, or one is an input.
        InputError: if there is nothing to do.
        StoreUnusable: if a store refuses.
    """
    options = options or Options()
    left_out: list[Found] = []
    if isinstance(output, Path):
        refuse_circular(output)
    single = is_single(inputs) and not into_folder
    if single and isinstance(output, Path) and not is_meant_as_folder(output):
        tasks = [Task(inputs[0], output, options.format or format_for(output), name=inputs[0].name)]
    else:
        if output is not None and not (isinstance(output, Path) and output.is_dir()):
            refuse_as_folder(output)
        root = None if single else output
        tasks = [task for one in inputs for task in tasks_in(one, output, root, recursive, options.format, left_out)]
    pairs = [(task.source, task.target) for task in tasks]
    refuse_clashes(pairs)
    if options.compare:
        tasks = [replace(task, comparison=path) for task, path in zip(tasks, comparison_paths(pairs), strict=True)]
    if not tasks and not may_be_empty:
        raise InputError(f"{', '.join(map(display_name, inputs))}: no images found{hint(left_out)}")
    return Plan(tasks, left_out)


def is_single(inputs: Sequence[Place]) -> bool:
    """Whether the inputs are one file; anything else is many, with records and a summary."""
    return len(inputs) == 1 and not is_folder(inputs[0])


def refuse_as_folder(output: Place) -> None:
    """Refuse a file, or what has a photo's name, as the folder that several results go to.

    Raises:
        UsageError: if it is so.
    """
    if isinstance(output, Path) and output.exists():
        raise UsageError(f"{display_name(output)}: is a file, but these inputs need a folder; give another --output")
    if PurePath(output.name).suffix.lower() in READABLE:
        raise UsageError(
            f"{display_name(output)}: is a photo's name, but these inputs need a folder; give another --output, or "
            "make it first"
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


def tasks_in(
    source: Place, output: Place | None, root: Place | None, recursive: bool, format: str | None, left_out: list[Found]
) -> Iterator[Task]:
    """The tasks of one input, a file or a folder."""
    if not is_folder(source):
        yield task_of_file(source, output, root, format)
        return
    folder = output or beside(source)
    if is_same(folder, source):
        raise UsageError(f"{display_name(source)}: the output folder is the input folder; give another --output")
    for found in photos_in(source, recursive, leave_out=folder):
        if found.reason is not None:
            left_out.append(found)
            continue
        name = found.path.path if isinstance(found.path, Url) else found.path.relative_to(str(source)).as_posix()
        written, chosen = name_and_format(name, format)
        yield Task(found.path, inside(folder, written), chosen, folder, name, listed=found.fingerprint)


def task_of_file(source: Place, output: Place | None, root: Place | None, format: str | None) -> Task:
    if isinstance(source, Url):
        source = Url(source.parent.folder, source.name)
    elif output is None and is_read_once(source):
        raise UsageError(f"{display_name(source)}: is no file, so nothing goes beside it; give --output FILE")
    name, chosen = name_and_format(source.name, format, source, "" if output is not None else MARK)
    listed = fingerprint_of(source) if isinstance(source, Url) else ""
    return Task(source, inside(output or source.parent, name), chosen, root, source.name, listed=listed)


def beside(folder: Place) -> Place:
    """Where the results of a folder go if the user does not say."""
    whole = folder.resolve() if isinstance(folder, Path) else folder
    return inside(whole.parent, whole.name + MARK)


def is_same(one: Place, other: Place) -> bool:
    if isinstance(one, Path) and isinstance(other, Path):
        return one.resolve() == other.resolve()
    return one == other


def name_and_format(name: str, format: str | None, content: Place | None = None, mark: str = "") -> tuple[str, str]:
    """The name of a result, which keeps the input's suffix where that fits the format, and the format.

    The format is the input's: by its name, or where that tells none, by what is in the file `content`. What can only
    be read becomes PNG.
    """
    suffix = PurePath(name).suffix
    stem = name.removesuffix(suffix) + mark
    own = WRITABLE.get(suffix.lower())
    chosen = format or own or format_of(suffix, content)
    return stem + (suffix if chosen == own else suffix_for(chosen)), chosen


def format_of(suffix: str, content: Place | None) -> str:
    """The format in which a result is written whose input's suffix is none that is."""
    known = READABLE.get(suffix.lower())
    if known is None and isinstance(content, Path) and not is_read_once(content):
        with contextlib.suppress(OSError, ValueError), content.open("rb") as file:
            known = identify(file.read(HEAD_BYTES))
    return known if known is not None and known in WRITABLE.values() else "PNG"


def hint(left_out: Sequence[Found]) -> str:
    """Why there may be no photographs in a folder."""
    for found in left_out:
        if found.reason == UNREADABLE:
            return f"; {display_name(found.path)} cannot be read ({found.detail})"
    counts = Counter(found.reason for found in left_out)
    return "".join(f"; left out: {count} {reason}" for reason, count in counts.items())
