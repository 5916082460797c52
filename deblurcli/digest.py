"""What a file's content is known by: its SHA-256, or git's SHA-1 of it, which is what the Hub tells of small files."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from pathlib import Path

GIT_DIGITS = 40  # of git's SHA-1; a SHA-256 has 64


def sha256_of(path: Path) -> str:
    """64 hex digits."""
    digest = hashlib.sha256()
    for block in _blocks(path):
        digest.update(block)
    return digest.hexdigest()


def git_sha1_of(path: Path) -> str:
    """40 hex digits: what git calls a file with this content (a "blob")."""
    digest = hashlib.sha1(b"blob %d\0" % path.stat().st_size)
    for block in _blocks(path):
        digest.update(block)
    return digest.hexdigest()


def is_digest(text: str) -> bool:
    """Whether a text is one of the two."""
    return re.fullmatch(r"[0-9a-f]{40}|[0-9a-f]{64}", text) is not None


def kind_of(digest: str | None) -> str:
    """What a check goes by, in words; None for a file of which only the size is known."""
    return "size" if digest is None else "SHA-1" if len(digest) == GIT_DIGITS else "SHA-256"


def digest_like(digest: str, path: Path) -> str:
    """The digest of a file, of the same kind as another one."""
    return git_sha1_of(path) if len(digest) == GIT_DIGITS else sha256_of(path)


def _blocks(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        while block := file.read(1 << 20):
            yield block
