"""What can go wrong, as one table: every error says what, where and what to do, and has an exit code."""

from __future__ import annotations

from enum import IntEnum


class ExitCode(IntEnum):
    """The exit codes of the command line, as documented in the README."""

    OK = 0
    SOME_FAILED = 1
    USAGE = 2
    NO_INPUT = 3
    WEIGHTS_UNAVAILABLE = 4
    WEIGHTS_DAMAGED = 5
    INTERRUPTED = 130


class DeblurError(Exception):
    """A problem the user can understand and act on. Its text is one line: what, where, what to do."""

    exit_code = ExitCode.SOME_FAILED


class UsageError(DeblurError):
    """Options or arguments that do not go together, or a device that is not there."""

    exit_code = ExitCode.USAGE


class InputError(DeblurError):
    """An image that cannot be read, or nothing to do."""

    exit_code = ExitCode.NO_INPUT


class OutputError(DeblurError):
    """A result that cannot be written."""


class WeightsUnavailable(DeblurError):
    """A model name or file that is not there."""

    exit_code = ExitCode.WEIGHTS_UNAVAILABLE


class WeightsDamaged(DeblurError):
    """A weights file that is truncated, altered, or not what it says it is."""

    exit_code = ExitCode.WEIGHTS_DAMAGED
