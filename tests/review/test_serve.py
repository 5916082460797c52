"""The server of a review, by requests as a browser sends them, and as it does not."""

import http.client
import io
import json
import socket
import threading

import pytest
from PIL import Image
from result_folders import picture, save

from deblurcli.errors import InputError
from deblurcli.review.marks import read_marks
from deblurcli.review.pairs import find_pairs
from deblurcli.review.serve import ReviewServer


@pytest.fixture
def server(results):
    found = find_pairs(results({"a.png": 4, "b.tif": 8}))
    server = ReviewServer(found.folder, found.pairs, found.folder.with_name("marks.json"), "now")
    thread = threading.Thread(target=server.run)
    thread.start()
    yield server
    server.stop()
    thread.join()


@pytest.fixture
def ask(server):
    """(path below the secret one, method, body, headers) -> status and content."""

    def ask(path, method="GET", body=None, *, secret=None, **headers):
        connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=10)
        given = {"Host": f"127.0.0.1:{server.port}", **{name.replace("_", "-"): text for name, text in headers.items()}}
        connection.request(method, f"/{secret or server.secret}/{path}", body, given)
        answer = connection.getresponse()
        content = answer.read()
        connection.close()
        return answer.status, content

    return ask


def test_pictures_are_what_a_browser_can_show(ask):
    for path in ("thumbnail/0", "before/0", "after/1"):
        status, content = ask(path)
        assert status == 200
        assert Image.open(io.BytesIO(content)).format in ("PNG", "WEBP")
    assert ask("after/2")[0] == ask("before/x")[0] == ask("etc/passwd")[0] == ask("../../etc/passwd")[0] == 404


def test_it_answers_nobody_else(server, ask):
    assert server.server.server_address[0] == "127.0.0.1"
    with pytest.raises(OSError), socket.create_connection((socket.gethostname(), server.port), timeout=2) as other:
        if other.getpeername()[0].startswith("127."):
            raise OSError  # this machine's name leads to loopback
    assert ask("", secret="guess")[0] == 404
    assert ask("", Host="evil.example")[0] == 403
    assert ask("marks", "PUT", b"[]")[0] == 403  # no page sent this
    assert ask("marks", "PUT", b"[]", Origin="http://evil.example")[0] == 403


def test_marks_are_kept_and_taken_up_again(server, ask):
    own = f"http://127.0.0.1:{server.port}"
    assert ask("marks", "PUT", b'[[0, "redo"], [1, "remove"]]', Origin=own)[0] == 200
    marks = read_marks(server.marks_path)
    assert [(each.name, each.mark) for each in marks.photos] == [("a.png", "redo"), ("b.tif", "remove")]
    assert marks.folder == server.folder
    for wrong in (b'[[7, "redo"]]', b'[[0, "eat"]]', b"{", b"[1]"):
        assert ask("marks", "PUT", wrong, Origin=own)[0] == 400
    assert read_marks(server.marks_path) == marks
    save(server.pairs[0].after, picture(160, 120))  # done again since
    found = find_pairs(server.folder)
    again = ReviewServer(found.folder, found.pairs, server.marks_path, "later")
    assert again.marks == {1: "remove"}
    again.server.server_close()


def test_a_file_of_something_else_is_not_overwritten(server, tmp_path):
    mine = tmp_path / "marks.json"
    mine.write_text(json.dumps({"mine": 1}))
    with pytest.raises(InputError, match="no file of marks"):
        ReviewServer(server.folder, server.pairs, mine, "now")
