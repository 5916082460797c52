"""Finding test sets in folders as users have them. The files are empty: only their names matter here."""

import pytest

from deblurcli.bench.data.datasets import DATASETS, find_dataset, folder_pairs, limited
from deblurcli.errors import InputError, UsageError

LIST = "RealBlur_J_test_list.txt"
REALBLUR = "RealBlur-J_ECC_IMCORR_centroid_itensity_ref"


@pytest.fixture
def files(tmp_path):
    """Make empty files below the temporary folder: files("a/1.png", ...) -> that folder."""

    def make(*names):
        for name in names:
            path = tmp_path / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.touch()
        return tmp_path

    return make


def gopro(top="", *, scenes=("GOPR0384_11_00", "GOPR0410_11_00"), kinds=("blur", "sharp"), images=3):
    return [
        f"{top}{part}/{scene}/{kind}/{number:06}.png"
        for part in ("train", "test")
        for scene in scenes
        for kind in kinds
        for number in range(images)
    ]


def names(dataset):
    return [pair.name for pair in dataset.pairs]


def refusal(name, data):
    with pytest.raises(InputError) as error:
        find_dataset(name, data)
    message = str(error.value)
    assert "\n" not in message
    return message


@pytest.mark.parametrize("level", [".", "GOPRO_Large", "GOPRO_Large/test"])
def test_gopro_from_any_level_is_the_linear_test_set(files, level):
    data = files(*gopro("GOPRO_Large/", kinds=("blur", "blur_gamma", "sharp"))) / level
    found = find_dataset("gopro", data)
    assert names(found) == [
        f"{scene}/{number:06}" for scene in ("GOPR0384_11_00", "GOPR0410_11_00") for number in range(3)
    ]
    assert {pair.blurry.parent.name for pair in found.pairs} == {"blur"}
    assert all("test" in pair.blurry.parts for pair in found.pairs)
    assert all(pair.truths == (pair.blurry.parent.parent / "sharp" / pair.blurry.name,) for pair in found.pairs)
    assert (found.published, found.protocol) == (1111, "pairs")
    assert found.folders[0].endswith("test/*/blur")


def test_one_scene_of_gopro(files):
    data = files(*gopro("GOPRO_Large/")) / "GOPRO_Large" / "test" / "GOPR0384_11_00"
    found = find_dataset("gopro", data)
    assert names(found) == ["000000", "000001", "000002"]
    assert found.published == 1111


@pytest.mark.parametrize(
    ("name", "blurry", "sharp"),
    [
        ("gopro", "test/blur/GOPR0384_11_00-000001.png", "test/sharp/GOPR0384_11_00-000001.png"),
        ("gopro", "input/GOPR0384_11_00-000001.png", "target/GOPR0384_11_00-000001.png"),
        ("gopro", "test/GoPro/input/GOPR0384_11_00-000001.png", "test/GoPro/target/GOPR0384_11_00-000001.png"),
        ("gopro", "gopro/test/input/GOPR0384_11_00-000001.png", "gopro/test/target/GOPR0384_11_00-000001.png"),
        ("reds", "val_blur/000/00000009.png", "val_sharp/000/00000009.png"),
        ("reds", "val/val_blur/000/00000009.png", "val/val_sharp/000/00000009.png"),
        ("reds", "val_blur/val/val_blur/000/00000009.png", "val_sharp/val/val_sharp/000/00000009.png"),
        ("reds", "input/000_00000009.jpg", "target/000_00000009.png"),
        ("hide", "HIDE_dataset/test/test-close-ups/21fromGOPR1096.png", "HIDE_dataset/GT/21fromGOPR1096.png"),
        ("hide", "test/test-long-shot/10.png", "GT/10.png"),
        ("hide", "test/HIDE/input/10.png", "test/HIDE/target/10.png"),
        ("realblur-j", "test/RealBlur_J/input/scene230_7.png", "test/RealBlur_J/target/scene230_7.png"),
        ("realblur-j", "input/scene230_blur_7.png", "target/scene230_gt_7.png"),
        ("realblur-r", "RealBlur/test/RealBlur_R/input/1.png", "RealBlur/test/RealBlur_R/target/1.png"),
    ],
)
def test_layouts(files, name, blurry, sharp):
    data = files(blurry, sharp)
    (pair,) = find_dataset(name, data).pairs
    assert (pair.blurry, pair.truths) == (data / blurry, (data / sharp,))


@pytest.mark.parametrize(
    ("name", "published"),
    [("gopro", 1111), ("reds", 3000), ("hide", 2025), ("realblur-j", 980), ("realblur-r", 980)],
)
def test_the_size_of_the_published_set(files, name, published):
    found = find_dataset(name, files("input/1.png", "target/1.png"))
    assert (found.name, found.published, len(found.pairs)) == (name, published, 1)


def test_sets_beside_each_other_are_told_apart(files):
    data = files(*(f"test/{part}/{kind}/1.png" for part in ("GoPro", "HIDE") for kind in ("input", "target")))
    assert "GoPro" in find_dataset("gopro", data).folders[0]
    assert "HIDE" in find_dataset("hide", data).folders[0]
    assert "test/RealBlur_R/{input,target}" in refusal("realblur-r", data)


def test_hide_may_have_more_true_images_and_two_folders(files):
    data = files("test/test-close-ups/2.png", "test/test-long-shot/10.png", "GT/2.png", "GT/10.png", "GT/training.png")
    assert names(find_dataset("hide", data)) == ["2", "10"]
    assert names(find_dataset("hide", data / "test")) == ["2", "10"]


@pytest.mark.parametrize("level", ["train", "train/GOPR0384_11_00"])
def test_training_images_are_never_a_test_set(files, level):
    assert "no gopro test set" in refusal("gopro", files(*gopro()) / level)


def test_training_images_in_two_flat_folders(files):
    data = files("train/blur/1.png", "train/sharp/1.png")
    assert "found train/" in refusal("gopro", data)
    assert "GOPRO_Large/test" in refusal("gopro", data / "train")


def test_natural_order(files):
    data = files(*(f"input/{k}.png" for k in (1, 10, 2)), *(f"target/{k}.png" for k in (1, 10, 2)))
    assert names(find_dataset("gopro", data)) == ["1", "2", "10"]


def test_hidden_files_do_not_count(files):
    data = files("input/1.png", "input/._1.png", "input/.DS_Store", "input/.thumbs/2.png", "target/1.png")
    assert names(find_dataset("gopro", data)) == ["1"]


def test_sharp_folders_missing(files):
    message = refusal("gopro", files(*gopro("GOPRO_Large/", kinds=("blur",))))
    assert "found 6 images in" in message
    assert "none in" in message
    assert message.count("GOPRO_Large/test/*/") == 2


def test_half_extracted(files):
    data = files(*gopro("GOPRO_Large/"))
    (data / "GOPRO_Large/test/GOPR0410_11_00/sharp/000001.png").unlink()
    message = refusal("gopro", data)
    assert message.startswith(str(data / "GOPRO_Large/test/GOPR0410_11_00/blur/000001.png"))
    assert "6 images" in message
    assert " 5, and 1 " in message
    (data / "GOPRO_Large/test/GOPR0410_11_00/blur/000001.png").unlink()
    (data / "GOPRO_Large/test/GOPR0384_11_00/blur/000002.png").unlink()
    assert "GOPR0384_11_00/sharp/000002.png: has no partner" in refusal("gopro", data)


def test_a_whole_layout_beside_a_half_one_is_used(files):
    data = files("test/blur/1.png", "input/1.png", "target/1.png")
    assert find_dataset("gopro", data).folders == (str(data / "input"), str(data / "target"))


def test_nothing_there_says_what_was_looked_for_and_what_was_found(files):
    message = refusal("gopro", files("holiday/1.png", "blur_gamma/2.png", "loose.png"))
    assert "GOPRO_Large/test/<scene>/{blur,sharp}" in message
    assert "found blur_gamma/, holiday/ and 1 images" in message
    assert "no such folder" in refusal("gopro", files() / "missing")


def test_unknown_set():
    with pytest.raises(UsageError, match="kohler"):
        find_dataset("gopr0", None)
    assert len(DATASETS) == 6


@pytest.mark.parametrize("suffix", [".jpg", ".PNG"])
def test_two_images_of_one_name(files, suffix):
    data = files("input/1.png", f"input/1{suffix}", "target/1.png")
    message = refusal("gopro", data)
    assert f"1{suffix}" in message
    assert "two images of the same name" in message


def realblur(files, lines, present=None):
    data = files(*(f"{REALBLUR}/{name}" for line in (present or lines) for name in line))
    (data / LIST).write_text("".join(f"{REALBLUR}/{truth} {REALBLUR}/{blurry}\n" for truth, blurry in lines))
    return data


def test_realblur_takes_the_listed_images_only(files):
    lines = [
        ("scene230/gt/gt_10.png", "scene230/blur/blur_10.png"),
        ("scene230/gt/gt_7.png", "scene230/blur/blur_7.png"),
    ]
    training = ("scene001/gt/gt_1.png", "scene001/blur/blur_1.png")
    data = realblur(files, lines, [*lines, training])
    found = find_dataset("realblur-j", data)
    assert names(found) == ["scene230/7", "scene230/10"]
    assert found.pairs[0].truths[0].name == "gt_7.png"
    assert names(find_dataset("realblur-j", data / REALBLUR)) == names(found)
    assert "no realblur-r test set" in refusal("realblur-r", data)


def test_realblur_without_its_list_or_with_images_missing(files):
    lines = [(f"scene230/gt/gt_{k}.png", f"scene230/blur/blur_{k}.png") for k in (1, 2)]
    data = realblur(files, lines)
    (data / REALBLUR / "scene230/gt/gt_2.png").unlink()
    assert "gt_2.png: not there; 1 of the 4 images" in refusal("realblur-j", data)
    (data / LIST).write_text("only-one-column\n")
    assert "line 1" in refusal("realblur-j", data)
    (data / LIST).unlink()
    assert LIST in refusal("realblur-j", data)


def kohler(frames=198, blurry=("1_1", "1_12", "1_2")):
    truths = [f"Image1/Kernel{one[2:]}/GroundTruth{one}_{k}.png" for one in blurry for k in range(1, frames + 1)]
    return [*(f"BlurryImages/Blurry{one}.png" for one in blurry), *truths]


def test_kohler(files):
    found = find_dataset("kohler", files(*kohler()))
    assert names(found) == ["Blurry1_1", "Blurry1_2", "Blurry1_12"]
    assert [path.stem for path in found.pairs[1].truths] == [f"GroundTruth1_2_{k}" for k in range(1, 199)]
    assert (found.published, found.protocol) == (48, "kohler")


def test_kohler_needs_all_frames(files):
    data = files(*kohler(blurry=("1_1",)))
    (data / "Image1/Kernel1/GroundTruth1_1_100.png").unlink()
    assert "found 197 frames GroundTruth1_1_<frame>" in refusal("kohler", data)
    files("Image1/Kernel1/GroundTruth1_1_250.png")
    assert "in a row" in refusal("kohler", data)
    assert "GroundTruth<image>_<trajectory>_<frame>" in refusal("kohler", data / "Image1")


def test_folder_pairs(files):
    data = files("a/x/2.png", "a/x/10.jpg", "b/x/2.png", "b/x/10.png", "b/spare.png")
    found = folder_pairs(data / "a", data / "b")
    assert [(pair.name, pair.blurry.name, pair.truths[0].name) for pair in found.pairs] == [
        ("x/2", "2.png", "2.png"),
        ("x/10", "10.jpg", "10.png"),
    ]
    assert (found.name, found.published, found.folders) == ("folder", None, (str(data / "a"), str(data / "b")))


@pytest.mark.parametrize(
    ("present", "message"),
    [
        (["b/1.png"], "a: no such folder"),
        (["a/notes.txt", "b/1.png"], "a: no images found"),
        (["a/1.png", "b/notes.txt"], "b: no images found"),
        (["a/1.png", "a/2.png", "b/1.png"], r"2.png: has no partner .* and 1 are without"),
        (["a/1.png", "a/1.jpg", "b/1.png"], "two images of the same name"),
    ],
)
def test_folder_pairs_that_do_not_match(files, present, message):
    data = files(*present)
    with pytest.raises(InputError, match=message):
        folder_pairs(data / "a", data / "b")


def test_a_name_with_a_line_break_stays_on_one_line(files):
    data = files("a/x\ny.png", "b/x\ny.png")
    (pair,) = folder_pairs(data / "a", data / "b").pairs
    assert pair.name == r"x\ny"


def test_limit_spreads_over_all_scenes(files):
    scenes = [f"GOPR{k}" for k in range(5)]
    found = find_dataset("gopro", files(*gopro(scenes=scenes, images=10)))
    few = limited(found, 5)
    assert [name.split("/")[0] for name in names(few)] == scenes
    assert few == limited(found, 5)
    assert (few.published, few.folders) == (found.published, found.folders)
    assert [len(limited(found, count).pairs) for count in (1, 7, 49, 50, 51)] == [1, 7, 49, 50, 50]
    with pytest.raises(UsageError, match="1 or more"):
        limited(found, 0)
