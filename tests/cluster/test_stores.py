"""Files in an S3 store and on an FTP server, both on loopback, in memory and on the disk: the same words for all."""

import threading

import pytest

from deblurcli.cluster import stores
from deblurcli.cluster.store_errors import StoreUnusable
from deblurcli.cluster.stores import File
from deblurcli.errors import InputError, UsageError
from deblurcli.images import OutputExists

NAMES = ("a.png", "sub/ü c#1?.jpg", "sub/100%::x.png")


@pytest.fixture
def ftp(tmp_path):
    """The URL of a folder on an FTP server, which has no whole puts: files grow while they are written."""
    pytest.importorskip("pyftpdlib", reason="needs pyftpdlib, see the extra cluster-dev")
    from pyftpdlib.authorizers import DummyAuthorizer
    from pyftpdlib.handlers import FTPHandler
    from pyftpdlib.servers import FTPServer

    (tmp_path / "ftp" / "folder").mkdir(parents=True)

    class Handler(FTPHandler):
        authorizer = DummyAuthorizer()

    Handler.authorizer.add_user("someone", "secret", str(tmp_path / "ftp"), perm="elradfmwMT")
    server = FTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"timeout": 0.1})
    thread.start()
    yield f"ftp://someone:secret@127.0.0.1:{server.address[1]}/folder"
    server.close_all()
    thread.join()


@pytest.fixture(params=["s3", "ftp", "memory", "local"])
def folder(request, tmp_path):
    """An empty folder in each kind of store, as `place` gives it."""
    if request.param == "s3":
        return stores.place(f"{request.getfixturevalue('bucket').url}/folder/")
    if request.param == "ftp":
        return stores.place(request.getfixturevalue("ftp"))
    if request.param == "memory":
        return stores.place(f"memory://{tmp_path.name}/folder")
    (tmp_path / "folder").mkdir()
    return stores.place(f"file://{tmp_path}/folder")


def put(folder, name, data, overwrite=False):
    stores.write(File(folder, name), data, overwrite=overwrite)


def listed(folder, recursive=True, leave_out="elsewhere"):
    listing = stores.list_images(folder, recursive=recursive, leave_out=leave_out)
    return [image.file.name for image in listing.images], listing.left_out


def test_what_is_written_is_listed_and_read(folder):
    names = [name for name in NAMES if not folder.startswith("ftp") or "?" not in name]
    for name in names:
        put(folder, name, name.encode())
    for name in (".hidden.png", ".sub/d.png", "notes.txt", "raw.nef"):
        put(folder, name, b"x")
    assert stores.is_folder(folder)
    assert not stores.is_folder(f"{folder}/a.png")
    found, left_out = listed(folder)
    assert sorted(found) == sorted(names)
    assert sum(left_out.values()) == 4
    assert [stores.read(File(folder, name)) for name in found] == [name.encode() for name in found]
    assert stores.existing(folder, {*names, "missing.png"}) == set(names)
    flat, left_out = listed(folder, recursive=False)
    assert flat == ["a.png"]
    assert left_out["subfolders, which --recursive searches"] == 1
    assert "a.png" in listed(folder, leave_out=f"{folder}/sub")[0]
    assert "sub" not in "".join(listed(folder, leave_out=f"{folder}/sub")[0])


def test_nothing_is_overwritten_unasked(folder):
    put(folder, "a.png", b"first")
    with pytest.raises(OutputExists, match=r"a\.png: exists already"):
        put(folder, "a.png", b"second")
    assert stores.read(File(folder, "a.png")) == b"first"
    before = stores.image(File(folder, "a.png")).fingerprint
    put(folder, "a.png", b"second, longer", overwrite=True)
    assert stores.read(File(folder, "a.png")) == b"second, longer"
    assert stores.image(File(folder, "a.png")).fingerprint != before
    assert stores.image(File(folder, "a.png")).fingerprint == listed_fingerprint(folder)
    assert listed(folder) == (["a.png"], {})  # and no temporary file


def listed_fingerprint(folder):
    return stores.list_images(folder, recursive=True, leave_out="elsewhere").images[0].fingerprint


def test_what_is_not_there(folder):
    put(folder, "a.png", b"x")
    with pytest.raises(InputError, match=r"b\.png: no such file"):
        stores.read(File(folder, "b.png"))
    with pytest.raises(InputError, match="no such file"):
        stores.is_folder(f"{folder}/nowhere")
    assert stores.existing(f"{folder}/nowhere", {"a.png"}) == set()


def test_the_same_content_has_the_same_fingerprint_in_a_store_with_checksums(bucket):
    put(f"{bucket.url}/x", "a.png", b"content")
    before = stores.image(File(f"{bucket.url}/x", "a.png"))
    put(f"{bucket.url}/x", "a.png", b"content", overwrite=True)
    assert stores.image(File(f"{bucket.url}/x", "a.png")) == before
    put(f"{bucket.url}/x", "a.png", b"CONTENT", overwrite=True)
    assert stores.image(File(f"{bucket.url}/x", "a.png")) != before


def test_names_that_lead_elsewhere_are_left_out(bucket):
    for key in ("in/../../up.png", "in//double.png", "in/./dot.png", "in/good.png", "in2/other.png"):
        bucket.fs.call_s3("put_object", Bucket=bucket.name, Key=key, Body=b"x")
    bucket.fs.call_s3("put_object", Bucket=bucket.name, Key="in/marker/", Body=b"")
    assert listed(f"{bucket.url}/in") == (["good.png"], {stores.ODD_NAME: 3})


def test_no_bucket(bucket):
    for do in (
        lambda: stores.list_images("s3://no-such-bucket/x", recursive=True, leave_out="elsewhere"),
        lambda: stores.existing("s3://no-such-bucket/x", {"a.png"}),
        lambda: put("s3://no-such-bucket/x", "a.png", b"x"),
        lambda: stores.read(File("s3://no-such-bucket/x", "a.png")),
    ):
        with pytest.raises(StoreUnusable, match=r"s3://no-such-bucket/x.*: there is no such bucket; check its name"):
            do()


def test_kinds_of_stores_that_are_not_here():
    with pytest.raises(UsageError, match=r"xyz:// is not a known kind of store"):
        stores.place("xyz://bucket/a")
    with pytest.raises(UsageError, match=r"a package for dropbox:// is missing here \(.*dropbox"):
        stores.place("dropbox://bucket/a")


def test_no_permission(bucket):
    put(f"{bucket.url}/x", "a.png", b"x")
    bucket.server.denied = f"/{bucket.name}/x/a.png"
    with pytest.raises(InputError, match=r"a\.png: no permission to read there .*; check the credentials"):
        stores.read(File(f"{bucket.url}/x", "a.png"))
    with pytest.raises(StoreUnusable, match=r"a\.png: no permission to write there"):
        put(f"{bucket.url}/x", "a.png", b"x", overwrite=True)


def test_a_folder_that_is_gone(tmp_path):
    with pytest.raises(StoreUnusable, match="not there any more"):
        put(str(tmp_path / "gone"), "a.png", b"x")
    assert not (tmp_path / "gone").exists()
