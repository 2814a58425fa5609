"""The browser that reads packs."""

from __future__ import annotations

import pytest


@pytest.fixture(scope="module")
def radiologist(tmp_path_factory):
    from plausibility.driver import BROWSER, DRIVER, Radiologist

    radiologist = Radiologist(BROWSER, DRIVER, tmp_path_factory.mktemp("downloads"))
    yield radiologist
    radiologist.browser.quit()
