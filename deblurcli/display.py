"""What is told to a user: lines, and in them what others wrote, such as file names."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

Tell = Callable[[str], None]  # takes a line for the user


def display_name(path: Path | str) -> str:
    """A file name as one printable line: line breaks and undecodable bytes are shown as escapes."""
    return "".join(
        character if character.isprintable() else character.encode("unicode_escape").decode("ascii")
        for character in str(path)
    )
