"""The edge between the library and a user: errors become one line on stderr and an exit code."""

from __future__ import annotations

import contextlib
import functools
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import ParamSpec

from deblurcli.cli.console import console, hear_library
from deblurcli.display import display_name
from deblurcli.errors import DeblurError, ExitCode, UsageError

P = ParamSpec("P")


def command(function: Callable[P, None]) -> Callable[P, None]:
    """Wrap a command: a `DeblurError` ends it with its own exit code, Ctrl-C with 130, neither with a traceback."""

    @functools.wraps(function)
    def run(*args: P.args, **kwargs: P.kwargs) -> None:
        console.set_mode()
        hear_library()
        with told():
            refuse_lost_folder()
            function(*args, **kwargs)

    return run


@contextlib.contextmanager
def told() -> Iterator[None]:
    """Errors in here become a line on stderr and an exit code."""
    try:
        yield
    except DeblurError as error:
        console.problem(str(error))
        raise SystemExit(int(error.exit_code)) from None
    except KeyboardInterrupt:
        console.problem("interrupted")
        raise SystemExit(int(ExitCode.INTERRUPTED)) from None
    except BrokenPipeError:  # the reader of our output has gone, which is its right
        raise SystemExit(int(ExitCode.SOME_FAILED)) from None


def refuse_empty(arguments: Sequence[str]) -> None:
    """Refuse an argument without content: a variable that was not set, which as a path would be this very folder.

    Raises:
        UsageError: if there is one.
    """
    for before, argument in zip(("", *arguments), arguments, strict=False):
        if argument == "--":
            continue
        option = before if argument == "" and before.startswith("-") else argument.removesuffix("=")
        if argument == "" or (argument.startswith("--") and argument.endswith("=")):
            about = f"{display_name(option)}: " if option else ""
            raise UsageError(f"{about}an argument is empty; is a variable not set?")


def refuse_lost_folder() -> None:
    """Refuse to work in a folder that has been removed; libraries end the process there.

    Raises:
        UsageError: if it is so.
    """
    try:
        Path.cwd()
    except OSError:
        raise UsageError("the folder in which this runs is not there any more; change to another") from None
