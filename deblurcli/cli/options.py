"""The options that several commands share, and what their values mean."""

from __future__ import annotations

from enum import Enum
from typing import Annotated

import typer

from deblurcli.errors import UsageError

FORMATS = {
    "jpeg": "JPEG",
    "jpg": "JPEG",
    "png": "PNG",
    "tiff": "TIFF",
    "webp": "WEBP",
    "bmp": "BMP",
    "avif": "AVIF",
    "heif": "HEIF",
}
MODEL_HELP = (
    "A name (deblur weights list), a weights file, or hf:ORG/REPO/FILE[@COMMIT]. "
    "Default: maxim-fast; srn-fast is quicker."
)


class Precision(str, Enum):
    auto = "auto"
    fp32 = "fp32"
    bf16 = "bf16"
    fp16 = "fp16"


Recursive = Annotated[bool, typer.Option("--recursive", "-r", help="Also the subfolders of a folder.")]
Offline = Annotated[bool, typer.Option("--offline", help="Never ask the network for a model.")]
Strength = Annotated[float, typer.Option(min=0.0, max=1.0, help="0 changes nothing, 1 is the full result.")]
Tta = Annotated[
    bool, typer.Option("--tta", help="Mean over flips and quarter turns: a little better, eight times as long.")
]
Format = Annotated[
    str | None, typer.Option(help=f"{', '.join(key for key in FORMATS if key != 'jpg')}. Default: by the name.")
]
QualityOption = Annotated[
    int | None, typer.Option(min=1, max=100, help="Of JPEG, WebP, AVIF. Default: like the source, or 95.")
]
Overwrite = Annotated[bool, typer.Option("--overwrite", help="Replace results that exist. Inputs never are.")]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="Say nothing but errors.")]


def pillow_format(name: str | None) -> str | None:
    if name is None:
        return None
    if name.lower() not in FORMATS:
        raise UsageError(f"unknown format {name!r}; known: {', '.join(FORMATS)}")
    return FORMATS[name.lower()]


def refuse_resume_with_overwrite(resume: bool, overwrite: bool) -> None:
    if resume and overwrite:
        raise UsageError("--resume and --overwrite: one keeps what is done, the other does it again; give only one")
