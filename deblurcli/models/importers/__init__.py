"""Weights from elsewhere, read and turned into this program's checkpoints."""
