"""The report as a folder: nothing inside the page, and the same look under a strict policy."""

from __future__ import annotations

import hashlib
import io
import shutil
import threading
import time
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer

import numpy as np
import pytest
from house.pages import DOCS, blocks
from PIL import Image
from report.example import EXAMPLES, example
from report.test_report import Page
from report.test_sections import everything
from selenium import webdriver
from selenium.webdriver.chrome.service import Service
from typer.testing import CliRunner

from audit_suite.cli import app
from audit_suite.errors import AuditError
from audit_suite.report import write_folder, write_report
from audit_suite.report.folder import taken_apart
from audit_suite.signoff import SignOff

BROWSER, DRIVER = shutil.which("chromium"), shutil.which("chromedriver")
JENKINS = "sandbox; default-src 'none'; img-src 'self'; style-src 'self';"


def files(folder):
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


def test_the_page_refers_to_its_style_sheet_and_pictures(tmp_path):
    assert write_folder(everything(), tmp_path) == ()
    text = (tmp_path / "index.html").read_text()
    page = Page(text)
    assert page.all("link") == [{"rel": "stylesheet", "href": "report.css"}]
    assert "<style" not in text
    assert "data:" not in text
    assert not [attributes for _, attributes in page.tags if "style" in attributes]
    pictures = {image["src"] for image in page.all("img")}
    pictures |= {image["href"] for image in page.all("image")}
    assert files(tmp_path) == sorted({"index.html", "report.css", *pictures})
    for name in pictures:
        content = (tmp_path / name).read_bytes()
        assert name == f"images/{hashlib.sha256(content).hexdigest()[:32]}.png"


def test_it_says_what_the_one_file_says(tmp_path):
    write_report(everything(), tmp_path / "one.html")
    write_folder(everything(), tmp_path / "many")
    one, many = ((tmp_path / name).read_text() for name in ("one.html", "many/index.html"))
    assert Page(many).words == Page(one).words
    assert [tag for tag, _ in Page(many).tags if tag != "link"] == [
        tag for tag, _ in Page(one).tags if tag != "style"
    ]


def test_a_text_of_the_record_is_never_taken_for_a_picture(tmp_path):
    record = example()
    record.findings[0].reason = 'src="data:image/png;base64,QUJD" <style>x</style>'
    record.findings[1].question = 'src="data:image/png;base64,QUJD" <style>x</style>?'
    write_folder(record, tmp_path)
    words = Page((tmp_path / "index.html").read_text()).words
    assert 'src="data:image/png;base64,QUJD" <style>x</style>?' in words


def test_what_is_no_picture_stays_as_it_was():
    page = '<meta><style>a</style><img src="data:image/png;base64,Q"><img src="data:image/bmp;x">'
    assert taken_apart(page) == (
        '<meta><link rel="stylesheet" href="report.css"><img src="data:image/png;base64,Q">'
        '<img src="data:image/bmp;x">',
        "a",
        {},
    )


def test_a_new_report_replaces_the_pictures_of_the_old_one_and_nothing_else(tmp_path):
    write_folder(example(), tmp_path)
    (tmp_path / "images" / "mine.png").write_bytes(b"")
    (tmp_path / "junit.xml").write_text("")
    changed = example()
    changed.gallery = changed.gallery[:1]
    write_folder(changed, tmp_path)
    (kept,) = set(files(tmp_path)) - {"index.html", "report.css", "junit.xml", "images/mine.png"}
    assert kept in (tmp_path / "index.html").read_text()


def test_a_folder_that_cannot_be_written(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(AuditError, match="file cannot be written: Not a directory"):
        write_folder(example(), tmp_path / "file")


def test_render_writes_both_forms(tmp_path):
    record = str(EXAMPLES / "audit.json")
    out, folder = tmp_path / "a.html", tmp_path / "a"
    words = ["render", record, "--out", str(out), "--folder", str(folder)]
    done = CliRunner().invoke(app, words)
    assert done.exit_code == 0, done.output
    assert f"report: {out}\nreport as a folder: {folder}\n" in done.output
    assert "<style>" in out.read_text()
    assert (folder / "report.css").read_text() in out.read_text()


def test_the_command_of_the_page_writes_what_the_page_says(tmp_path, monkeypatch):
    page = DOCS / "howto" / "report-forms.md"
    monkeypatch.chdir(tmp_path)
    example().save("audit.json")
    (line,) = blocks(page, "bash")
    assert CliRunner().invoke(app, line.split()[1:]).exit_code == 0
    said = page.read_text(encoding="utf-8")
    written = {path.relative_to(tmp_path).parts[:2] for path in tmp_path.rglob("*")}
    assert ("audit.html",) in written
    for name in ("index.html", "report.css", "images"):
        assert ("report", name) in written
        assert f"`{name}" in said
    assert JENKINS in said
    assert "reportDir: 'report', reportFiles: 'index.html'" in said


def test_a_sign_off_stands_in_both(tmp_path):
    record = example()
    signed = SignOff(
        record=hashlib.sha256(record.to_json().encode()).hexdigest(),
        decision="accepted",
        name="A. Reviewer",
        role="radiologist",
        date="2026-11-27",
        remarks="",
    )
    write_folder(record, tmp_path, signed)
    assert "A. Reviewer, radiologist" in Page((tmp_path / "index.html").read_text()).words


# --- in a browser, served as Jenkins serves it ---


class Jenkins(SimpleHTTPRequestHandler):
    """Serves files under the policy that Jenkins sends if nobody relaxes it."""

    def end_headers(self):
        self.send_header("Content-Security-Policy", JENKINS)
        super().end_headers()

    def log_message(self, *_words):
        pass


@pytest.fixture
def served(tmp_path):
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Jenkins, directory=tmp_path))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


@pytest.fixture(scope="module")
def browser():
    options = webdriver.ChromeOptions()
    options.binary_location = BROWSER
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    for option in ("headless", "no-sandbox", "disable-gpu", "disable-background-networking"):
        options.add_argument(f"--{option}")
    options.add_argument("--hide-scrollbars")
    started = webdriver.Chrome(options, Service(DRIVER))
    yield started
    started.quit()


def seen(browser, address):
    """What a page looks like, and what the browser blocked or missed, which it logs a bit later."""
    browser.get(address)
    image = Image.open(io.BytesIO(browser.get_screenshot_as_png())).convert("RGB")
    time.sleep(0.5)
    lines = [line["message"] for line in browser.get_log("browser")]
    return np.asarray(image).astype(int), [line for line in lines if "favicon.ico" not in line]


@pytest.mark.browser
@pytest.mark.skipif(BROWSER is None or DRIVER is None, reason="there is no Chromium here")
def test_nothing_is_blocked_and_it_looks_the_same(browser, served, tmp_path):
    record = everything()
    write_report(record, tmp_path / "one.html")
    write_folder(record, tmp_path / "many")
    browser.set_window_size(1280, 3000)
    bare, blocked = seen(browser, f"{served}/one.html")
    assert any("style" in line for line in blocked), "the one file needs a policy that allows it"
    alone, blocked = seen(browser, (tmp_path / "one.html").as_uri())
    assert blocked == []
    for folder in (f"{served}/many/index.html", (tmp_path / "many" / "index.html").as_uri()):
        look, blocked = seen(browser, folder)
        assert blocked == []
        np.testing.assert_array_equal(look, alone)
    assert (bare != alone).any()
