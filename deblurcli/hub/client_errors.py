"""What the Hub's client raises, made into our errors: its classes differ between its versions."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable, Iterator

from deblurcli.errors import DeblurError


@contextlib.contextmanager
def translated(explanation: Callable[[Exception], DeblurError]) -> Iterator[None]:
    """Raise the explanation of whatever the client raises inside; our own errors pass."""
    try:
        yield
    except DeblurError:
        raise
    except Exception as error:
        raise explanation(error) from error


def status_of(causes: Iterable[BaseException]) -> int:
    """The HTTP status that the first of these errors with a response tells; 0 if none has one."""
    responses = [getattr(cause, "response", None) for cause in causes]
    return next((int(response.status_code) for response in responses if response is not None), 0)
