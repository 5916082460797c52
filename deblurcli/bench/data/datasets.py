"""The published test sets: where each keeps its pairs, in the layouts that are in circulation.

Counts and layouts: GoPro, Nah et al., CVPR 2017. REDS, Nah et al., NTIRE 2019: 30 clips of 100 frames; the 300 images
that HINet and NAFNet report on are every tenth frame of its JPEG-compressed variant, and so not this set. HIDE, Shen et
al., ICCV 2019. RealBlur, Rim et al., ECCV 2020: its authors' program registers a result with the truth before it
measures, and this one does not, so figures are not comparable. Koehler et al., ECCV 2012. The folders `input` and
`target` are those of the sets that MPRNet (Zamir et al., CVPR 2021) and its successors are measured on.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from pathlib import Path

from deblurcli.bench.data.pairing import Pair, add_image, images_below, join, natural
from deblurcli.bench.results import Protocol
from deblurcli.display import display_name
from deblurcli.errors import InputError, UsageError
from deblurcli.images import is_image_name

__all__ = ["DATASETS", "Dataset", "Pair", "find_dataset", "folder_pairs", "joined", "limited"]

_KOHLER_FRAMES = 198  # of the shortest of the 48 trajectories; the longest has 200


@dataclass(frozen=True)
class Dataset:
    """What is measured on.

    Attributes:
        name: one of `DATASETS`, or "folder" for folders that the user named.
        folders: where the images were found; "*" stands for the scenes.
        pairs: in natural order of their names.
        published: number of pairs in the published test set; None for a user's own folder.
        protocol: how images are compared.
        caveat: what keeps figures on it from being compared with published ones, if anything does.
    """

    name: str
    folders: tuple[str, ...]
    pairs: tuple[Pair, ...]
    published: int | None
    protocol: Protocol
    caveat: str = ""


@dataclass(frozen=True)
class _Place:
    """Where a set may be: below each root in turn, in each form in turn.

    Attributes:
        roots: below the folder that the user gave, which may be any of several levels of the set.
        forms: (blurry, sharp), either with one "*" for the scenes.
        spare: whether there may be sharp images without a blurry one.
    """

    roots: tuple[str, ...]
    forms: tuple[tuple[str, str], ...]
    spare: bool = False


@dataclass(frozen=True)
class _Set:
    """A published set.

    Attributes:
        published: number of pairs.
        layouts: what is looked for, as an error says it.
        places: where to look, in order.
        marker: regular expression of what tells the names of partners apart.
        caveat: see `Dataset`.
        listed: (file that lists the test images, folder of all images), where no folder separates them.
    """

    published: int
    layouts: str
    places: tuple[_Place, ...] = ()
    marker: str = ""
    caveat: str = ""
    listed: tuple[str, str] | None = None


_FLAT = ("input", "target")


def _realblur(flat: str, folder: str) -> _Set:
    file = f"{flat}_test_list.txt"
    roots = (f"RealBlur/test/{flat}", f"test/{flat}", f"{flat}/test", flat, "test", ".")
    layouts = f"{file} beside {folder}, test/{flat}/{{input,target}}"
    marker = r"(?<![^/_])(?:blur|gt)_(?=[0-9]+$)"
    caveat = (
        "RealBlur's authors register each result with the true image before they measure, which is not done here, so "
        "that these figures are not comparable with published ones"
    )
    return _Set(980, layouts, (_Place(roots, (_FLAT,)),), marker, caveat, (file, folder))


_SETS: dict[str, _Set] = {
    "gopro": _Set(
        1111,
        "GOPRO_Large/test/<scene>/{blur,sharp}, test/{blur,sharp}, test/GoPro/{input,target}",
        (
            _Place(
                ("GOPRO_Large/test", "GoPro/test", "test/GoPro", "GoPro", "test", "."),
                (("*/blur", "*/sharp"), ("blur", "sharp"), _FLAT),
            ),
        ),
    ),
    "reds": _Set(
        3000,
        "val/{val_blur,val_sharp}/<clip>, {input,target}",
        (
            _Place(
                ("REDS/val", "REDS", "val", "."),
                (("val_blur/val/val_blur", "val_sharp/val/val_sharp"), ("val_blur", "val_sharp")),
            ),
            _Place(("test/REDS", "REDS/test", "REDS", "test", "."), (_FLAT,)),
        ),
        caveat="the figures that HINet and NAFNet print are of 300 images of the JPEG-compressed variant, another set",
    ),
    "hide": _Set(
        2025,
        "test/{test-close-ups,test-long-shot} with GT, test/HIDE/{input,target}",
        (  # GT has the true images of the training part too
            _Place(("HIDE_dataset", "HIDE", "."), (("test/test-*", "GT"),), spare=True),
            _Place((".",), (("test-*", "../GT"),), spare=True),
            _Place(("test/HIDE", "HIDE/test", "HIDE", "test", "."), (_FLAT,)),
        ),
    ),
    "realblur-j": _realblur("RealBlur_J", "RealBlur-J_ECC_IMCORR_centroid_itensity_ref"),
    "realblur-r": _realblur("RealBlur_R", "RealBlur-R_BM3D_ECC_IMCORR_centroid_itensity_ref"),
    "kohler": _Set(48, "Blurry<image>_<trajectory> and GroundTruth<image>_<trajectory>_<frame> at any depth"),
}

#: Names that `find_dataset` takes.
DATASETS: tuple[str, ...] = tuple(_SETS)


def find_dataset(name: str, data: Path) -> Dataset:
    """Find the pairs of a published test set.

    Args:
        name: one of `DATASETS`.
        data: folder of the set, or one that holds it, or its test part, or a single scene of GoPro.

    Raises:
        UsageError: if there is no such set.
        InputError: if the set is not there or not whole, with what was looked for and what was found.
    """
    if name not in _SETS:
        raise UsageError(f"{name}: no such data set; choose one of {', '.join(DATASETS)}")
    if not data.is_dir():
        raise InputError(f"{display_name(data)}: no such folder; give the one that holds {name} with --data")
    spec = _SETS[name]
    if name == "kohler":
        return Dataset(name, (str(data),), _kohler_pairs(data), spec.published, "kohler")
    problem: InputError | None = None
    for blurry, sharp, folders, spare in _candidates(spec, data):
        try:
            pairs = _whole(blurry, sharp, folders, spare)
            return Dataset(name, folders, pairs, spec.published, "pairs", spec.caveat)
        except InputError as error:
            problem = problem or error  # one layout half there, and perhaps another whole
    raise problem or _nothing(name, data)


def folder_pairs(blur: Path, sharp: Path) -> Dataset:
    """The pairs of two folders, matched by path below them without the suffix. Spare sharp images are left out.

    Raises:
        InputError: if a folder is missing or empty, a name is there twice, or a blurry image has no partner.
    """
    for folder in (blur, sharp):
        if not folder.is_dir():
            raise InputError(f"{display_name(folder)}: no such folder")
    images = [images_below(folder) for folder in (blur, sharp)]
    for folder, found in zip((blur, sharp), images, strict=True):
        if not found:
            raise InputError(f"{display_name(folder)}: no images found")
    folders = (str(blur), str(sharp))
    return Dataset("folder", folders, join(images[0], images[1], folders, spare=True), None, "pairs")


def joined(sets: Sequence[Dataset]) -> Dataset:
    """Several folders as one data set; each pair's name then begins with that of its folder.

    Args:
        sets: at least one, from `folder_pairs`.
    """
    if len(sets) == 1:
        return sets[0]
    parents = [Path(one.folders[0]).absolute().parent.name for one in sets]
    names = [
        f"{number}-{display_name(name)}" if parents.count(name) > 1 else display_name(name)
        for number, name in enumerate(parents, 1)
    ]
    pairs = tuple(
        replace(pair, name=f"{name}/{pair.name}") for name, one in zip(names, sets, strict=True) for pair in one.pairs
    )
    return replace(sets[0], folders=tuple(folder for one in sets for folder in one.folders), pairs=pairs)


def limited(dataset: Dataset, count: int) -> Dataset:
    """`count` pairs spread evenly over the set, always the same ones: the first ones would all be of one scene.

    Raises:
        UsageError: if `count` is not at least 1.
    """
    if count < 1:
        raise UsageError(f"--limit {count}: must be 1 or more")
    total = len(dataset.pairs)
    if count >= total:
        return dataset
    return replace(dataset, pairs=tuple(dataset.pairs[(2 * k + 1) * total // (2 * count)] for k in range(count)))


_Candidate = tuple[dict[str, Path], dict[str, Path], tuple[str, str], bool]


def _candidates(spec: _Set, data: Path) -> Iterator[_Candidate]:
    """Wherever there is something: blurry images, sharp images, their folders, whether sharp ones may be spare."""
    if spec.listed:
        yield from _listed(spec, data)
    for place in spec.places:
        for root in place.roots:
            for top in _matching(data, root):
                for blurry, sharp in place.forms:
                    found = _collect(top, blurry, spec.marker), _collect(top, sharp, spec.marker)
                    if any(found):
                        yield *found, (str(top / blurry), str(top / sharp)), place.spare


def _whole(blurry: dict[str, Path], sharp: dict[str, Path], folders: tuple[str, str], spare: bool) -> tuple[Pair, ...]:
    here, there = map(display_name, folders)
    if not blurry or not sharp:
        here, there = (here, there) if blurry else (there, here)
        raise InputError(f"found {len(blurry or sharp)} images in {here} but none in {there}; extract the set again")
    return join(blurry, sharp, folders, spare=spare)


def _collect(top: Path, form: str, marker: str) -> dict[str, Path]:
    """Images by name in all folders of a form below `top`; where it begins with "*", names begin with the scene's."""
    images: dict[str, Path] = {}
    for folder in _matching(top, form):
        # The training part is laid out just like a test set, and figures on it would look splendid.
        if "train" in (part.lower() for part in folder.resolve().parts[-3:-1]):
            continue
        scene = f"{display_name(folder.parent.name)}/" if form.startswith("*") else ""
        for name, path in images_below(folder, marker).items():
            add_image(images, scene + name, path)
    return images


def _matching(top: Path, form: str) -> list[Path]:
    """Folders below `top`: names as in `form` whatever their case, "*" for any characters, ".." for the one above."""
    folders = [top]
    for part in form.split("/"):
        if part == "..":
            folders = [folder.resolve().parent for folder in folders]
        elif part != ".":
            below = [path for folder in folders for path in _folders_in(folder)]
            folders = [path for path in below if fnmatchcase(path.name.lower(), part.lower())]
    return folders


def _folders_in(folder: Path) -> list[Path]:
    try:
        return sorted(path for path in folder.iterdir() if not path.name.startswith(".") and path.is_dir())
    except OSError as error:
        raise InputError(f"{display_name(folder)}: cannot be read ({error.strerror})") from error


def _listed(spec: _Set, data: Path) -> Iterator[_Candidate]:
    """RealBlur as its authors pack it: a text file names the test images, as "truth blurry" in each line."""
    assert spec.listed
    file_name, image_folder = spec.listed
    inside = data.resolve().name.lower() == image_folder.lower()
    for top in [data.resolve().parent] if inside else [data, *_matching(data, "RealBlur")]:
        if not _matching(top, image_folder):
            continue
        blurry: dict[str, Path] = {}
        sharp: dict[str, Path] = {}
        missing = []
        for number, line in enumerate(_lines(top / file_name, image_folder), 1):
            columns = line.split()
            if len(columns) < 2:
                raise InputError(f"{display_name(top / file_name)}: line {number} does not name two images")
            for images, path in ((sharp, top / columns[0]), (blurry, top / columns[1])):
                name = f"{path.parent.parent.name}/{re.sub(spec.marker, '', path.stem)}"
                add_image(images, display_name(name), path)
                if not path.is_file():
                    missing.append(path)
        if missing:
            raise InputError(
                f"{display_name(missing[0])}: not there; {len(missing)} of the {2 * len(blurry)} images that "
                f"{file_name} lists are missing; extract the set again"
            )
        scenes = top / image_folder / "*"
        yield blurry, sharp, (str(scenes / "blur"), str(scenes / "gt")), False


def _lines(file: Path, image_folder: str) -> list[str]:
    try:
        return [line for line in file.read_text(encoding="utf-8").splitlines() if line.strip()]
    except (OSError, UnicodeDecodeError):
        raise InputError(
            f"{display_name(file)}: cannot be read; it tells which images of {image_folder} are for testing"
        ) from None


def _kohler_pairs(data: Path) -> tuple[Pair, ...]:
    """Each blurry image with all sharp frames of its trajectory."""
    blurry: dict[str, Path] = {}
    frames: dict[str, dict[str, Path]] = {}
    for path in images_below(data).values():
        if match := re.fullmatch(r"Blurry([0-9]+_[0-9]+)", path.stem, re.IGNORECASE):
            add_image(blurry, match[1], path)
        elif match := re.fullmatch(r"GroundTruth([0-9]+_[0-9]+)_([0-9]+)", path.stem, re.IGNORECASE):
            add_image(frames.setdefault(match[1], {}), match[2], path)
    if not blurry:
        raise _nothing("kohler", data)
    pairs = []
    for name in sorted(blurry, key=natural):
        own = frames.get(name, {})
        numbers = sorted(own, key=int)
        if len(own) < _KOHLER_FRAMES or int(numbers[-1]) - int(numbers[0]) + 1 != len(own):
            raise InputError(
                f"{display_name(blurry[name])}: found {len(own)} frames GroundTruth{name}_<frame>, of at least "
                f"{_KOHLER_FRAMES} in a row; extract all of them, or compare with one by --blur and --sharp"
            )
        pairs.append(Pair(f"Blurry{name}", blurry[name], tuple(own[number] for number in numbers)))
    return tuple(pairs)


def _nothing(name: str, data: Path) -> InputError:
    """What was looked for, and what is there instead."""
    names = [f"{display_name(path.name)}/" for path in _folders_in(data)]
    shown = ", ".join(names[:4] + ["..."] * (len(names) > 4)) or "no folders"
    images = sum(map(is_image_name, data.iterdir()))
    return InputError(
        f"{display_name(data)}: no {name} test set; looked for {_SETS[name].layouts}; found {shown} and {images} images"
    )
