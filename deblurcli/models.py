"""Which models there are, and how to get one by name or file. Listing them does not import torch."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from deblurcli.checkpoint import ModelInfo, load_checkpoint, load_state, read_info
from deblurcli.errors import WeightsUnavailable

if TYPE_CHECKING:
    from torch import nn

DEFAULT = "srn-fast"


@dataclass(frozen=True)
class Model:
    """A checkpoint that ships with the package.

    Attributes:
        name: what `--model` takes.
        path: its file.
        info: what the file says about itself.
    """

    name: str
    path: Path
    info: ModelInfo


def weights_folder() -> Path:
    """Where the shipped weights are: inside the installed package, or beside it in a checkout."""
    package = Path(__file__).parent
    installed = package / "weights"
    return installed if installed.is_dir() else package.parent / "weights"


def shipped_models() -> list[Model]:
    """All shipped checkpoints, the default one first."""
    paths = sorted(weights_folder().glob("*.safetensors"), key=lambda path: (path.stem != DEFAULT, path.stem))
    return [Model(path.stem, path, read_info(path)) for path in paths]


def find_weights(name_or_file: str | Path) -> Path:
    """The file of a shipped model's name, or the given file.

    Raises:
        WeightsUnavailable: if there is no such model and no such file.
    """
    shipped = weights_folder() / f"{name_or_file}.safetensors"
    if Path(name_or_file).name == str(name_or_file) and shipped.is_file():
        return shipped
    path = Path(name_or_file)
    if path.is_file():
        return path
    names = ", ".join(path.stem for path in sorted(weights_folder().glob("*.safetensors"))) or "none"
    raise WeightsUnavailable(f"{name_or_file}: no such model or weights file; shipped models: {names}")


def load_network(name_or_file: str | Path) -> nn.Module:
    """The network of a shipped model or a weights file, in evaluation mode, float32, on the CPU.

    Call it with a float tensor (N, C, H, W) in [0, 1], RGB (or grey for grey models), sides multiples of 16; it returns
    the list of all scales' predictions, coarsest first.

    Args:
        name_or_file: a shipped model's name, a `.safetensors` checkpoint, or a `.pth` / `.pt` pickle of a state dict.

    Raises:
        WeightsUnavailable: if it is not there.
        WeightsDamaged: if it is truncated, altered or of an unknown kind.
    """
    return load_model(name_or_file)[0]


def load_model(name_or_file: str | Path) -> tuple[nn.Module, ModelInfo]:
    """As `load_network`, with what the file says about itself."""
    path = find_weights(name_or_file)
    if path.suffix in (".pth", ".pt"):
        from deblurcli.convert.pickled import read_pickled

        info, state = read_pickled(path)
        return load_state(info, state, path), info
    return load_checkpoint(path)
