"""Damping of what is added to a still scene: calmer where it flickers, and nothing else is touched."""

from itertools import pairwise

import numpy as np
import pytest

from deblurcli.video.flicker import WARM_UP, Damping


def scene(seed: int, size: int = 64) -> np.ndarray:
    """(size, size, 3) levels: coarse blocks with soft edges."""
    coarse = np.random.default_rng(seed).uniform(40, 215, (size // 8 + 1, size // 8 + 1, 3))
    at = np.linspace(0, size // 8 - 1e-9, size)
    low, part = at.astype(int), (at % 1)[:, None, None]
    rows = coarse[low] * (1 - part) + coarse[low + 1] * part
    part = (at % 1)[None, :, None]
    return rows[:, low] * (1 - part) + rows[:, low + 1] * part


def shown(scenes, gain: float, dtype=np.uint8) -> tuple[list[np.ndarray], list[np.ndarray]]:
    """Frames with noise, and results that have `gain` times as much of it and some contrast more."""
    generator, white = np.random.default_rng(1), np.iinfo(dtype).max
    frames, results = [], []
    for one in scenes:
        noise = generator.normal(0, 1.5, one.shape)
        for target, value in ((frames, one + noise), (results, one * 1.1 - 12 + gain * noise)):
            target.append(np.rint(value * white / 255).clip(0, white).astype(dtype))
    return frames, results


def damped(frames, results) -> list[np.ndarray]:
    damping = Damping(np.iinfo(frames[0].dtype).max)
    pairs = list(zip(frames, results, strict=True))
    damping.begin(pairs[:WARM_UP])
    return [damping.damped(pair) for pair in pairs]


def changes(frames) -> float:
    return float(np.mean([np.abs(one.astype(float) - other).mean() for one, other in pairwise(frames)]))


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_noise_that_is_lifted_comes_down_to_that_of_the_source(dtype):
    frames, results = shown([scene(0)] * 8, 2.5, dtype)
    after = damped(frames, results)
    assert changes(results) > 2 * changes(frames)
    assert changes(after) < 1.2 * changes(frames)
    contrast = np.mean(after, 0) - np.mean(results, 0)
    assert np.abs(contrast).mean() < 0.01 * np.iinfo(dtype).max  # what is added stays


def test_a_network_that_calms_is_left_alone():
    frames, results = shown([scene(0)] * 8, 0.5)
    assert changes(damped(frames, results)) < 1.1 * changes(results) < 0.7 * changes(frames)


@pytest.mark.parametrize("step", [(0, 1), (3, 5)])
def test_what_moves_is_as_the_network_made_it(step):
    moving = [np.roll(scene(0), (step[0] * number, step[1] * number), (0, 1)) for number in range(6)]
    frames, results = shown(moving, 2.5)
    differences = [np.abs(one.astype(int) - other) for one, other in zip(damped(frames, results), results, strict=True)]
    assert np.mean(differences) < 0.1  # where a picture is plain nobody sees it move


def test_a_cut_begins_anew_and_a_frame_that_is_left_ends_what_is_remembered():
    frames, results = shown([scene(0)] * 5 + [scene(3)] * 5, 2.5)
    after = damped(frames, results)
    assert (after[5] == results[5]).all() and (after[4] != results[4]).any() and (after[6] != results[6]).any()
    damping = Damping(255)
    damping.damped((frames[0], results[0]))
    assert damping.damped(None) is None
    assert (damping.damped((frames[1], results[1])) == results[1]).all()
