from __future__ import annotations

from pathlib import Path

import pytest

from deblurcli.errors import UsageError
from deblurcli.networks.srn.network import SRNConfig
from deblurcli.synthesis import BlurSettings
from deblurcli.training.loss import LossWeights
from deblurcli.training.recipe import Recipe, read_recipe, recipe_from

RECIPES = sorted((Path(__file__).parents[2] / "weights" / "recipes").glob("*.toml"))


def toml(value: object) -> str:
    if isinstance(value, tuple):
        return str(list(value))
    return str(value).lower() if isinstance(value, bool) else repr(value)


def write(recipe: Recipe, path: Path) -> Path:
    values = recipe.as_dict()
    tables = {name: values.pop(name) for name in ("network", "blur", "loss")}
    lines = [f"{key} = {toml(value)}" for key, value in values.items()]
    for name, table in tables.items():
        lines += [f"[{name}]", *(f"{key} = {toml(value)}" for key, value in table.items())]
    path.write_text("\n".join(lines))
    return path


def test_toml_round_trip(tmp_path):
    recipe = Recipe(
        name="mine",
        network=SRNConfig(channels=(4, 6, 8), scales=2, global_residual=True),
        blur=BlurSettings(max_length=12.5),
        loss=LossWeights(l2=2.5),
        steps=77,
        crop=32,
        learning_rate=3e-4,
        precision="fp32",
    )
    assert read_recipe(write(recipe, tmp_path / "mine.toml")) == recipe


def test_what_is_not_named_keeps_its_default(tmp_path):
    (tmp_path / "empty.toml").write_text("")
    assert read_recipe(tmp_path / "empty.toml") == Recipe()


@pytest.mark.parametrize("path", RECIPES, ids=lambda path: path.stem)
def test_the_shipped_recipes_can_be_read(path):
    assert read_recipe(path).name == path.stem


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("stepz = 3", "unknown setting 'stepz'; known: .*steps"),
        ("[network]\nkernel = 3", r"\[network\]: unknown setting 'kernel'; known: .*kernel_size"),
        ("[loss]\ncharbonnier = 0.0\nfrequency = 0.0", r"\[loss\]: charbonnier, l2, frequency or psnr must be above 0"),
        ("[blur]\nwind = 3", r"\[blur\]: unknown setting 'wind'"),
        ("crop = 100", "crop must be a multiple of 16"),
        ("precision = 'fp8'", "precision must be bf16 or fp32, not 'fp8'"),
        ("steps = ", "not a TOML file"),
    ],
)
def test_mistakes_are_named(tmp_path, text, message):
    path = tmp_path / "wrong.toml"
    path.write_text(text)
    with pytest.raises(UsageError, match=message) as caught:
        read_recipe(path)
    assert str(caught.value).startswith(str(path)) and "\n" not in str(caught.value)


FORMER = """
real = 0.5
unblurred = 0.2
clipped = "cell"
initial = "xavier"
[loss]
mild = 4.0
"""


def test_the_names_of_version_0_1_are_still_read(tmp_path):
    (tmp_path / "old.toml").write_text(FORMER)
    recipe = read_recipe(tmp_path / "old.toml")
    assert (recipe.real_pair_ratio, recipe.identity_ratio, recipe.loss.sharp_weight) == (0.5, 0.2, 4.0)
    assert (recipe.architecture, recipe.clipped, recipe.initial) == ("srn", "cell", "xavier")


def test_a_former_name_beside_the_present_one_is_refused(tmp_path):
    (tmp_path / "both.toml").write_text("real = 0.5\nreal_pair_ratio = 0.4")
    with pytest.raises(UsageError, match=r"both\.toml: 'real' is the former name of 'real_pair_ratio'; give one"):
        read_recipe(tmp_path / "both.toml")


def test_the_shipped_recipes_have_the_present_names():
    for path in RECIPES:
        lines = path.read_text(encoding="utf-8").splitlines()
        assert not {line.partition(" =")[0] for line in lines} & {"real", "unblurred", "mild"}, path.name


def test_a_missing_recipe(tmp_path):
    with pytest.raises(UsageError, match=r"absent\.toml: cannot read the recipe"):
        read_recipe(tmp_path / "absent.toml")


def test_crops_fit_the_number_of_scales():
    assert recipe_from({"crop": 36, "network": {"scales": 1}}, "it").crop == 36


def test_the_learning_rate_rises_stays_and_falls():
    recipe = Recipe(steps=100, warmup=10, decay=20, learning_rate=1.0)
    rates = [recipe.rate_at(step) for step in range(100)]
    assert rates[:10] == pytest.approx([(step + 1) / 10 for step in range(10)])
    assert set(rates[10:80]) == {1.0}
    assert rates[80:] == pytest.approx([(100 - step) / 20 for step in range(80, 100)])


def test_the_papers_rate_falls_with_a_power():
    recipe = Recipe(steps=1000, warmup=1, decay=1000, decay_power=0.3, learning_rate=1e-4)
    assert recipe.rate_at(0) == pytest.approx(1e-4)
    assert recipe.rate_at(500) == pytest.approx(1e-4 * 0.5**0.3)
    assert recipe.rate_at(999) == pytest.approx(1e-4 * 0.001**0.3)
