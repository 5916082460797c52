"""Convolutions and other layers in C, faster than PyTorch's on a CPU, with the same results up to rounding."""
