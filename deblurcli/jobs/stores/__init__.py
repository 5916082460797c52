"""Where photos are and results go: local paths, URLs of any store that fsspec reaches, and pipes.

Importing these modules does not load fsspec.
"""
