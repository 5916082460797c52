"""How what others wrote, such as file names, is shown on a terminal."""

from __future__ import annotations

from pathlib import Path


def display_name(path: Path | str) -> str:
    """A file name as one printable line: line breaks and undecodable bytes are shown as escapes."""
    return "".join(
        character if character.isprintable() else character.encode("unicode_escape").decode("ascii")
        for character in str(path)
    )
