"""The report in a real browser: it renders, under its own policy, in light, dark and print."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from audit_suite.report import write_report

sys.path.insert(0, str(Path(__file__).parent))
from example import example

BROWSER = (
    shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
)

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(BROWSER is None, reason="there is no Chromium on this machine"),
]


def browse(tmp_path, *options, record=None):
    page = tmp_path / "audit.html"
    write_report(record or example(), page)
    done = subprocess.run(
        [
            BROWSER,
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            "--disable-background-networking",
            "--hide-scrollbars",
            "--enable-logging=stderr",
            f"--user-data-dir={tmp_path / 'profile'}",
            *options,
            page.as_uri(),
        ],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )
    assert "CONSOLE" not in done.stderr, "no console message, so no breach of the policy either"
    return done.stdout


def screenshot(tmp_path, *options, size="1100,3000", record=None):
    shot = f"--screenshot={tmp_path / 'shot.png'}"
    browse(tmp_path, shot, f"--window-size={size}", *options, record=record)
    return np.asarray(Image.open(tmp_path / "shot.png").convert("RGB")).astype(int)


def test_the_page_as_the_browser_sees_it(tmp_path):
    dom = browse(tmp_path, "--dump-dom")
    assert dom.count("<article") == 1 + 2 + 4, "waived; two questions; what did not pass, in full"
    assert dom.count("<svg") == 1 + 2, "the first screen; one place, two units"


def test_light_and_dark(tmp_path):
    light = screenshot(tmp_path)
    dark = screenshot(tmp_path, "--blink-settings=preferredColorScheme=0")
    assert np.median(light) > 240
    assert np.median(dark) < 60
    for image in (light, dark):
        red = (image[..., 0] - image[..., 1:].max(axis=2)) > 60
        assert red.sum() > 500, "the closed gate and the failing marks are coloured"


def test_a_narrow_screen_does_not_scroll_sideways(tmp_path):
    image = screenshot(tmp_path, size="500,3000")
    assert image.shape[1] == 500
    edge = image[:, -6:]
    assert (edge.max(axis=2) - edge.min(axis=2)).max() < 40, "nothing coloured touches the edge"
