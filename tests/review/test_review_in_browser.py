"""A review as a person meets it, in a real browser."""

import json
import threading
from dataclasses import replace

import pytest
from result_folders import HOSTILE

from deblurcli.review.marks import read_marks
from deblurcli.review.pairs import find_pairs
from deblurcli.review.serve import ReviewServer
from deblurcli.review.write import write_page

pytest.importorskip("selenium", reason="selenium is not installed")

from browser import asked, click, every, go, one, press, scale, wiped
from selenium.webdriver.support.ui import Select, WebDriverWait

LEVELS = {"a.png": 8, "b.png": 40, "c.png": 0, HOSTILE: 4}


@pytest.fixture(scope="module")
def folder(results):
    folder = results(LEVELS, 800, 600)
    (folder / "a.png").with_name("broken.png").write_bytes(b"no picture")
    return folder


@pytest.fixture(scope="module")
def file(folder, tmp_path_factory):
    """The page as one file."""
    found = find_pairs(folder)
    path = tmp_path_factory.mktemp("page") / "review.html"
    problems = write_page(path, found.folder, found.pairs, made="now", marks_name="out-marks.json", overwrite=False)
    assert problems == []
    return path


@pytest.fixture
def page(browser, file):
    go(browser, file.as_uri())
    wait(browser, lambda: shown(browser))
    yield browser
    browser.execute_script("localStorage.clear()")


def wait(page, condition):
    WebDriverWait(page, 20, 0.05).until(lambda _: condition())


def shown(page):
    return one(page, ".captions").text.splitlines()[:1]


def cards(page):
    return [each.text for each in every(page, ".card .name")]


def test_the_page_needs_nothing_but_itself(page):
    own = page.current_url
    assert [url for url in asked(page) if url != own and not url.startswith("data:")] == []
    assert page.get_log("browser") == []
    assert page.execute_script("return window.hacked") is None
    assert HOSTILE in cards(page)
    assert "768×512 pixels, where most changed, of 800×600" in one(page, ".captions").text


def test_keys_go_through_photos_zoom_flip_and_mark(page, downloads):
    names = cards(page)
    press(page, "body", "2")
    assert scale(page) == 2
    press(page, "body", "1")
    assert scale(page) == 1
    press(page, "body", "b")
    assert wiped(page) == 100
    press(page, "body", "b")
    assert wiped(page) == 0
    for key, name in zip("rxk", names[1:], strict=False):
        press(page, "body", key)  # goes on to the next
        wait(page, lambda name=name: shown(page) == [name])
    press(page, "body", "\ue012")  # arrow to the left
    wait(page, lambda: shown(page) == names[2:3])
    assert "1 keep, 1 redo, 1 remove – not saved" in one(page, ".saved").text
    page.refresh()
    wait(page, lambda: shown(page) == names[:1])
    assert "1 keep, 1 redo, 1 remove" in one(page, ".saved").text
    click(page, "#save")
    file = downloads / "out-marks.json"
    wait(page, file.exists)
    marks = {each.name: each.mark for each in read_marks(file).photos}
    assert marks == {names[0]: "redo", names[1]: "remove", names[2]: "keep"}


def test_filters_and_order(page):
    Select(one(page, "#order")).select_by_value("most")
    assert cards(page)[0] == "b.png" and cards(page)[-1] == "c.png"
    page.execute_script(
        "const at = document.querySelector('#changed'); at.value = 0.67; at.dispatchEvent(new Event('input'))"
    )
    assert cards(page) == ["b.png", "a.png"]
    press(page, "#find", "A.P")
    assert cards(page) == ["a.png"]
    assert "1 of 4 photos" in one(page, "#count").text


def test_served_whole_photos_and_marks_that_are_kept_at_once(browser, folder, tmp_path):
    found = find_pairs(folder)
    server = ReviewServer(found.folder, found.pairs, tmp_path / "marks.json", "now")
    thread = threading.Thread(target=server.run)
    thread.start()
    try:
        page = go(browser, server.url)
        wait(page, lambda: "the whole photo, 800×600" in one(page, ".captions").text)
        wait(page, lambda: one(page, "#count").text == "4 of 4 photos")
        press(page, "body", "k")
        wait(page, (tmp_path / "marks.json").exists)
        assert json.loads((tmp_path / "marks.json").read_text())["photos"][0]["mark"] == "keep"
        assert all(url.startswith((server.url, "data:")) for url in asked(page))
        assert page.get_log("browser") == []
    finally:
        server.stop()
        thread.join()


def test_of_many_photos_only_those_in_sight_are_loaded(browser, results, tmp_path):
    folder = results({"a.png": 9}, 64, 48)
    found = find_pairs(folder)
    pairs = [replace(found.pairs[0], name=f"{number:04}.png") for number in range(500)]
    server = ReviewServer(found.folder, pairs, tmp_path / "marks.json", "now")
    thread = threading.Thread(target=server.run)
    thread.start()
    try:
        page = go(browser, server.url)
        wait(page, lambda: shown(page) == ["0000.png"])
        wait(page, lambda: "500 of 500" in one(page, "#count").text)
        assert page.execute_script("return document.querySelectorAll('.card').length") == 500
        assert len([url for url in asked(page) if "/thumbnail/" in url]) < 60
    finally:
        server.stop()
        thread.join()
