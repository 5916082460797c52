import pytest

from deblurcli.errors import UsageError
from deblurcli.models.reference import Reference, belonging, parse

COMMIT = "0123456789abcdef" * 2 + "01234567"


def test_names_on_the_hub():
    assert parse("hf:org/repo/a.pth") == Reference("org/repo", "a.pth", None)
    assert parse(f"hf:org/repo/b/c.index@{COMMIT}") == Reference("org/repo", "b/c.index", COMMIT)


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("hf:org/a.pth", "must be hf:ORG/REPO/FILE"),
        ("hf:org/repo/../a.pth", "must be hf:ORG/REPO/FILE"),
        ("hf:org/repo/a.pth@main", "must be hf:ORG/REPO/FILE"),
        ("hf:org/repo/model.bin", "no others are loaded"),
        ("hf:org/repo/variables.data-00000-of-00001", "the .index of a TensorFlow checkpoint"),
    ],
)
def test_names_that_are_none(name, words):
    with pytest.raises(UsageError, match=words):
        parse(name)


def test_the_files_of_a_model():
    assert belonging("a.pth", ["b.pth", "a.pth"]) == ["a.pth"]
    assert belonging("a.pth", ["b.pth"]) == []
    shards = [f"v/v.data-0000{number}-of-00002" for number in range(2)]
    others = ["v/w.data-00000-of-00001", "v.data-00000-of-00001", "v/v.index"]
    assert belonging("v/v.index", [*reversed(shards), *others]) == ["v/v.index", *shards]
    assert belonging("v/v.index", others) == []
    assert belonging("v/v.index", [shards[1], *others]) == []
    assert belonging("v/v.index", [*shards, "v/v.data-00000-of-00001", *others]) == []
