"""Publishing a model on the Hugging Face Hub: the folder that is uploaded, and uploading it in one commit."""

from __future__ import annotations

import hashlib
import json
import re
import secrets
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from deblurcli.atomic import write_atomically
from deblurcli.display import display_name
from deblurcli.errors import DeblurError, InputError, OutputError, UsageError
from deblurcli.hub.client_errors import status_of, translated
from deblurcli.hub.fetch import endpoint, is_offline
from deblurcli.models.checkpoint import load_checkpoint
from deblurcli.publish.card_links import WEIGHTS, with_links
from deblurcli.publish.measured import read_measured
from deblurcli.publish.model_card import hub_licence, minimal_card, model_card
from deblurcli.version import __version__


@dataclass(frozen=True)
class Prepared:
    """A folder that can be uploaded.

    Attributes:
        files: name -> size in bytes, as in the folder.
        warnings: what the author should look at first, a line each.
    """

    files: Mapping[str, int]
    warnings: tuple[str, ...]


def prepare(checkpoint: Path, card: Path | None, folder: Path, metrics: Path | None = None) -> Prepared:
    """Make the folder of a model, whole or not at all: weights, model card, configuration. Asks nothing of the network.

    `model.safetensors` is the checkpoint, byte for byte. `README.md` is the card with the Hub's front matter.
    `config.json` has the architecture and its hyper-parameters. Beside them lies what the card links to.

    Args:
        checkpoint: a `.safetensors` file of this program.
        card: Markdown; None takes the file of the checkpoint's name that ends in .md, or if there is none says only
            what the checkpoint says about itself.
        folder: new, or empty.
        metrics: output of `deblur bench --json` with this checkpoint; without it no figures are claimed.

    Raises:
        WeightsUnavailable: if the checkpoint is missing.
        WeightsDamaged: if it does not load.
        InputError: if the card or the metrics cannot be read.
        UsageError: if those are not about this checkpoint, or the folder holds something.
        OutputError: if the folder cannot be written.
    """
    network, info = load_checkpoint(checkpoint)
    weights = checkpoint.read_bytes()
    if card is None and checkpoint.with_suffix(".md").is_file():
        card = checkpoint.with_suffix(".md")
    measured = read_measured(metrics, info.name, hashlib.sha256(weights).hexdigest()) if metrics else None
    files, warnings = {WEIGHTS: weights}, []
    if card is None:
        source = "the minimal card"
        text = minimal_card(info, sum(each.numel() for each in network.parameters()))
        warnings.append("there is no model card, so this one says only what the checkpoint does; give one with --card")
    else:
        source = display_name(card)
        linked = with_links(_read(card), card, checkpoint)
        text = linked.text
        warnings += linked.warnings
        files |= {name: file.read_bytes() for name, file in linked.files.items()}
    config = {"library_name": "deblurcli", "architecture": info.architecture, "config": dict(info.config)}
    files["config.json"] = (json.dumps(config, indent=2) + "\n").encode()
    files["README.md"] = model_card(info, text, source, measured).encode("utf-8", "backslashreplace")
    licence = hub_licence(info.licence)["license"]
    if licence == "unknown":
        warnings.append("the checkpoint names no licence, so nobody may use it; name one when you train")
    if licence == "other":
        warnings.append(f"the Hub knows no licence {display_name(info.licence)}; put its terms into the card")
    _write(files, folder)
    return Prepared({name: len(data) for name, data in files.items()}, tuple(warnings))


def publish(folder: Path, repo: str, token: str | None = None, private: bool = False) -> str:
    """Upload all files of a folder in one commit, into a new repository or on top of what is there.

    Args:
        folder: from `prepare`. Files whose names begin with a dot stay here.
        repo: "organisation/name".
        token: of a user who may write there; None takes the one of `hf auth login` or HF_TOKEN.
        private: make a new repository private. A public one of that name is refused.

    Returns:
        URL of the commit; if the repository holds exactly these files already, of its last one.

    Raises:
        UsageError: if the name is impossible, or `private` is asked of a public repository.
        WeightsUnavailable: if the folder holds no weights.
        WeightsDamaged: if they do not load; nothing is sent then.
        OutputError: if the Hub cannot be reached, or refuses.
    """
    if not re.fullmatch(r"[^/\s]+/[^/\s]+", repo):
        raise UsageError(f"{display_name(repo)}: not the name of a repository; give it as ORGANISATION/NAME")
    with translated(lambda error: _explanation(repo, error)):
        from huggingface_hub import CommitOperationAdd, HfApi, get_token

        if is_offline():
            raise OutputError(f"{repo}: not uploaded, as HF_HUB_OFFLINE is set; unset it")
        token = token or get_token()
        if not token:
            raise OutputError(f"{repo}: not uploaded, as you are not logged in; run `hf auth login` or set HF_TOKEN")
        info = load_checkpoint(folder / WEIGHTS)[1]
        api = HfApi(token=token, library_name="deblurcli", library_version=__version__)
        # None rather than False leaves a new repository as the organisation's settings say.
        api.create_repo(repo, private=private or None, exist_ok=True)
        if private and not api.model_info(repo).private:
            raise UsageError(f"{repo}: exists and is public; make it private on its page, or leave out --private")
        paths = sorted(path for path in folder.rglob("*") if path.is_file())
        names = {path: path.relative_to(folder).as_posix() for path in paths}
        # upload_folder may make several commits.
        commit = api.create_commit(
            repo,
            [CommitOperationAdd(name, path) for path, name in names.items() if not re.search(r"(^|/)\.", name)],
            commit_message=f"{display_name(info.name)}, version {display_name(info.version)}",
        )
        return str(commit.commit_url)


def _read(card: Path) -> str:
    try:
        return card.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8"
        raise InputError(f"{display_name(card)}: cannot read the card ({reason}); check the file") from error


def _write(files: Mapping[str, bytes], folder: Path) -> None:
    """Put files into a new folder, which appears with all of them."""
    temporary = folder.parent / f".deblur-{secrets.token_hex(6)}"
    try:
        if folder.exists() and not (folder.is_dir() and not any(folder.iterdir())):
            raise UsageError(f"{display_name(folder)}: holds something already; give a new folder")
        for name, data in files.items():
            path = temporary / name
            path.parent.mkdir(parents=True, exist_ok=True)
            write_atomically(data, path, overwrite=False)
        if folder.exists():
            folder.rmdir()
        temporary.rename(folder)
    except OSError as error:
        raise OutputError(
            f"{display_name(folder)}: cannot write ({error.strerror}); check the path and the free space"
        ) from error
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def _explanation(repo: str, error: Exception) -> DeblurError:
    from huggingface_hub.errors import HFValidationError

    if isinstance(error, HFValidationError):
        return UsageError(f"{display_name(repo)}: not the name of a repository ({_line(error)}); give another")
    causes = [error]
    while isinstance(below := causes[-1].__cause__ or causes[-1].__context__, Exception):
        causes.append(below)
    status = status_of(causes)
    answers = {
        401: "the Hub does not accept your token; run `hf auth login` or set HF_TOKEN to one that may write",
        403: "your token may not write there; give it write access on your settings page, or choose another --repo",
        404: "there is no such repository, or your token may not see it; check the name and HF_ENDPOINT",
        409: "someone else is changing it; try again",
        412: "someone else has changed it meanwhile; try again",
        413: "the Hub finds the files too large",
        429: "the Hub was asked too often; wait some minutes and try again",
    }
    if status >= 500:
        problem = f"the server has an error ({status}); try again later"
    elif status in answers:
        problem = answers[status]
    elif status:
        problem = f"the Hub refuses ({_line(error)})"
    else:
        problem = f"{_line(causes[-1])}; check the network and try again"
    return OutputError(f"{endpoint()}: {repo} not uploaded: {problem}")


def _line(error: BaseException) -> str:
    """What an error says, on one line, or its kind where it says nothing."""
    said = getattr(error, "server_message", None) or str(error)
    return display_name(" ".join(said.split())[:200]).rstrip(".") or type(error).__name__
