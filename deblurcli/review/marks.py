"""The file of marks that a person sets while looking: what to keep, what to do again, and what to remove."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, get_args

from deblurcli.atomic import write_atomically
from deblurcli.display import display_name
from deblurcli.errors import InputError, OutputError
from deblurcli.review.pairs import Pair

Mark = Literal["keep", "redo", "remove"]
MARKS: tuple[Mark, ...] = get_args(Mark)
FORMAT = "deblur-marks"
VERSION = 1


@dataclass(frozen=True)
class Marked:
    """A result with a mark; the other fields as in `Pair`."""

    name: str
    before: Path
    after: Path
    stamp: str
    mark: Mark


@dataclass(frozen=True)
class Marks:
    """What a file of marks says: the folder of results, and the marks in it."""

    folder: Path
    photos: list[Marked]

    def of(self, mark: Mark) -> list[Marked]:
        """Those with this mark."""
        return [each for each in self.photos if each.mark == mark]


def read_marks(path: Path) -> Marks:
    """Read a file of marks.

    Raises:
        InputError: if it is not there, or is none.
    """
    label = display_name(path)
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or "not text"
        raise InputError(f"{label}: cannot be read ({reason}); save the marks in `deblur review`") from None
    try:
        data = json.loads(text)
        if data["format"] != FORMAT or data["version"] != VERSION:
            raise ValueError
        return Marks(_absolute(data["folder"]), [_marked(each) for each in data["photos"]])
    except (ValueError, KeyError, TypeError):
        raise InputError(
            f"{label}: no file of marks that this version knows; save the marks in `deblur review`"
        ) from None


def _marked(entry: Mapping[str, Any]) -> Marked:
    name, stamp, mark = (entry[key] for key in ("name", "stamp", "mark"))
    if not isinstance(name, str) or not isinstance(stamp, str) or mark not in MARKS:
        raise ValueError
    return Marked(name, _absolute(entry["before"]), _absolute(entry["after"]), stamp, mark)


def _absolute(text: str) -> Path:
    path = Path(text)
    if not path.is_absolute():
        raise ValueError
    return path


def marks_text(folder: Path, pairs: Sequence[Pair], marks: Mapping[int, Mark]) -> str:
    """The file's text, for marks by the number of their pair. The page's script writes the same (`marksText`)."""
    photos = [entry_of(pairs[number]) | {"mark": mark} for number, mark in sorted(marks.items())]
    return json.dumps({"format": FORMAT, "version": VERSION, "folder": str(folder), "photos": photos}, indent=1) + "\n"


def entry_of(pair: Pair) -> dict[str, str]:
    """What a file of marks tells of a pair, but for the mark."""
    return {"name": pair.name, "before": str(pair.before), "after": str(pair.after), "stamp": pair.stamp}


def write_marks(path: Path, folder: Path, pairs: Sequence[Pair], marks: Mapping[int, Mark]) -> None:
    """Write the file, in place of an older one.

    Raises:
        OutputError: if it cannot be written.
    """
    try:
        write_atomically(marks_text(folder, pairs, marks).encode(), path, overwrite=True)
    except OSError as error:
        raise OutputError(f"{display_name(path)}: cannot be written ({error.strerror}); give another --marks") from None


def earlier_marks(path: Path, pairs: Sequence[Pair]) -> dict[int, Mark]:
    """The marks of an earlier session, by the number of their pair; of results that have changed since, none.

    Raises:
        InputError: if there is a file of this name that is none of marks.
    """
    if not path.exists():
        return {}
    numbers = {(pair.after, pair.stamp): number for number, pair in enumerate(pairs)}
    found = ((numbers.get((each.after, each.stamp)), each.mark) for each in read_marks(path).photos)
    return {number: mark for number, mark in found if number is not None}
