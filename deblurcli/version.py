"""The program's version, for those below the front door `deblurcli`, which stands above everything."""

from importlib.metadata import version

__version__ = version("deblurcli")
