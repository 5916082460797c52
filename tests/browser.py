"""A real browser, and what tests ask of a page that shows pictures."""

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from selenium import webdriver
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common.by import By

FLAGS = (
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--window-size=1280,1000",
)


def open_browser(profile: Path, downloads: Path) -> Iterator[Any]:
    """Chromium, which is closed at the end.

    Args:
        profile: an empty folder for its settings.
        downloads: where it saves files.
    """
    found = [shutil.which(name) for name in ("chromium", "chromium-browser", "google-chrome")]
    binary, driver = next(filter(None, found), None), shutil.which("chromedriver")
    if not binary or not driver:
        pytest.skip("no chromium with chromedriver")
    options = webdriver.ChromeOptions()
    options.binary_location = binary
    for flag in (*FLAGS, f"--user-data-dir={profile}"):
        options.add_argument(flag)
    options.add_experimental_option("prefs", {"download.default_directory": str(downloads)})
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    browser = webdriver.Chrome(options, Service(driver))
    yield browser
    browser.quit()


def go(browser, address):
    """Open an address, so that the browser's logs are of it alone."""
    browser.get("about:blank")
    browser.get_log("performance")  # what the browser's own first page asked for
    browser.get_log("browser")
    browser.get(address)
    return browser


def asked(page) -> list[str]:
    """The addresses that the page has asked for so far."""
    messages = [json.loads(entry["message"])["message"] for entry in page.get_log("performance")]
    sent = (each["params"] for each in messages if each["method"] == "Network.requestWillBeSent")
    return [each["request"]["url"] for each in sent]


def one(page, selector):
    return page.find_element(By.CSS_SELECTOR, selector)


def every(page, selector):
    return page.find_elements(By.CSS_SELECTOR, selector)


def press(page, selector, *keys):
    one(page, selector).send_keys(*keys)


def click(page, selector):
    one(page, selector).click()


def styles(page, selector, name):
    """A computed style of everything visible that the selector finds."""
    return [each.value_of_css_property(name) for each in every(page, selector) if each.is_displayed()]


def transforms(page):
    return styles(page, ".layer.left img", "transform") + styles(page, ".layer.right img", "transform")


def scale(page):
    left, right = transforms(page)
    assert left == right  # linked
    return float(left.removeprefix("matrix(").split(",")[0])


def wiped(page):
    """How much of the right picture is clipped away, in per cent."""
    clip = styles(page, ".layer.right", "clip-path")[0]
    return float(clip.removeprefix("inset(").removesuffix(")").split()[-1].removesuffix("%"))
