"""The folder of a model that is to be published, as the Hub's own classes read it."""

import hashlib
import json

import pytest
from huggingface_hub import ModelCard

from deblurcli.bench.results import BASELINE, Method, Quality, Report, Score
from deblurcli.bench.writers import to_json
from deblurcli.errors import InputError, OutputError, UsageError, WeightsDamaged, WeightsUnavailable
from deblurcli.models.catalog import weights_folder
from deblurcli.models.checkpoint import load_checkpoint
from deblurcli.networks import build_network
from deblurcli.publish.card_links import with_links
from deblurcli.publish.model_card import hub_licence
from deblurcli.publish.upload import prepare


@pytest.fixture
def report(tmp_path):
    """report(*methods) -> a file as `deblur bench --json` writes it, of 2 of GoPro's 1111 pairs."""

    def make(*methods: Method):
        rows = (Method(BASELINE), *methods)
        scores = tuple(
            Score(pair, row.name, 25.0 + place + 0.123456 * number, ssim_wang=0.8123456, ssim_matlab=0.87)
            for place, pair in enumerate(("a", "b"))
            for number, row in enumerate(rows)
        )
        quality = Quality("gopro", ("/home/me/secret",), 2, 1111, 1111, "pairs", rows, scores)
        path = tmp_path / "bench.json"
        made = Report(
            "deblur bench --data /home/me/secret",
            "2025-01-02T03:04:05+00:00",
            {"deblurcli": "9"},
            quality,
            notes=("not comparable",),
        )
        path.write_text(to_json(made), encoding="utf-8")
        return path

    return make


def digest(path):
    return hashlib.sha256(path.read_bytes()).hexdigest()


def method(name, sha256, tta=False):
    return Method(name, f"/home/me/{name}", sha256, 1000, "cpu", "fp32", tta)


def test_the_shipped_model(tmp_path):
    checkpoint = weights_folder() / "srn-fast.safetensors"
    prepared = prepare(checkpoint, None, tmp_path / "out")
    assert not prepared.warnings
    written = [path for path in (tmp_path / "out").rglob("*") if path.is_file()]
    assert prepared.files == {path.relative_to(tmp_path / "out").as_posix(): path.stat().st_size for path in written}
    assert (tmp_path / "out" / "model.safetensors").read_bytes() == checkpoint.read_bytes()
    card = ModelCard.load(tmp_path / "out" / "README.md")
    assert card.data.to_dict() == {
        "library_name": "deblurcli",
        "license": "cc-by-sa-4.0",
        "pipeline_tag": "image-to-image",
        "tags": ["deblurring", "image-restoration", "srn", "motion-blur"],
    }
    assert card.text.strip() == checkpoint.with_suffix(".md").read_text(encoding="utf-8").strip()
    # The list of training photos, which their licences ask for, goes where the card links to.
    photos = checkpoint.with_name("srn-fast-photos.csv")
    assert (tmp_path / "out" / "srn-fast-photos.csv").read_bytes() == photos.read_bytes()


def test_the_configuration_rebuilds_the_network(folder):
    config = json.loads((folder / "config.json").read_text())
    network = build_network(config["architecture"], config["config"])
    network.load_state_dict(load_checkpoint(folder / "model.safetensors")[0].state_dict())
    assert network.config == load_checkpoint(folder / "model.safetensors")[0].config


def test_a_checkpoint_without_a_card_says_what_it_knows_and_claims_nothing(tmp_path, small):
    prepared = prepare(small(steps=5200, recipe={"learning_rate": 0.001}), None, tmp_path / "out")
    assert "no model card" in prepared.warnings[0]
    card = ModelCard.load(tmp_path / "out" / "README.md")
    for words in ("# small", "| training steps | 5,200 |", '"learning_rate": 0.001', "CC BY-SA 4.0", "| blocks | 3 |"):
        assert words in card.text
    assert "dB" not in card.text
    assert card.data.eval_results is None


def test_measured_figures(tmp_path, small, report):
    checkpoint = small()
    sha256 = digest(checkpoint)
    metrics = report(
        method("run/a.safetensors", sha256),
        method("run/a.safetensors --tta", sha256, tta=True),
        method("other", "0" * 64),
    )
    prepare(checkpoint, None, tmp_path / "out", metrics)
    card = ModelCard.load(tmp_path / "out" / "README.md")
    results = card.data.eval_results
    assert card.data.model_name == "small"
    assert {(one.task_type, one.dataset_type, one.dataset_name) for one in results} == {
        ("image-to-image", "gopro", "GoPro (a subset: 2 of 1111 pairs)")
    }
    assert {(one.metric_type, one.metric_name, one.metric_value) for one in results} == {
        ("psnr", "PSNR of RGB (dB)", 25.62),
        ("psnr-gain", "PSNR over the blurry input (dB)", 0.12),
        ("ssim", "SSIM (MATLAB)", 0.87),
        ("ssim", "SSIM (Wang)", 0.8123),
        ("psnr", "PSNR of RGB (dB) with self-ensemble", 25.75),
        ("psnr-gain", "PSNR over the blurry input (dB) with self-ensemble", 0.25),
        ("ssim", "SSIM (MATLAB) with self-ensemble", 0.87),
        ("ssim", "SSIM (Wang) with self-ensemble", 0.8123),
    }
    assert "| blurry input | 25.50 | 0.8700 | 0.8123 | +0.00 | +0.00 | +0.00 |" in card.text
    assert "| small | 25.62 | 0.8700 | 0.8123 | +0.12 | +0.12 | +0.12 |" in card.text
    assert "2025-01-02" in card.text
    assert "Note: not comparable." in card.text
    assert "/home/me" not in card.content  # where things lie on the author's disk


def test_figures_that_are_not_of_this_file(tmp_path, small, report):
    checkpoint = small()
    with pytest.raises(UsageError, match="measures other weights"):
        prepare(checkpoint, None, tmp_path / "out", report(method("small", "0" * 64)))
    altered = json.loads(report(method("small", digest(checkpoint))).read_text())
    for change in ({"scores": altered["quality"]["scores"][:-1]}, {"pairs": 1111}, {"methods": 3}, {"protocol": "x"}):
        (tmp_path / "altered.json").write_text(json.dumps(altered | {"quality": altered["quality"] | change}))
        with pytest.raises(InputError, match="not a report of"):
            prepare(checkpoint, None, tmp_path / "out", tmp_path / "altered.json")
    for text, error in (("{}", InputError), ("no JSON", InputError), ('{"quality": null}', UsageError)):
        (tmp_path / "other.json").write_text(text)
        with pytest.raises(error):
            prepare(checkpoint, None, tmp_path / "out", tmp_path / "other.json")
    with pytest.raises(InputError, match="cannot be read"):
        prepare(checkpoint, None, tmp_path / "out", tmp_path / "missing.json")
    assert not (tmp_path / "out").exists()


CARD = """# Mine

[photos](lists/my%20photos.csv#top "All") and ![before](before.png) and [weights](../run/small.safetensors);
[web](https://example.org/a.csv), [below](#below), [mail](mailto:me@example.org).

[other weights](big.safetensors), [outside](../secret.csv), ![gone](gone.png), [absolute](/etc/hosts.txt).
[![badge](before.png)](gone.csv) <img src="before.png"> <img src="lost.png">

Code: `[a](gone.csv)`

```
[b](gone.csv)
```

[ref]: more.csv
"""


def test_links_of_a_card(tmp_path, small):
    cards = tmp_path / "cards"
    (cards / "lists").mkdir(parents=True)
    for name in ("lists/my photos.csv", "before.png", "big.safetensors", "../secret.csv"):
        (cards / name).write_text(name)
    (cards / "card.md").write_text(CARD)
    prepared = prepare(small(), cards / "card.md", tmp_path / "out")
    assert set(prepared.files) == {
        *("model.safetensors", "README.md", "config.json"),
        *("lists/my photos.csv", "before.png"),
    }
    assert (tmp_path / "out" / "lists" / "my photos.csv").read_text() == "lists/my photos.csv"
    text = (tmp_path / "out" / "README.md").read_text()
    assert (
        '[photos](lists/my%20photos.csv#top "All") and ![before](before.png) and [weights](model.safetensors);' in text
    )
    assert "[web](https://example.org/a.csv), [below](#below), [mail](mailto:me@example.org)." in text
    assert "other weights, outside, gone, absolute." in text
    assert '![badge](before.png) <img src="before.png"> <img src="lost.png">' in text
    assert text.endswith(CARD[CARD.index("Code:") :])
    told = "\n".join(prepared.warnings)
    for target in (
        "big.safetensors",
        "../secret.csv",
        "gone.png",
        "/etc/hosts.txt",
        "gone.csv",
        "lost.png",
        "more.csv",
    ):
        assert told.count(f"links to {target}, which is not uploaded") == 1


@pytest.mark.parametrize(
    ("written", "published"),
    [
        ("[a](gone.csv 'single quotes')", "a"),
        ("[a](<gone.csv> (brackets))", "a"),
        ("[a](  gone.csv\n)", "a"),
        ("[a [b] c](gone.csv)", "a [b] c"),
        ("> [a\n> b](gone.csv)", "> a\n> b"),
        ("| a | b |\n|-|-|\n| [x](gone.csv) | [y\\|z](./a.csv) |", "| a | b |\n|-|-|\n| x | [y\\|z](a.csv) |"),
        ("![see [b](./a.csv)](gone.png)", "see [b](a.csv)"),
        ("[a](./photos(1).csv)", "[a](photos%281%29.csv)"),
        ("[a](./photos&#40;1\\).csv#the%20top)", "[a](photos%281%29.csv#the%20top)"),
        ("[a](<./a.csv#the top>)", "[a](a.csv#the%20top)"),
        ("[label]: <./photos(1).csv> 'title'", "[label]: photos%281%29.csv 'title'"),
        ("> [label]:\n ./a.csv", "> [label]:\n a.csv"),
        ("<a HREF='./a.csv'>", "<a HREF='a.csv'>"),
        ("<p>\n<img width=9 src=./before.png>", "<p>\n<img width=9 src=before.png>"),
    ],
)
def test_links_in_every_form(tmp_path, written, published):
    for name in ("a.csv", "photos(1).csv", "before.png"):
        (tmp_path / name).write_text(name)
    linked = with_links(written, tmp_path / "card.md", tmp_path / "small.safetensors")
    assert linked.text == published
    assert len(linked.warnings) == ("gone" in written)
    assert all("links to gone." in told for told in linked.warnings)


@pytest.mark.parametrize(
    "text",
    [
        "Text:\n\n    [a](gone.csv)\n",
        "- item\n\n  ```\n  [a](gone.csv)\n  ```\n",
        "> ~~~\n> [a](gone.csv)\n",
        "``` \n[a](gone.csv)\n\nwithout an end",
        "``code ` [a](gone.csv)``",
        "<pre>\n[a](gone.csv)\n</pre>",
        '<!-- [a](gone.csv) <img src="gone.png"> -->',
        "\\[a](gone.csv) [a\\](gone.csv)",
        'The attribute href="gone.csv" is not ours.',
        "[^1]: word",
        "[^1]: See the list.",
        "[a](<>) [b]()",
    ],
)
def test_what_is_no_link_stays_as_it_is(tmp_path, text):
    linked = with_links(text, tmp_path / "card.md", tmp_path / "small.safetensors")
    assert (linked.text, linked.warnings) == (text, ())


def test_front_matter_of_the_author_is_kept(tmp_path, small):
    card = tmp_path / "card.md"
    card.write_text("---\nlicense: cc-by-sa-4.0\nlanguage: en\ntags: night\ndatasets: [lab/photos]\n---\n# Mine\n")
    prepare(small(), card, tmp_path / "out")
    data = ModelCard.load(tmp_path / "out" / "README.md").data
    assert (data.license, data.language, data.datasets) == ("cc-by-sa-4.0", "en", ["lab/photos"])
    assert data.tags == ["deblurring", "image-restoration", "srn", "motion-blur", "night"]
    card.write_text("---\nlicense: other\nlicense_name: house\nlicense_link: LICENCE\n---\n# Mine\n")
    prepare(small(licence="unknown"), card, tmp_path / "second")
    data = ModelCard.load(tmp_path / "second" / "README.md").data
    assert (data.license, data.license_name, data.license_link) == ("other", "house", "LICENCE")


@pytest.mark.parametrize(
    ("front", "error", "words"),
    [
        ("license: mit", UsageError, "names the licence mit, the checkpoint CC BY-SA 4.0"),
        (
            "model-index: [{name: x, results: [{task: {type: image-to-image}, dataset: {type: gopro, name: GoPro}, "
            "metrics: [{type: psnr, value: 40}]}]}]",
            UsageError,
            "use --metrics",
        ),
        ("tags: [", InputError, "front matter"),
        ("- a list", InputError, "front matter"),
    ],
)
def test_front_matter_that_cannot_be(tmp_path, small, front, error, words):
    (tmp_path / "card.md").write_text(f"---\n{front}\n---\n# Mine\n")
    with pytest.raises(error, match=words):
        prepare(small(), tmp_path / "card.md", tmp_path / "out")
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("licence", "front"),
    [
        ("CC BY-SA 4.0", {"license": "cc-by-sa-4.0"}),
        ("CC0", {"license": "cc0-1.0"}),
        ("CC0-1.0", {"license": "cc0-1.0"}),
        ("MIT", {"license": "mit"}),
        ("MIT License", {"license": "mit"}),
        ("Apache License 2.0", {"license": "apache-2.0"}),
        ("GPL-3.0-or-later", {"license": "gpl-3.0"}),
        ("unknown", {"license": "unknown"}),
        ("", {"license": "unknown"}),
        ("academic, non-commercial", {"license": "other", "license_name": "academic-non-commercial"}),
    ],
)
def test_licences(licence, front):
    assert hub_licence(licence) == front


def test_licences_that_need_the_author(tmp_path, small):
    assert "names no licence" in prepare(small(licence="unknown"), None, tmp_path / "a").warnings[-1]
    assert "knows no licence house rules" in prepare(small(licence="house rules"), None, tmp_path / "b").warnings[-1]


def test_nothing_is_written_where_it_cannot_be_right(tmp_path, small):
    checkpoint = small()
    content = checkpoint.read_bytes()
    checkpoint.write_bytes(content[:-100])
    with pytest.raises(WeightsDamaged):
        prepare(checkpoint, None, tmp_path / "out")
    with pytest.raises(WeightsUnavailable):
        prepare(tmp_path / "missing.safetensors", None, tmp_path / "out")
    checkpoint.write_bytes(content)
    (tmp_path / "latin.md").write_bytes(b"# gr\xfc\xdfe")
    with pytest.raises(InputError, match="not UTF-8"):
        prepare(checkpoint, tmp_path / "latin.md", tmp_path / "out")
    with pytest.raises(UsageError, match="holds something"):
        prepare(checkpoint, None, tmp_path / "run")
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError):
        prepare(checkpoint, None, tmp_path / "file" / "out")
    (tmp_path / "empty").mkdir()
    prepare(checkpoint, None, tmp_path / "empty")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["empty", "file", "latin.md", "run"]
