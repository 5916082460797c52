"""Scores on disk as they are made, so that an interrupted measurement can be finished later."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from deblurcli.bench.data.datasets import Dataset
from deblurcli.bench.results import Method, Score
from deblurcli.cache import cache_folder
from deblurcli.errors import OutputError


class Journal:
    """A file of one score per line, named after everything that the scores depend on.

    Args:
        folder: of all journals; made when needed.
        dataset: what is measured on; a changed file is another journal.
        methods: what is measured; other weights, another device or precision is another journal.
        version: of this program.

    Raises:
        OutputError: if the file cannot be made or written.
    """

    def __init__(self, folder: Path, dataset: Dataset, methods: Sequence[Method], version: str) -> None:
        self.path = folder / f"{measurement_name(dataset, methods, version)}.jsonl"

    def read(self) -> list[Score]:
        """The scores of earlier runs; none if there was none. A line cut short by a power cut is left out."""
        try:
            lines = self.path.read_text(encoding="utf-8").splitlines()
        except (OSError, UnicodeDecodeError):
            return []
        scores = []
        for line in lines:
            try:
                scores.append(Score(**json.loads(line)))
            except (ValueError, TypeError):
                continue
        return scores

    def add(self, score: Score) -> None:
        """One more line. Python's JSON writes the infinite PSNR of identical images, and reads it back."""
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            with self.path.open("a", encoding="utf-8") as file:
                file.write(json.dumps(asdict(score)) + "\n")
        except OSError as error:
            raise OutputError(f"{self.path}: cannot keep the scores so far ({error.strerror})") from error

    def clear(self) -> None:
        """Forget all of it: before a fresh start, and once everything is done."""
        try:
            self.path.unlink(missing_ok=True)
        except OSError as error:
            raise OutputError(f"{self.path}: cannot remove old scores ({error.strerror})") from error


def measurement_name(dataset: Dataset, methods: Sequence[Method], version: str) -> str:
    """A name for the measurement: equal only if nothing that decides the scores has changed."""
    digest = hashlib.sha256(json.dumps([version, dataset.protocol, [asdict(method) for method in methods]]).encode())
    for pair in dataset.pairs:
        for path in (pair.blurry, *pair.truths):
            state = path.stat()
            entry = f"{pair.name}\0{path.absolute()}\0{state.st_size}\0{state.st_mtime_ns}\n"
            digest.update(os.fsencode(entry))
    return digest.hexdigest()[:24]


def default_folder() -> Path:
    """Where journals are kept when the user names no place. Raises OutputError if it cannot be used."""
    return cache_folder("bench")
