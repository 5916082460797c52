"""`python -m deblurcli`."""

from deblurcli.cli import main

main()
