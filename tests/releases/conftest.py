"""A folder with a model, its record, and the record of a worse one against it."""

from __future__ import annotations

import pytest
from cards import bright_project, phantom_card
from releases.tiny import BAD, CHECK, GOOD, POLICY, audited


@pytest.fixture(scope="session")
def world(tmp_path_factory):
    """A folder with a model, its record, and the record of a worse one against it."""
    folder = tmp_path_factory.mktemp("releases")
    bright_project(folder, patients=120)
    marked = 'shortcuts = [{ name = "border", agreement = 0.9 }]'
    phantom_card(folder, "data", patients=120, more=marked)
    (folder / "net.py").write_text(GOOD)
    (folder / "check.py").write_text(CHECK)
    (folder / "policy.toml").write_text(POLICY)
    audited(folder).save(folder / "first.json")
    (folder / "net.py").write_text(BAD)
    audited(folder, baseline=folder / "first.json").save(folder / "worse.json")
    return folder
