"""What stores raise, made into one clear line. Their classes differ, so names, numbers and HTTP statuses are read."""

from __future__ import annotations

import contextlib
import errno
from collections.abc import Iterator
from typing import Literal

from deblurcli.display import display_name
from deblurcli.errors import DeblurError, InputError, OutputError
from deblurcli.images import OutputExists

Doing = Literal["read", "write"]

FULL = (errno.ENOSPC, errno.EDQUOT)
NETWORK = ("ConnectionError", "ConnectError", "ConnectTimeout", "ReadTimeout", "TimeoutError", "gaierror")
LOG_IN = {
    "s3": "set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or AWS_PROFILE",
    "gs": "run `gcloud auth application-default login`, or set GOOGLE_APPLICATION_CREDENTIALS",
    "hf": "run `hf auth login`, or set HF_TOKEN",
}


class StoreUnusable(DeblurError):
    """Nothing in this store can be read or written: no credentials, no bucket, no network. Other files fail alike."""


@contextlib.contextmanager
def store_errors_explained(url: str, doing: Doing) -> Iterator[None]:
    """Raise whatever a store raises inside as one of our errors about `url`; our own errors pass.

    Raises:
        InputError: reading, if this file cannot be read; others may.
        OutputExists: writing, if it is there already.
        OutputError: writing, if this file cannot be written; others may.
        StoreUnusable: if no file can.
    """
    try:
        yield
    except (DeblurError, MemoryError):
        raise
    except Exception as error:
        raise explanation(url, doing, error) from error


def explanation(url: str, doing: Doing, error: Exception) -> DeblurError:
    """The error to raise; its text names the place, the reason and the remedy."""
    label = display_name(url)
    causes = list(causes_of(error))
    names = [kind.__name__ for cause in causes for kind in type(cause).__mro__]
    numbers = {
        number for cause in causes for number in (getattr(cause, "errno", None), http_status_of(cause)) if number
    }
    if any("Credential" in name or name == "RefreshError" for name in names):
        scheme = {"s3a": "s3", "gcs": "gs"}.get(url.partition("://")[0], url.partition("://")[0])
        return StoreUnusable(f"{label}: no credentials were found; {LOG_IN.get(scheme, 'log in to this store')}")
    if "NoSuchBucket" in names or "bucket does not exist" in str(error):
        return StoreUnusable(f"{label}: there is no such bucket; check its name, or create it")
    if "PermissionError" in names or numbers & {401, 403}:
        line = (
            f"{label}: no permission to {doing} there ({first_line_of(error)}); check the credentials and their rights"
        )
        return InputError(line) if doing == "read" else StoreUnusable(line)
    if "FileExistsError" in names and doing == "write":
        return OutputExists(f"{label}: exists already; replace it with --overwrite")
    if "FileNotFoundError" in names or 404 in numbers:
        if doing == "read":
            return InputError(f"{label}: no such file or folder; check the name")
        return OutputError(f"{label}: cannot be written, its folder is not there; create it first")
    if any(name in NETWORK for name in names):
        return StoreUnusable(f"{label}: cannot be reached ({first_line_of(error)}); check the network and the endpoint")
    if numbers & set(FULL):
        return StoreUnusable(f"{label}: the disk is full; free some space or choose another output")
    kind = InputError if doing == "read" else OutputError
    return kind(
        f"{label}: cannot be {'read' if doing == 'read' else 'written'} ({first_line_of(error)}); try it again later"
    )


def causes_of(error: BaseException | None) -> Iterator[BaseException]:
    """The error and what it came from, outermost first."""
    while error is not None:
        yield error
        error = error.__cause__ or (None if error.__suppress_context__ else error.__context__)


def http_status_of(error: BaseException) -> int | None:
    """The HTTP status that an error tells, if it does."""
    status = getattr(getattr(error, "response", None), "status_code", None) or getattr(error, "code", None)
    return int(status) if isinstance(status, int) or (isinstance(status, str) and status.isdigit()) else None


def first_line_of(error: BaseException) -> str:
    """The first line of an error's text, or its kind where there is no text."""
    return display_name(str(error).strip().partition("\n")[0][:200]) or type(error).__name__
