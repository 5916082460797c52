"""The edge between the library and a user: errors become one line on stderr and an exit code."""

from __future__ import annotations

import functools
import os
import sys
from collections.abc import Callable
from typing import ParamSpec

import typer

from deblurcli.errors import DeblurError, ExitCode

P = ParamSpec("P")


def command(function: Callable[P, None]) -> Callable[P, None]:
    """Wrap a command: a `DeblurError` ends it with its own exit code, Ctrl-C with 130, neither with a traceback."""

    @functools.wraps(function)
    def run(*args: P.args, **kwargs: P.kwargs) -> None:
        try:
            function(*args, **kwargs)
        except DeblurError as error:
            say(f"deblur: {error}")
            raise typer.Exit(error.exit_code) from None
        except KeyboardInterrupt:
            say("deblur: interrupted")
            raise typer.Exit(ExitCode.INTERRUPTED) from None
        except BrokenPipeError:  # the reader of our output has gone, which is its right
            sys.stdout = open(os.devnull, "w")  # noqa: PTH123, SIM115
            raise typer.Exit(ExitCode.SOME_FAILED) from None

    return run


def say(line: str) -> None:
    """One line to the user, on stderr."""
    print(line, file=sys.stderr, flush=True)
