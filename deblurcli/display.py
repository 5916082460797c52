"""What is told to a user: lines, and in them what others wrote, such as file names."""

from __future__ import annotations

from collections.abc import Iterable

_MOST_NAMES = 6
_LONGEST_NAME = 240


def display_name(path: object) -> str:
    """What stands for a file as one printable line: line breaks and undecodable bytes are shown as escapes."""
    return "".join(
        character if character.isprintable() else character.encode("unicode_escape").decode("ascii")
        for character in str(path)
    )


def listed(names: Iterable[str]) -> str:
    """Names as a sentence lists them; of very many the first, and of very long ones the beginning. Some are from files,
    which may hold anything, and nothing of it may reach a terminal."""
    names = list(dict.fromkeys(shortened(display_name(name)) for name in names))
    if len(names) > _MOST_NAMES:
        names = [*names[: _MOST_NAMES - 1], f"{len(names) - _MOST_NAMES + 1} more"]
    return " and ".join([", ".join(names[:-1]), names[-1]] if len(names) > 1 else names)


def shortened(text: str) -> str:
    """A text that was written by others, or the beginning of a very long one."""
    return text if len(text) <= _LONGEST_NAME else text[:_LONGEST_NAME] + "..."


def counted(number: int, thing: str) -> str:
    """ "1 run", "20 runs"."""
    return f"{number:,} {thing}" if number == 1 else f"{number:,} {thing}s"


def encodable(text: str) -> str:
    """The text with what UTF-8 has no code for, as in undecodable file names, as escape sequences."""
    return text.encode("utf-8", "backslashreplace").decode()
