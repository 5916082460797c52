"""The command line. It parses and prints; the library does the work."""

from __future__ import annotations

import sys

COMMANDS = ("batch", "bench", "completion", "doctor", "review", "synth", "train", "weights")


def main() -> None:
    """`deblur PHOTO...` restores; a first word from COMMANDS runs that command instead.

    A photo or folder of such a name is given with its path, as `./weights`.
    """
    from deblurcli.cli.edge import refuse_empty, told
    from deblurcli.cli.streams import flush, guard

    guard()
    arguments = sys.argv[1:]
    with told():
        try:
            refuse_empty(arguments)
            from deblurcli.cli.app import commands, restore_app

            app = commands if arguments and arguments[0] in COMMANDS else restore_app
            app(prog_name="deblur")
        finally:
            flush()
