"""A recipe: every number that decides how a network is trained, as one TOML file."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any, Literal

from deblurcli.errors import UsageError
from deblurcli.networks import ARCHITECTURES, architecture
from deblurcli.networks.base import Config
from deblurcli.synthesis import BlurSettings
from deblurcli.training.loss import LossWeights

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib


@dataclass(frozen=True)
class Recipe:
    """How to train.

    Attributes:
        name: of the resulting weights.
        licence: of the resulting weights.
        architecture: which kind of network, a key of `deblurcli.networks.ARCHITECTURES`.
        network: its configuration.
        blur: the blur synthesis.
        loss: what the loss is made of.
        steps: optimiser steps in all.
        warmup: steps over which the learning rate rises from 0.
        decay: the last steps, over which the learning rate falls to 0; it is constant in between, so that a run can
            be lengthened by raising `steps` before the decay began.
        batch: crops per step.
        crop: side of a crop in pixels, a multiple of the network's size multiple.
        learning_rate: of AdamW, between the warm-up and the decay.
        equalised: whether each layer has a rate of its own, in proportion to the size of He's initial weights and 1 for
            those of 0.05, so that all layers change by the same share in a step (as the equalised learning rate of
            Karras et al., "Progressive growing of GANs", ICLR 2018, section 4.1). Plain networks, without norms or
            shortcuts, bear higher rates with it.
        decay_power: of the fall: 1 is a straight line; below 1 the rate stays high for longer.
        beta2: AdamW's decay per step of the mean squared gradient.
        weight_decay: of AdamW; 0 makes it Adam.
        ema: decay per step of the moving average of the weights, which is what is saved.
        real_pair_ratio: share of crops taken from real pairs, when there are any.
        identity_ratio: share of those whose sharp frame is also what the network is shown: it is to stay as it is.
        taught_steps: the first steps, over which the target of a pair that has a teacher's picture goes from that
            picture to the sharp one, in a straight line. What a stronger network makes of the blurry image is nearer
            than the truth to what can be learnt.
        augment: flips, transpositions, orders of the colours, and another try where a crop is flat.
        clip: largest norm of the gradient.
        clipped: which gradients that holds for: "all", or only those of the module of this name, as "cell" in SRN.
        initial: one of the architecture's ways to initialise its weights; the first of them if it is empty.
        precision: "bf16" (autocast) or "fp32".
        seed: decides the initial weights and every crop and blur.
    """

    name: str = "srn"
    licence: str = "unknown"
    architecture: str = "srn"
    network: Config = field(default_factory=lambda: architecture("srn").config())
    blur: BlurSettings = field(default_factory=BlurSettings)
    loss: LossWeights = field(default_factory=LossWeights)
    steps: int = 100_000
    warmup: int = 200
    decay: int = 30_000
    batch: int = 8
    crop: int = 128
    learning_rate: float = 1e-3
    equalised: bool = False
    decay_power: float = 1.0
    beta2: float = 0.99
    weight_decay: float = 1e-4
    ema: float = 0.999
    real_pair_ratio: float = 0.3
    identity_ratio: float = 0.0
    taught_steps: int = 0
    augment: bool = True
    clip: float = 1.0
    clipped: str = "all"
    initial: str = ""
    precision: Literal["bf16", "fp32"] = "bf16"
    seed: int = 1

    @property
    def initialisation(self) -> str:
        """The name of the way in which the weights begin."""
        return self.initial or next(iter(architecture(self.architecture).initialise))

    def as_dict(self) -> dict[str, Any]:
        """All settings as plain data, nested ones too."""
        return asdict(self)

    def rate_at(self, step: int) -> float:
        """The learning rate of a step, counted from 0."""
        rise = min(1.0, (step + 1) / max(self.warmup, 1))
        fall: float = min(1.0, (self.steps - step) / max(self.decay, 1)) ** self.decay_power
        return self.learning_rate * rise * fall


PRECISIONS = ("bf16", "fp32")

# What settings were called in recipes of version 0.1; those and the states of runs begun with them are still read.
FORMER_NAMES = {"real": "real_pair_ratio", "unblurred": "identity_ratio", "loss": {"mild": "sharp_weight"}}


def read_recipe(path: Path) -> Recipe:
    """Read a recipe.

    Raises:
        UsageError: if the file cannot be read or names a setting that does not exist.
    """
    try:
        with path.open("rb") as file:
            data = tomllib.load(file)
    except OSError as error:
        raise UsageError(f"{path}: cannot read the recipe ({error.strerror})") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise UsageError(f"{path}: not a TOML file ({error})") from error
    return recipe_from(data, str(path))


def recipe_from(data: dict[str, Any], source: str) -> Recipe:
    """A recipe from plain data; `source` is named in errors."""
    data = with_present_names(data, source)
    kind = data.get("architecture", "srn")
    if kind not in ARCHITECTURES:
        raise UsageError(f"{source}: architecture must be {' or '.join(ARCHITECTURES)}, not {kind!r}")
    network = table(architecture(kind).config, data.pop("network", {}), f"{source}: [network]")
    blur = table(BlurSettings, data.pop("blur", {}), f"{source}: [blur]")
    loss = table(LossWeights, data.pop("loss", {}), f"{source}: [loss]")
    recipe: Recipe = table(Recipe, {**data, "network": network, "blur": blur, "loss": loss}, source)
    if recipe.crop % recipe.network.size_multiple:
        raise UsageError(f"{source}: crop must be a multiple of {recipe.network.size_multiple}")
    if max(loss.charbonnier, loss.l2, loss.frequency, loss.psnr) <= 0:
        raise UsageError(f"{source}: [loss]: charbonnier, l2, frequency or psnr must be above 0")
    for name, known in (("precision", PRECISIONS), ("initial", ("", *architecture(kind).initialise))):
        if getattr(recipe, name) not in known:
            choices = " or ".join(filter(None, known))
            raise UsageError(f"{source}: {name} must be {choices}, not {getattr(recipe, name)!r}")
    return recipe


def with_present_names(data: Mapping[str, Any], source: str, names: Mapping[str, Any] = FORMER_NAMES) -> dict[str, Any]:
    """A recipe's plain data with the names that its settings have today.

    Raises:
        UsageError: if a setting is given by both of its names; `source` is named.
    """
    present: dict[str, Any] = {}
    for key, value in data.items():
        name = names.get(key, key)
        if isinstance(name, dict):
            present[key] = with_present_names(value, source, name) if isinstance(value, dict) else value
        elif name != key and name in data:
            raise UsageError(f"{source}: {key!r} is the former name of {name!r}; give one of the two")
        else:
            present[name] = value
    return present


def table(kind: Any, values: Any, source: str) -> Any:
    """A dataclass from plain data: unknown names and values of another type than the default's are refused."""
    if not isinstance(values, dict):
        raise UsageError(f"{source}: must be a table")
    known = {entry.name for entry in fields(kind)}
    if unknown := sorted(set(values) - known):
        raise UsageError(f"{source}: unknown setting {unknown[0]!r}; known: {', '.join(sorted(known))}")
    for entry in fields(kind):
        if isinstance(entry.default, (int, float)) and entry.name in values:
            wanted = (int, float) if isinstance(entry.default, float) else type(entry.default)
            if not isinstance(values[entry.name], wanted):
                raise UsageError(f"{source}: {entry.name} must be like {entry.default}, not {values[entry.name]!r}")
    try:
        return kind(**{key: tuple(value) if isinstance(value, list) else value for key, value in values.items()})
    except (TypeError, ValueError) as error:
        raise UsageError(f"{source}: {error}") from error
