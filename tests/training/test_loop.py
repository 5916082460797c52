from __future__ import annotations

import math
import os
import random
import signal
import subprocess
import sys
import textwrap
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from tiny_recipe import RECIPE, TINY

from deblurcli.errors import UsageError, WeightsDamaged
from deblurcli.models.checkpoint import load_checkpoint, read_info
from deblurcli.networks.srn.initialise import he
from deblurcli.networks.srn.network import SRN
from deblurcli.training.data import Photos
from deblurcli.training.loop import Progress, train
from deblurcli.training.loss import LossWeights

pytestmark = pytest.mark.usefixtures("one_thread")


KILLED = """
    import sys
    from pathlib import Path
    import torch
    from skimage.data import astronaut
    from deblurcli.networks.srn.network import SRNConfig
    from deblurcli.training.data import Photos
    from deblurcli.training.loop import train
    from deblurcli.training.recipe import Recipe

    torch.set_num_threads(1)
    network = SRNConfig(channels=(4, 4, 4), kernel_size=3, blocks=1, global_residual=True, resize="area")
    recipe = Recipe("tiny", network=network, steps=8, warmup=2, decay=3, batch=1, crop=32, precision="fp32", seed=3)
    photos = Photos([torch.from_numpy(astronaut()[:160, 100:260].copy()).permute(2, 0, 1)], [])
    report = lambda progress: print(progress.step, flush=True)
    train(recipe, photos, [], Path(sys.argv[1]), save_every=0, report=report)
"""


def weights(path: Path) -> bytes:
    """All of a checkpoint after its header, whose entries are in no fixed order."""
    data = path.read_bytes()
    return data[8 + int.from_bytes(data[:8], "little") :]


def interrupt_after(steps: int) -> Callable[[Progress], None]:
    """A report that stops a run in this step, before its state is saved."""

    def report(progress: Progress) -> None:
        if progress.step == steps:
            raise KeyboardInterrupt

    return report


@pytest.mark.skipif(os.name == "nt", reason="needs SIGKILL")
def test_a_run_that_is_killed_goes_on_to_the_same_weights(tmp_path, photos):
    whole, killed = tmp_path / "whole", tmp_path / "killed"
    whole.mkdir()
    killed.mkdir()
    wanted = weights(train(RECIPE, photos, [], whole))

    stop = random.randint(2, 6)
    command = [sys.executable, "-c", textwrap.dedent(KILLED), str(killed)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        for line in process.stdout:
            if int(line) == stop:
                process.send_signal(signal.SIGKILL)
                break
    assert process.returncode == -signal.SIGKILL
    assert int(torch.load(killed / "state.pt", weights_only=True)["step"]) < RECIPE.steps

    steps = []
    resumed = train(RECIPE, photos, [], killed, report=lambda progress: steps.append(progress.step))
    assert steps[0] > 1 and steps[-1] == 8
    assert weights(resumed) == wanted, f"killed at step {stop}"


def test_learning_one_photo_makes_it_sharper(tmp_path, photos):
    sharp = photos.sharp[0][:, 30:94, 30:94]
    blurry = torch.nn.functional.avg_pool2d(sharp.float(), 3, 1, 1, count_include_pad=False).round().byte()
    network = replace(TINY, channels=(16, 8, 8), scales=1, recurrence="none")
    recipe = replace(RECIPE, network=network, steps=60, decay=20, batch=2, learning_rate=2e-3, ema=0.8, seed=1)
    reports = []
    train(recipe, Photos([], [(blurry, sharp)]), [(blurry, sharp)], tmp_path, report=reports.append)
    assert [report.step for report in reports] == list(range(1, 61))
    measured = reports[-1].validation
    assert measured is not None and measured.gains[0] > 0.2  # an untrained network is the identity
    assert reports[0].validation is None


def test_the_checkpoint_describes_itself(tmp_path, photos):
    path = train(replace(RECIPE, steps=1, licence="MIT"), photos, [], tmp_path)
    assert path == tmp_path / "tiny.safetensors"
    info = read_info(path)
    assert (info.name, info.licence, info.training["steps"]) == ("tiny", "MIT", 1)
    assert info.training["recipe"]["crop"] == 32
    assert load_checkpoint(path)[0].config == TINY


@pytest.mark.parametrize("content", [b"", b"not a state"])
def test_a_damaged_state_is_named(tmp_path, photos, content):
    (tmp_path / "state.pt").write_bytes(content)
    with pytest.raises(WeightsDamaged, match=r"state\.pt: cannot go on from this state") as caught:
        train(RECIPE, photos, [], tmp_path)
    assert "\n" not in str(caught.value)


def test_the_state_of_another_network_is_refused(tmp_path, photos):
    train(replace(RECIPE, steps=1), photos, [], tmp_path)
    with pytest.raises(UsageError, match="another 'network'"):
        train(replace(RECIPE, network=replace(TINY, channels=(4, 4, 8))), photos, [], tmp_path)


def as_in_version_0_1(recipe: dict) -> dict:
    """What a state of that version says of its recipe: every setting it had, by the names they had."""
    renamed = {"real_pair_ratio": "real", "identity_ratio": "unblurred"}
    old = {renamed.get(key, key): value for key, value in recipe.items() if key != "architecture"}
    loss = {key: value for key, value in recipe["loss"].items() if key not in ("sharp_weight", "sharp_error")}
    return {**old, "initial": "he", "loss": {**loss, "mild": recipe["loss"]["sharp_weight"]}}


def test_a_run_begun_with_version_0_1_goes_on(tmp_path, photos):
    recipe = replace(RECIPE, loss=LossWeights(sharp_weight=2.0), real_pair_ratio=0.5)
    wanted = weights(train(recipe, photos, [], tmp_path / "whole"))
    with pytest.raises(KeyboardInterrupt):
        train(recipe, photos, [], tmp_path / "old", save_every=0, report=interrupt_after(5))
    state = torch.load(tmp_path / "old" / "state.pt", weights_only=True)
    torch.save({**state, "recipe": as_in_version_0_1(state["recipe"])}, tmp_path / "old" / "state.pt")
    steps = []
    resumed = train(recipe, photos, [], tmp_path / "old", report=lambda progress: steps.append(progress.step))
    assert steps[0] == 5 and weights(resumed) == wanted
    for change in ({"real_pair_ratio": 0.4}, {"initial": "xavier"}, {"loss": LossWeights(sharp_weight=2.5)}):
        with pytest.raises(UsageError, match=f"another '{next(iter(change))}'"):
            train(replace(recipe, **change), photos, [], tmp_path / "old")


def test_a_fresh_network_is_almost_the_identity():
    torch.manual_seed(0)
    network = SRN(TINY)
    he(network)
    x = torch.rand(1, 3, 32, 32)
    assert 0 < float((network(x)[-1] - x).detach().abs().max()) < 0.05


def test_equalised_layers_change_by_the_same_share(tmp_path, photos):
    """The first step of Adam is as large as the rate wherever there is a gradient; He's weights go by the inputs."""
    recipe = replace(RECIPE, steps=1, warmup=1, decay=0, learning_rate=0.5, equalised=True, weight_decay=0.0)
    torch.manual_seed(recipe.seed)
    fresh = SRN(TINY)
    he(fresh)
    trained = load_checkpoint(train(recipe, photos, [], tmp_path))[0].state_dict()
    shares = {}
    for key, value in fresh.state_dict().items():
        if value.ndim == 4 and (moved := float((trained[key] - value).abs().max())):
            shares[key] = moved * math.prod(value.shape[1:]) ** 0.5
    sizes = {math.prod(value.shape[1:]) for key, value in fresh.state_dict().items() if key in shares}
    assert len(sizes) > 3
    assert max(shares.values()) < 1.2 * min(shares.values())  # at one rate 1.4 times


def test_an_equalised_run_is_taken_up_again(tmp_path, photos):
    recipe = replace(RECIPE, equalised=True)
    whole = weights(train(recipe, photos, [], tmp_path / "whole"))
    with pytest.raises(KeyboardInterrupt):
        train(recipe, photos, [], tmp_path / "cut", save_every=0, report=interrupt_after(5))
    assert weights(train(recipe, photos, [], tmp_path / "cut")) == whole
    assert whole != weights(train(RECIPE, photos, [], tmp_path / "alike"))


def test_trust_ratios_are_trained_and_taken_up_again(tmp_path, photos):
    """The better of the predictions gets the larger one; a resumed run ends with the same as one in one go."""
    recipe = replace(RECIPE, loss=LossWeights(trust=True), learning_rate=0.1)
    whole = read_info(train(recipe, photos, [], tmp_path / "whole"))
    with pytest.raises(KeyboardInterrupt):
        train(recipe, photos, [], tmp_path / "cut", save_every=0, report=interrupt_after(5))
    resumed = read_info(train(recipe, photos, [], tmp_path / "cut"))
    assert resumed == whole
    ratios = whole.training["trust"]
    assert len(ratios) == 3 and sum(ratios) == pytest.approx(1, abs=1e-5)
    assert max(ratios) > 0.36 > 0.3 > min(ratios) > 0
    assert "trust" not in read_info(train(RECIPE, photos, [], tmp_path / "equal")).training
