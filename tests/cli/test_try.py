"""`deblur PHOTO --try` as a user meets it."""

import json

import numpy as np
from PIL import Image

from deblurcli.review.contact_sheet import GAP, LABEL, SIDE


def test_the_sheet_shows_the_telling_part_as_it_is_and_restored(here, tmp_path):
    pixels = np.full((700, 900, 3), 128, np.uint8)
    pixels[-300:, -300:] = np.random.default_rng(0).integers(0, 256, (300, 300, 1))
    photo = tmp_path / "grey sky.png"
    Image.fromarray(pixels).save(photo)
    code, out, errors = here(photo, "--try", "--json")
    assert code == 0, errors
    said = json.loads(out)
    x, y, width, height = said["part"]
    assert (width, height) == (SIDE, SIDE) and x + width > 800 and y + height > 600
    assert said["models"][0]["seconds"] > 0
    sheet = np.asarray(Image.open(tmp_path / "grey sky-try.jpg"))
    tiles = [sheet[GAP + LABEL :][:SIDE, GAP + column * (SIDE + GAP) :][:, :SIDE] for column in range(4)]
    away = [float(np.abs(tile.astype(int) - pixels[y : y + SIDE, x : x + SIDE]).mean()) for tile in tiles]
    assert away[0] < away[1] < away[2] < away[3]
    assert np.array_equal(np.asarray(Image.open(photo)), pixels)
    again, _, errors = here(photo, "--try")
    assert again == 3 and "--overwrite" in errors
    folder, _, errors = here(tmp_path, "--try")
    assert folder == 2 and "one photo" in errors
