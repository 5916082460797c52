"""Models: from a name to a file, and from a file to a network."""
