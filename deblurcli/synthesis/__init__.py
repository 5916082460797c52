"""Synthetic motion blur: sharp photographs in, realistic blurry ones out."""

from deblurcli.synthesis.blur import BlurSettings, blur_photo

__all__ = ["BlurSettings", "blur_photo"]
