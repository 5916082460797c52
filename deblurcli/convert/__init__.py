"""Weights in the authors' format, read and turned into ours."""
