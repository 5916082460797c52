"""Files in an S3 store and on an FTP server, both on loopback, in memory and on the disk: the same words for all."""

import threading
from collections import Counter

import pytest

from deblurcli.errors import InputError, UsageError
from deblurcli.images import OutputExists
from deblurcli.jobs.stores import files
from deblurcli.jobs.stores.errors import StoreUnusable
from deblurcli.jobs.stores.place import Url, inside, place
from deblurcli.jobs.stores.scan import Found

ELSEWHERE = Url("x://elsewhere")
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
        return place(f"{request.getfixturevalue('bucket').url}/folder/")
    if request.param == "ftp":
        return place(request.getfixturevalue("ftp"))
    if request.param == "memory":
        return place(f"memory://{tmp_path.name}/folder")
    (tmp_path / "folder").mkdir()
    return place(f"file://{tmp_path}/folder")


def put(folder, name, data, overwrite=False):
    target = inside(folder, name)
    if not isinstance(target, Url):
        target.parent.mkdir(parents=True, exist_ok=True)
    files.write([(data, target)], overwrite=overwrite)


def found_in(folder, recursive=True, leave_out=ELSEWHERE) -> dict[str, Found]:
    """By name."""
    found = files.photos_in(folder, recursive, leave_out)
    return {str(one.path).removeprefix(f"{folder}/"): one for one in found}


def listed(folder, *arguments):
    """The names of photos, and how many there are of other entries by reason."""
    found = found_in(folder, *arguments)
    reasons = Counter(one.reason for one in found.values() if one.reason)
    return [name for name, one in found.items() if one.reason is None], reasons


def test_what_is_written_is_listed_and_read(folder):
    names = [name for name in NAMES if not str(folder).startswith("ftp") or "?" not in name]
    for name in names:
        put(folder, name, name.encode())
    for name in (".hidden.png", ".sub/d.png", "notes.txt", "raw.nef"):
        put(folder, name, b"x")
    assert files.is_folder(folder)
    assert not files.is_folder(inside(folder, "a.png"))
    found, left_out = listed(folder)
    assert sorted(found) == sorted(names)
    assert sum(left_out.values()) == 4
    assert [files.read(inside(folder, name)) for name in found] == [name.encode() for name in found]
    assert there(folder, {*names, "missing.png"}) == set(names)
    flat, left_out = listed(folder, False)
    assert flat == ["a.png"]
    assert left_out["subfolders, which --recursive searches"] == 1
    assert "a.png" in listed(folder, True, inside(folder, "sub"))[0]
    assert "sub" not in "".join(listed(folder, True, inside(folder, "sub"))[0])


def test_nothing_is_overwritten_unasked(folder):
    put(folder, "a.png", b"first")
    with pytest.raises(OutputExists, match=r"a\.png: exists already"):
        put(folder, "a.png", b"second")
    assert files.read(inside(folder, "a.png")) == b"first"
    before = files.fingerprint_of(inside(folder, "a.png"))
    put(folder, "a.png", b"second, longer", overwrite=True)
    assert files.read(inside(folder, "a.png")) == b"second, longer"
    after = files.fingerprint_of(inside(folder, "a.png"))
    assert after != before
    assert found_in(folder)["a.png"].fingerprint in (after, "")  # a disk is asked when the photo is read
    assert listed(folder) == (["a.png"], {})  # and no temporary file


def there(folder, names):
    is_there = files.which_are_there([inside(folder, name) for name in names])
    return {name for name in names if is_there(inside(folder, name))}


def test_what_is_not_there(folder):
    put(folder, "a.png", b"x")
    with pytest.raises(InputError, match=r"b\.png: .*(no such file|No such file)"):
        files.read(inside(folder, "b.png"))
    nowhere = inside(folder, "nowhere")
    if isinstance(folder, Url):
        nowhere = Url(str(nowhere))
        with pytest.raises(InputError, match="no such file"):
            files.is_folder(nowhere)
    assert there(nowhere, {"a.png"}) == set()


def test_the_same_content_has_the_same_fingerprint_in_a_store_with_checksums(bucket):
    folder = Url(f"{bucket.url}/x")
    file = inside(folder, "a.png")
    put(folder, "a.png", b"content")
    before = files.fingerprint_of(file)
    put(folder, "a.png", b"content", overwrite=True)
    assert files.fingerprint_of(file) == found_in(folder)["a.png"].fingerprint == before
    put(folder, "a.png", b"CONTENT", overwrite=True)
    assert files.fingerprint_of(file) != before


def test_names_that_lead_elsewhere_are_left_out(bucket):
    for key in ("in/../../up.png", "in//double.png", "in/./dot.png", "in/good.png", "in2/other.png"):
        bucket.fs.call_s3("put_object", Bucket=bucket.name, Key=key, Body=b"x")
    bucket.fs.call_s3("put_object", Bucket=bucket.name, Key="in/marker/", Body=b"")
    assert listed(Url(f"{bucket.url}/in")) == (["good.png"], {files.ODD_NAME: 3})


def test_no_bucket(bucket):
    folder = Url("s3://no-such-bucket/x")
    for do in (
        lambda: listed(folder),
        lambda: there(folder, {"a.png"}),
        lambda: put(folder, "a.png", b"x"),
        lambda: files.read(inside(folder, "a.png")),
    ):
        with pytest.raises(StoreUnusable, match=r"s3://no-such-bucket/x.*: there is no such bucket; check its name"):
            do()


def test_kinds_of_stores_that_are_not_here():
    with pytest.raises(UsageError, match=r"xyz:// is not a known kind of store"):
        place("xyz://bucket/a")
    with pytest.raises(UsageError, match=r"a package for dropbox:// is missing here \(.*dropbox"):
        place("dropbox://bucket/a")


def test_no_permission(bucket):
    folder = Url(f"{bucket.url}/x")
    put(folder, "a.png", b"x")
    bucket.server.denied = f"/{bucket.name}/x/a.png"
    with pytest.raises(InputError, match=r"a\.png: no permission to read there .*; check the credentials"):
        files.read(inside(folder, "a.png"))
    with pytest.raises(StoreUnusable, match=r"a\.png: no permission to write there"):
        put(folder, "a.png", b"x", overwrite=True)
