"""Links in a model card: what they lead to is uploaded beside the card, or they are no links any more."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote, unquote

from deblurcli.display import display_name
from deblurcli.publish.markdown_links import Span, find_links

WEIGHTS = "model.safetensors"  # name of the weights in every published repository

# Lists of photos, recipes and pictures are part of a card. Other weights, programs and further cards are not.
_PART_OF_A_CARD = frozenset({".csv", ".txt", ".toml", ".png", ".jpg", ".jpeg", ".webp", ".gif", ".svg"})


@dataclass(frozen=True)
class Linked:
    """A card that can leave its folder.

    Attributes:
        text: of the card, with its links as they are right beside the uploaded files.
        files: name in the repository -> file here, of what the card links to.
        warnings: one line for every link that leads nowhere.
    """

    text: str
    files: Mapping[str, Path]
    warnings: tuple[str, ...]


def with_links(text: str, card: Path, checkpoint: Path) -> Linked:
    """Find what a card links to in its own folder or below: lists, recipes and pictures.

    A link to the checkpoint leads to the uploaded one. Any other relative link becomes plain text, with a warning; in
    HTML and in reference definitions it stays, with a warning. Links to web pages and within the card stay as they are.
    """
    files: dict[str, Path] = {}
    warnings: list[str] = []
    edits: list[tuple[Span, str]] = []
    for link in find_links(text):
        known = _resolve(link.target, card, checkpoint, files)
        if known is None:
            edits += [(place, "") for place in link.brackets or ()]
            then = "the link is left out" if link.brackets else "on the Hub that link is broken"
            warnings.append(
                f"{display_name(card)}: links to {display_name(link.target)}, which is not uploaded; {then}"
            )
        elif known != link.target:
            edits.append((link.destination, known))
    for (begin, end), new in sorted(edits, reverse=True):
        text = text[:begin] + new + text[end:]
    return Linked(text, files, tuple(dict.fromkeys(warnings)))


def _resolve(target: str, card: Path, checkpoint: Path, files: dict[str, Path]) -> str | None:
    """The link as it must be in the repository; its file is added to `files`. None if it leads nowhere there."""
    if re.match(r"[a-zA-Z][a-zA-Z0-9+.-]+:|//|#", target):
        return target
    path, mark, rest = re.fullmatch(r"([^?#]*)([?#]?)(.*)", target, re.DOTALL).groups()  # type: ignore[union-attr]
    folder = card.parent.resolve()
    try:
        file = (folder / unquote(path)).resolve()
        if file == checkpoint.resolve():
            return WEIGHTS
        if not (file.is_relative_to(folder) and file.suffix.lower() in _PART_OF_A_CARD and file.is_file()):
            return None
    except (OSError, ValueError, RuntimeError):  # a name that is too long, holds a NUL, or goes round in circles
        return None
    name = file.relative_to(folder).as_posix()
    files[name] = file
    return quote(name) + mark + quote(rest, safe="%/?#=&;:@!$,+*")
