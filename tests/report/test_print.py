"""The report on paper: short before its appendix, each page numbered and bound to the record."""

from __future__ import annotations

import re
import shutil
import subprocess

import pytest
from report.example import example
from report.hostile import LONG, with_text
from report.test_browser import BROWSER, browse, screenshot
from report.test_sections import everything

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(BROWSER is None, reason="there is no Chromium on this machine"),
]


def printed(tmp_path, record):
    """The text of each printed page."""
    browse(
        tmp_path,
        f"--print-to-pdf={tmp_path / 'audit.pdf'}",
        "--no-pdf-header-footer",
        record=record,
    )
    if (reader := shutil.which("pdftotext")) is None:
        pytest.skip("there is no pdftotext on this machine")
    text = subprocess.run(
        [reader, "-layout", tmp_path / "audit.pdf", "-"], capture_output=True, text=True, check=True
    ).stdout
    return text.split("\f")[:-1]


def before_the_appendix(pages):
    """How many pages there are before the one that begins with the appendix."""
    return next(n for n, page in enumerate(pages) if page.split()[:1] == ["Appendix"])


@pytest.mark.parametrize("made", [example, everything], ids=["every verdict", "every section"])
def test_each_printed_page_has_its_number_the_records_digest_and_a_content(tmp_path, made):
    record = made()
    record.digest = record.content_digest()
    pages = printed(tmp_path, record)
    for number, page in enumerate(pages, 1):
        assert f"Page {number} of {len(pages)}" in page
        assert f"Record {record.digest}" in page
        assert len(page.split()) > len(f"Record {record.digest} Page 1 of 9".split()) + 5
    assert "Do not release" in pages[0]
    assert 2 <= before_the_appendix(pages) <= 8
    text = "\n".join(pages)
    assert "Rows left out" in text
    assert "manifest.csv row 88" in text, "a closed section prints open"


def test_long_names_stay_on_the_paper_and_on_a_phone(tmp_path):
    record = with_text(example(), LONG)
    pages = printed(tmp_path, record)
    printed_words = set(re.findall(r"n+(\d+)", "".join(pages)))
    for found in record.findings:
        for name in (found.check, found.title, found.model, found.target, found.question):
            assert name.lstrip("n") in printed_words, "the end of each name is on the paper"
    image = screenshot(tmp_path, size="500,3000", record=record)
    assert image.shape[1] == 500
    edge = image[:, -4:]
    assert (edge.max(axis=2) - edge.min(axis=2)).max() < 40, "nothing runs over the edge"
