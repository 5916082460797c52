"""The program's version, for those below the front door `deblurcli`, which stands above everything."""

from importlib.metadata import PackageNotFoundError, version

try:
    __version__ = version("deblurcli")
except PackageNotFoundError:  # run out of a clone, on a machine where nothing can be installed
    __version__ = "0+clone"
