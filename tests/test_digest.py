import hashlib

from deblurcli.digest import digest_like, git_sha1_of, is_digest, kind_of, sha256_of


def test_digests(tmp_path):
    path = tmp_path / "file"
    path.write_bytes(b"what is up, doc?")
    git = "bd9dbf5aae1a3862dd1526723246b20206e5fc37"  # the example of the book "Pro Git", section 10.2
    assert git_sha1_of(path) == git
    assert sha256_of(path) == hashlib.sha256(b"what is up, doc?").hexdigest()
    assert digest_like("0" * 40, path) == git
    assert digest_like("0" * 64, path) == sha256_of(path)
    assert [kind_of(digest) for digest in (None, git, "0" * 64)] == ["size", "SHA-1", "SHA-256"]
    assert [is_digest(text) for text in (git, "0" * 64, "0" * 41, "x" * 40)] == [True, True, False, False]
