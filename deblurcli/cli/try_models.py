"""`deblur PHOTO --try`: a contact sheet of models and strengths."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from deblurcli.cli.console import console
from deblurcli.display import display_name
from deblurcli.errors import InputError, UsageError
from deblurcli.images import OutputExists, read_photo, write_photo
from deblurcli.jobs.plan import is_single

END = "-try.jpg"


def try_models(
    inputs: Sequence[Path],
    output: Path | None,
    model: str | None,
    *,
    device: str,
    precision: str,
    overwrite: bool,
) -> None:
    """Write the sheet of one photo, and tell how to go on.

    Raises:
        DeblurError: if that cannot be done.
    """
    photo_path = inputs[0]
    if not is_single(inputs) or Path("-") in (photo_path, output):
        raise UsageError("--try: takes one photo's file; choose one that is like the others")
    path = output or photo_path.with_name(photo_path.stem + END)
    if path.exists() and not overwrite:
        raise InputError(f"{display_name(path)}: exists already; replace it with --overwrite")
    if path.exists() and path.samefile(photo_path):
        raise UsageError(f"{display_name(path)}: is the photo itself; give another --output")
    photo = read_photo(photo_path)
    from deblurcli.models.local_copy import names_here
    from deblurcli.review.contact_sheet import STRENGTHS, make_sheet

    models = [model] if model else names_here()
    sheet = make_sheet(photo, models, device, precision, advance=lambda name: console.say(f"trying {name}"))
    try:
        write_photo(sheet.picture, path, overwrite=overwrite, quality=95)
    except OutputExists as error:
        raise InputError(str(error)) from None
    part, height, width = sheet.part, *photo.pixels.shape[:2]
    place = [part.x, part.y, part.width, part.height]
    console.tell(
        {"sheet": str(path), "part": place, "strengths": STRENGTHS, "models": [vars(one) for one in sheet.tried]}
    )
    for one in sheet.tried:
        if one.problem:
            console.problem(f"left out: {one.problem}")
        elif one.seconds is not None:
            console.say(f"{one.model}: this photo, {width}x{height} pixels, would take about {one.seconds:.0f} s")
    again = f"deblur {display_name(photo_path)} --model NAME --strength NUMBER"
    console.say(f"{path}: written; look at it, and then: {again}")
