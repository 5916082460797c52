"""MAXIM: an encoder-decoder of multi-axis gated MLPs, one to three times over."""
