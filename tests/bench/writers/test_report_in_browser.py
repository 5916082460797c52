"""The page as a reader meets it, in a real browser."""

import pytest
from report_example import FAST, HOSTILE, report, viewed

from deblurcli.atomic import write_atomically
from deblurcli.bench.writers import to_html

pytest.importorskip("selenium", reason="selenium is not installed")

from browser import asked, click, every, go, one, press, scale, transforms, wiped
from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.actions.wheel_input import ScrollOrigin
from selenium.webdriver.common.keys import Keys


@pytest.fixture(scope="module")
def address(tmp_path_factory):
    path = tmp_path_factory.mktemp("report") / "report.html"
    write_atomically(to_html(report(), viewed()).encode(), path, overwrite=False)
    return path.as_uri()


@pytest.fixture
def page(browser, address):
    return go(browser, address)


def tags(page):
    return [one(page, f".tag.{side}").text for side in ("left", "right")]


def test_nothing_is_fetched_and_nothing_complains(page, address):
    addresses = asked(page)
    assert address in addresses
    assert [url for url in addresses if url != address and not url.startswith("data:")] == []
    assert page.get_log("browser") == []


def test_the_page_forbids_what_is_not_its_own(page):
    page.execute_script(
        """const add = (tag, fields) => document.body.append(Object.assign(document.createElement(tag), fields));
        add("script", { textContent: "window.intruder = 1" });
        add("img", { src: "http://127.0.0.1:9/x.png" });"""
    )
    assert page.execute_script("return window.intruder") is None
    assert "Content Security Policy" in " ".join(entry["message"] for entry in page.get_log("browser"))


def test_hostile_names_are_read_and_not_run(page):
    assert page.execute_script("return window.hacked") is None
    assert HOSTILE in one(page, ".captions").text
    assert HOSTILE in one(page, ".picker").text
    assert "onerror" in one(page, "#quality").text
    assert len(every(page, "script")) == 1


def test_keyboard_wipes(page):
    assert wiped(page) == 50
    press(page, ".wipe", Keys.ARROW_RIGHT, Keys.ARROW_RIGHT)
    assert 50 < wiped(page) < 60
    press(page, ".wipe", Keys.END)
    assert wiped(page) == 100
    press(page, ".wipe", Keys.HOME)
    assert wiped(page) == 0
    assert "blurry input" in one(page, ".wipe").accessible_name


def test_dragging_wipes_and_once_enlarged_moves(page):
    stage = one(page, ".stage")
    width = stage.size["width"]
    ActionChains(page).drag_and_drop_by_offset(stage, width // 4, 0).perform()
    assert wiped(page) == pytest.approx(75, abs=1)
    before = transforms(page)
    click(page, "[data-zoom=in]")
    enlarged = transforms(page)
    ActionChains(page).drag_and_drop_by_offset(stage, -60, 0).perform()
    moved = transforms(page)
    assert len({before[0], enlarged[0], moved[0]}) == 3
    assert moved[0] == moved[1]
    assert wiped(page) == pytest.approx(75, abs=1)


def test_zoom_and_pan_are_linked(page):
    fitted = scale(page)
    press(page, ".stage", "+")
    larger = scale(page)
    assert larger == pytest.approx(fitted * 1.5)
    before = transforms(page)
    press(page, ".stage", Keys.ARROW_RIGHT)
    assert transforms(page) != before
    scale(page)
    press(page, ".stage", "-")
    assert scale(page) == pytest.approx(fitted)
    press(page, ".stage", "++0")
    assert scale(page) == fitted
    click(page, "[data-zoom=out]")
    assert scale(page) < fitted
    click(page, "[data-zoom=one]")
    assert scale(page) == 1
    assert one(page, "output.zoom").text == "100 %"
    press(page, ".stage", "2")
    assert scale(page) == 2


def test_wheel_zooms_the_picture_only_when_it_is_focused(page):
    stage = one(page, ".stage")
    page.execute_script("arguments[0].scrollIntoView({ block: 'center' })", stage)
    fitted, scrolled = scale(page), page.execute_script("return scrollY")
    ActionChains(page).scroll_from_origin(ScrollOrigin.from_element(stage), 0, -100).perform()
    assert scale(page) == fitted
    assert page.execute_script("return scrollY") < scrolled
    stage.click()
    ActionChains(page).scroll_from_origin(ScrollOrigin.from_element(stage), 0, -100).perform()
    assert scale(page) > fitted


def test_buttons_choose_pictures(page):
    assert tags(page) == ["blurry input", "srn-fast"]
    click(page, "[data-left=restored][data-right=truth]")
    assert tags(page) == ["srn-fast", "truth"]
    assert one(page, "[data-left=restored]").get_attribute("aria-pressed") == "true"
    assert one(page, "[data-left=blurry]").get_attribute("aria-pressed") == "false"
    click(page, '[data-picked="1"]')
    assert "street/000001" in one(page, ".captions").text
    assert "768×512 pixels, where most changed, of 1280×720" in one(page, ".captions").text
    shown = [each.get_attribute("alt") for each in every(page, ".layer img")]
    assert all(shown)
    assert len(transforms(page)) == 2


def test_everything_is_reached_with_tab(page):
    wanted = every(page, "a, button, input, summary, .stage, .table")
    wanted = {each for each in wanted if each.is_displayed()}
    reached = set()
    for _ in range(len(wanted) + 5):
        page.switch_to.active_element.send_keys(Keys.TAB)
        reached.add(page.switch_to.active_element)
    assert wanted <= reached
    page.execute_script("document.activeElement.blur()")
    press(page, ".wipe", Keys.TAB)
    assert page.switch_to.active_element.value_of_css_property("outline-style") == "solid"


def test_a_dot_can_be_read(page):
    dot = one(page, "circle")
    page.execute_script("arguments[0].scrollIntoView({ block: 'center' })", dot)
    ActionChains(page).move_to_element(dot).perform()
    readout = one(page, ".readout").text
    assert "street/000001: 24.00 to 23.50 dB, -0.50" in readout
    click(page, "summary")
    rows = every(page, "details tbody tr")
    assert len(rows) == len({score.pair for score in report().quality.scores})
    assert HOSTILE in rows[1].text


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [390, 1280])
def test_fits_phone_and_desktop_in_light_and_dark(page, width, scheme):
    page.execute_cdp_cmd(
        "Emulation.setDeviceMetricsOverride",
        {"width": width, "height": 844, "deviceScaleFactor": 1, "mobile": width < 500},
    )
    page.execute_cdp_cmd(
        "Emulation.setEmulatedMedia", {"features": [{"name": "prefers-color-scheme", "value": scheme}]}
    )
    try:
        assert (
            page.execute_script("return document.documentElement.scrollWidth - document.documentElement.clientWidth")
            == 0
        )
        red = int(one(page, "body").value_of_css_property("background-color").split("(")[1].split(",")[0])
        assert (red < 64) == (scheme == "dark")
        assert FAST.name in one(page, "#quality").text
        assert scale(page) <= one(page, ".stage").size["width"] / 160
    finally:
        page.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})
        page.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": []})
