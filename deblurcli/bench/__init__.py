"""Measuring: how good a model is on pairs of blurry and sharp images."""
