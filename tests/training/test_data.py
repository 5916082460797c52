from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from PIL import Image
from skimage.data import astronaut

from deblurcli.errors import InputError
from deblurcli.synthesis import BlurSettings
from deblurcli.training.data import Batches, Photos, augment, random_window
from deblurcli.training.photos import load_training_pairs
from deblurcli.training.recipe import Recipe

pytestmark = pytest.mark.usefixtures("one_thread")

RECIPE = Recipe(crop=32, batch=3, steps=5, seed=4)


@pytest.fixture(scope="module")
def photos() -> Photos:
    photo = torch.from_numpy(astronaut()).permute(2, 0, 1)
    pairs = [(255 - photo[:, :100, :90], photo[:, :100, :90])]
    return Photos([photo[:, :300, :200], photo[:, 200:260, 100:400]], pairs)


def test_a_batch_is_a_function_of_its_step(photos):
    batches, again = Batches(photos, RECIPE), Batches(photos, RECIPE)
    wanted = [batches[step] for step in range(3)]
    for step in (2, 0, 1):
        blurry, sharp = again[step]
        assert torch.equal(blurry, wanted[step][0]) and torch.equal(sharp, wanted[step][1])
        assert blurry.shape == sharp.shape == (3, 3, 32, 32)
        assert blurry.dtype == sharp.dtype == torch.uint8
    assert not torch.equal(wanted[0][1], wanted[1][1])
    assert not torch.equal(Batches(photos, replace(RECIPE, seed=5))[0][1], wanted[0][1])
    assert len(batches) == 5


def test_a_real_pair_stays_a_pair(photos):
    blurry, sharp = Batches(photos, replace(RECIPE, real_pair_ratio=1.0))[0]
    assert torch.equal(blurry, 255 - sharp)


def test_pairs_alone_are_enough(photos):
    blurry, sharp = Batches(Photos([], photos.pairs), RECIPE)[1]
    assert torch.equal(blurry, 255 - sharp)


def test_without_blur_both_are_the_same(photos):
    none = BlurSettings(still=1, objects=0, defocus=0, highlights=0, noise=0, jpeg=0)
    blurry, sharp = Batches(Photos(photos.sharp, []), replace(RECIPE, blur=none))[0]
    assert int((blurry.int() - sharp.int()).abs().max()) <= 1


def test_flat_places_are_drawn_again():
    photo = torch.zeros(3, 64, 256, dtype=torch.uint8)
    photo[:, :, 128:] = torch.randint(0, 256, (3, 64, 128), generator=torch.Generator().manual_seed(0))
    rng = np.random.default_rng(0)
    busy = [photo[random_window(rng, photo, 32, tries=4)].float().std() > 1 for _ in range(100)]
    assert np.mean(busy) > 0.85  # a single draw would find some 57 in 100


@pytest.mark.parametrize("seed", range(10))
def test_both_are_changed_alike_and_no_pixel_is_lost(seed):
    image = torch.arange(3 * 8 * 8, dtype=torch.uint8).reshape(3, 8, 8)
    blurry, sharp = augment(np.random.default_rng(seed), image, image)
    assert torch.equal(blurry, sharp)
    assert sorted(blurry.flatten().tolist()) == list(range(192))


def test_all_eight_orientations_occur():
    image = torch.arange(3 * 8 * 8, dtype=torch.uint8).reshape(3, 8, 8)
    rng = np.random.default_rng(0)
    corners = {tuple(augment(rng, image, image)[0].sum(0)[[0, 0, -1], [0, -1, 0]].tolist()) for _ in range(200)}
    assert len(corners) == 8


def test_a_share_of_the_real_crops_is_shown_unblurred(photos):
    blurry, sharp = Batches(photos, replace(RECIPE, real_pair_ratio=1.0, identity_ratio=0.5, batch=40))[0]
    same = (blurry == sharp).flatten(1).all(1)
    assert 10 < int(same.sum()) < 30


def test_a_teachers_picture_is_the_target_at_first_and_the_truth_in_the_end(photos):
    blurry, sharp = photos.pairs[0]
    taught = (sharp // 2).contiguous()
    recipe = replace(RECIPE, real_pair_ratio=1.0, augment=False, batch=4, taught_steps=10)
    batches = Batches(Photos([], [(blurry, sharp)], {0: taught}), recipe)
    untaught = Batches(Photos([], [(blurry, sharp)]), recipe)
    for step, share in ((0, 0.0), (5, 0.5), (10, 1.0), (11, 1.0)):
        shown, target = batches[step]
        shown_alone, truth = untaught[step]
        assert torch.equal(shown, shown_alone)
        between = truth.float() * share + (truth // 2).float() * (1 - share)
        assert (target.float() - between).abs().max() <= 0.5


def test_what_is_shown_sharp_stays_sharp_whatever_the_teacher_made_of_its_blur(photos):
    recipe = replace(RECIPE, real_pair_ratio=1.0, identity_ratio=1.0, taught_steps=10)
    blurry, sharp = photos.pairs[0]
    shown, target = Batches(Photos([], [(blurry, sharp)], {0: torch.zeros_like(sharp)}), recipe)[0]
    assert torch.equal(shown, target) and target.any()


def test_teachers_pictures_are_found_beside_their_pairs(tmp_path):
    for name, level in (("blur", 10), ("sharp", 20), ("taught", 30)):
        for folder in ("one", "two") if name != "taught" else ("two",):
            (tmp_path / folder / name).mkdir(parents=True, exist_ok=True)
            for at in range(2):
                Image.new("RGB", (40, 40), (level + at,) * 3).save(tmp_path / folder / name / f"{at}.png")
    pairs, taught = load_training_pairs([tmp_path / "one", tmp_path / "two"], 32)
    assert [int(sharp[0, 0, 0]) for _, sharp in pairs] == [20, 21, 20, 21]
    assert {at: int(image[0, 0, 0]) for at, image in taught.items()} == {2: 30, 3: 31}
    (tmp_path / "two" / "taught" / "1.png").unlink()
    with pytest.raises(InputError, match=r"1\.png: has no partner of the same name in .*taught"):
        load_training_pairs([tmp_path / "two"], 32)
