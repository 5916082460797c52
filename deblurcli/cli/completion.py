"""What the Tab key offers: Typer makes the shells' scripts and answers them, here is what it cannot know."""

from __future__ import annotations

import os

COMMANDS = ("batch", "bench", "doctor", "review", "synth", "train", "weights")


def words_to_complete() -> list[str]:
    """The words after the program's name in the line that a shell wants completed; none if no shell asks."""
    if "_DEBLUR_COMPLETE" not in os.environ:
        return []
    return (os.environ.get("_TYPER_COMPLETE_ARGS") or os.environ.get("COMP_WORDS", "")).split()[1:]


def commands(incomplete: str) -> list[str]:
    """The commands that a first word may become; a later one is a photo."""
    return [name for name in COMMANDS if name.startswith(incomplete)] if len(words_to_complete()) < 2 else []


def models(incomplete: str) -> list[str]:
    """The names of models that begin so."""
    from deblurcli.models.catalog import catalog

    return [name for name in catalog() if name.startswith(incomplete)]
