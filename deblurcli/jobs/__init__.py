"""Restoring photos, be it one, a folder, a store of a million, here or on a cluster: there is one way for all.

`plan` pairs inputs with outputs, `choice` drops what is done, `process` reads, restores and writes a photo, and an
engine gets through many: `pipeline` in this process, `on_ray` on a cluster. Importing these modules loads neither torch
nor Ray nor fsspec.
"""
