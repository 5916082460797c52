"""Measuring: how good and how fast a model is, and the reports of it."""
