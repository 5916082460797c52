"""The program's version, which stands only here; below the front door `deblurcli`, which is above everything."""

__version__ = "0.1.0"
