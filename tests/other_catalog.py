"""The real program with models of a test's own: every module is that of the checkout, only the weights are others."""

from __future__ import annotations

import hashlib
import subprocess
from pathlib import Path

import deblurcli

WORDS = {"architecture": "srn", "trained_on": "-", "good_at": "-", "bad_at": "-", "paper": "-"}


def make_program(folder: Path) -> None:
    """A package in `folder`, to be put on PYTHONPATH, with an empty catalogue."""
    package = folder / "deblurcli"
    package.mkdir(parents=True)
    for entry in Path(deblurcli.__file__).parent.iterdir():
        if entry.name != "__pycache__":
            (package / entry.name).symlink_to(entry)
    (package / "weights").mkdir()
    (package / "weights" / "catalog.toml").touch()


def add_model(folder: Path, name: str, file: str, content: bytes, **more: object) -> None:
    """A record for this content; a model without a `repo` is shipped. `more` is added to the record, or replaces it."""
    if "repo" not in more:
        (folder / "deblurcli" / "weights" / file).write_bytes(content)
    known = {"file": file, "bytes": len(content), "sha256": hashlib.sha256(content).hexdigest()}
    add_record(folder, name, **{**WORDS, "licence": "CC0-1.0", **known, **more})


def add_record(folder: Path, name: str, **values: object) -> None:
    lines = "".join(f"{key} = {in_toml(value)}\n" for key, value in values.items())
    with (folder / "deblurcli" / "weights" / "catalog.toml").open("a") as catalog:
        catalog.write(f"[{name}]\n{lines}")


def in_toml(value: object) -> str:
    if isinstance(value, list):
        return f"[{', '.join(map(in_toml, value))}]"
    if isinstance(value, dict):
        return "{" + ", ".join(f"{key} = {in_toml(one)}" for key, one in value.items()) + "}"
    return repr(value)


def finish(process: subprocess.Popen[str]) -> tuple[int, str, str]:
    """Exit code, standard output, standard error."""
    output, errors = process.communicate(timeout=300)
    assert "Traceback" not in errors, errors
    return process.returncode, output, errors


def failure(done: tuple[int, str, str], code: int) -> str:
    """The one line that says what was wrong; the client's own remarks may come before it."""
    assert done[0] == code, done
    line = done[2].rstrip("\n").rpartition("\n")[2]
    assert line.startswith("deblur: ")
    return line.removeprefix("deblur: ")
