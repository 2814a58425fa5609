"""WCAG 2.1 AA by axe in a real browser, at the width of a desk and of a phone."""

from __future__ import annotations

import shutil
from importlib.resources import files

import pytest
from report.example import example
from report.many import many
from report.test_sections import everything
from selenium import webdriver
from selenium.webdriver.chrome.service import Service

from audit_suite.report import write_report

BROWSER, DRIVER = shutil.which("chromium"), shutil.which("chromedriver")
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "best-practice"]

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(
        BROWSER is None or DRIVER is None, reason="there is no Chromium on this machine"
    ),
]


@pytest.fixture(scope="module")
def browser():
    options = webdriver.ChromeOptions()
    options.binary_location = BROWSER
    for option in ("headless", "no-sandbox", "disable-gpu", "disable-background-networking"):
        options.add_argument(f"--{option}")
    started = webdriver.Chrome(options, Service(DRIVER))
    started.set_script_timeout(60)
    yield started
    started.quit()


def violations(browser):
    browser.execute_script(files("axe_core_python").joinpath("axe.min.js").read_text("utf-8"))
    found = browser.execute_async_script(
        "const [rules, done] = arguments; axe.run({runOnly: rules}).then(done)", RULES
    )
    assert found["passes"], "axe has looked at the page"
    return [(one["id"], one["nodes"][0]["html"][:120]) for one in found["violations"]]


def of_fourteen_targets():
    return many(targets=14)


@pytest.mark.parametrize("record", [example, everything, of_fourteen_targets])
@pytest.mark.parametrize("width", [1280, 390])
def test_no_violation(browser, tmp_path, record, width):
    page = tmp_path / "audit.html"
    write_report(record(), page)
    browser.set_window_size(width, 1400)
    browser.get(page.as_uri())
    assert violations(browser) == []


def test_axe_finds_what_is_wrong(browser, tmp_path):
    page = tmp_path / "wrong.html"
    page.write_text("<html><body><img src='data:,'><main></main><main></main></body></html>")
    browser.get(page.as_uri())
    assert {"image-alt", "html-has-lang"} <= {rule for rule, _ in violations(browser)}
