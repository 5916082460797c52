"""Try all readers on thousands of damaged files: `python -m tests.fuzz --files 20000`."""

from __future__ import annotations

import argparse
import sys

from .run import MEGABYTES, SECONDS, fuzz


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    parser.add_argument("--files", type=int, default=20000, help="how many")
    parser.add_argument("--first", type=int, default=0, help="number of the first one; a failure names it")
    parser.add_argument("--seed", type=int, default=0, help="of the series")
    parser.add_argument("--seconds", type=float, default=SECONDS, help="that one file may take")
    parser.add_argument("--megabytes", type=int, default=MEGABYTES, help="of memory that reading may take")
    arguments = parser.parse_args()
    report = fuzz(arguments.files, arguments.seed, arguments.first, arguments.seconds, arguments.megabytes)
    print(report.text())
    sys.exit(bool(report.failures))


if __name__ == "__main__":
    main()
