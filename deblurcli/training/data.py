"""Training batches. Batch k is a pure function of the photos, the recipe and k, so that a resumed run sees the same."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor
from torch.utils.data import Dataset

from deblurcli.synthesis import blur_photo
from deblurcli.training.recipe import Recipe

MARGIN = 32  # pixels around a crop that the blur may draw from
FLAT = 6.0  # mean absolute gradient, in 8-bit levels, under which a crop teaches little


@dataclass(frozen=True)
class Photos:
    """What there is to learn from: uint8 RGB images (3, H, W), of any sizes.

    Attributes:
        sharp: photographs without blur.
        pairs: (blurry, sharp) of the same scene and size.
        taught: of pairs, by their index, what a teacher, a stronger network, made of the blurry image.
    """

    sharp: Sequence[Tensor]
    pairs: Sequence[tuple[Tensor, Tensor]]
    taught: Mapping[int, Tensor] = field(default_factory=dict)


class Batches(Dataset[tuple[Tensor, Tensor]]):
    """Step -> (blurry, sharp), both (N, 3, P, P) uint8."""

    def __init__(self, photos: Photos, recipe: Recipe) -> None:
        self.photos, self.recipe = photos, recipe
        area = np.array([photo.shape[1] * photo.shape[2] for photo in photos.sharp], float)
        self.weights = np.sqrt(area) / np.sqrt(area).sum()  # larger photos hold more, but not in proportion

    def __len__(self) -> int:
        return self.recipe.steps

    def __getitem__(self, step: int) -> tuple[Tensor, Tensor]:
        rng = np.random.default_rng([self.recipe.seed, step])
        samples = [self.sample(rng, step) for _ in range(self.recipe.batch)]
        if self.recipe.augment:
            samples = [augment(rng, *sample) for sample in samples]
        return torch.stack([blurry for blurry, _ in samples]), torch.stack([sharp for _, sharp in samples])

    def sample(self, rng: np.random.Generator, step: int) -> tuple[Tensor, Tensor]:
        """One crop, from a real pair or synthesised: (3, P, P) uint8 both."""
        if self.photos.pairs and (not self.photos.sharp or rng.random() < self.recipe.real_pair_ratio):
            index = int(rng.integers(len(self.photos.pairs)))
            blurry, sharp = self.photos.pairs[index]
            window = self.window(rng, sharp, self.recipe.crop)
            if self.recipe.identity_ratio and rng.random() < self.recipe.identity_ratio:
                return sharp[window], sharp[window]
            return blurry[window], self.target(index, window, step)
        photo = self.photos.sharp[rng.choice(len(self.photos.sharp), p=self.weights)]
        side = self.recipe.crop + 2 * MARGIN
        scale = rng.uniform(0.6, 1.0) if rng.random() < 0.5 and min(photo.shape[1:]) * 0.6 > side else 1.0
        patch = photo[self.window(rng, photo, min(int(np.ceil(side / scale)), *photo.shape[1:]))]
        if patch.shape[1:] != (side, side):  # smaller photos are sharper photos, and small ones must fill the crop
            resized = F.interpolate(patch[None].float(), (side, side), mode="bicubic", antialias=True)
            patch = resized[0].round().clamp(0, 255).to(torch.uint8)
        return blur_photo(patch, rng, self.recipe.blur, frame=(720, 1280), crop=MARGIN)

    def target(self, index: int, window: tuple[slice, slice, slice], step: int) -> Tensor:
        """What is to come of a pair's crop: (3, P, P) uint8. The teacher's picture at first, the truth in the end."""
        sharp = self.photos.pairs[index][1][window]
        if index not in self.photos.taught or step >= self.recipe.taught_steps:
            return sharp
        taught = self.photos.taught[index][window]
        return torch.lerp(taught.float(), sharp.float(), step / self.recipe.taught_steps).round().to(torch.uint8)

    def window(self, rng: np.random.Generator, photo: Tensor, side: int) -> tuple[slice, slice, slice]:
        return random_window(rng, photo, side, tries=4 if self.recipe.augment else 1)


def random_window(rng: np.random.Generator, photo: Tensor, side: int, tries: int) -> tuple[slice, slice, slice]:
    """A random square; drawn up to `tries` times while it is flat, because sky and walls teach nothing."""
    height, width = photo.shape[1:]
    for _ in range(tries):
        y, x = rng.integers(0, height - side + 1), rng.integers(0, width - side + 1)
        window = (slice(None), slice(y, y + side), slice(x, x + side))
        green = photo[window][1, ::2, ::2].float()
        if float(green.diff(dim=0).abs().mean() + green.diff(dim=1).abs().mean()) > FLAT:
            break
    return window


def augment(rng: np.random.Generator, blurry: Tensor, sharp: Tensor) -> tuple[Tensor, Tensor]:
    """Flips, a transposition, and now and then another order of the colours, the same for both."""
    choice = int(rng.integers(8))
    changes: list[Callable[[Tensor], Tensor]] = []
    if choice & 1:
        changes.append(lambda image: image.flip(1))
    if choice & 2:
        changes.append(lambda image: image.flip(2))
    if choice & 4:
        changes.append(lambda image: image.transpose(1, 2))
    if rng.random() < 0.3:
        order = rng.permutation(3).tolist()
        changes.append(lambda image: image[order])
    for change in changes:
        blurry, sharp = change(blurry), change(sharp)
    return blurry, sharp
