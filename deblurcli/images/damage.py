"""What is wrong with a damaged file, in words of our own."""

from __future__ import annotations


class Damaged(ValueError):
    """A file whose content is damaged or incomplete. Its text is a clause such as "it ends in the middle"; the texts of
    libraries are not used for it, since they differ from file to file, and a summary counts equal reasons together."""
