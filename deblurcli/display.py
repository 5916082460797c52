"""What is told to a user: lines, and in them what others wrote, such as file names."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path

Tell = Callable[[str], None]  # takes a line for the user

_MOST_NAMES = 6


def display_name(path: Path | str) -> str:
    """A file name as one printable line: line breaks and undecodable bytes are shown as escapes."""
    return "".join(
        character if character.isprintable() else character.encode("unicode_escape").decode("ascii")
        for character in str(path)
    )


def listed(names: Iterable[str]) -> str:
    """Names as a sentence lists them; of very many the first."""
    names = list(dict.fromkeys(names))
    if len(names) > _MOST_NAMES:
        names = [*names[: _MOST_NAMES - 1], f"{len(names) - _MOST_NAMES + 1} more"]
    return " and ".join([", ".join(names[:-1]), names[-1]] if len(names) > 1 else names)
