"""The command line. It parses and prints; the library does the work."""

from __future__ import annotations

import sys


def main() -> None:
    """`deblur PHOTO...` restores; a first word from `completion.COMMANDS` runs that command instead.

    A photo or folder of such a name is given with its path, as `./weights`.
    """
    from deblurcli.cli.completion import COMMANDS, words_to_complete
    from deblurcli.cli.edge import refuse_empty, told
    from deblurcli.cli.streams import flush, guard
    from deblurcli.cli.waiting import sleep_soon

    guard()
    sleep_soon()
    arguments = sys.argv[1:]
    with told():
        try:
            refuse_empty(arguments)
            from deblurcli.cli.app import commands, restore_app

            first = (words_to_complete() or arguments)[:1]
            app = commands if first and first[0] in COMMANDS else restore_app
            app(prog_name="deblur")
        finally:
            flush()
