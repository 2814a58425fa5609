"""The list of attempts to open the gate: how long it is, and that each can be prepared."""

from __future__ import annotations

import sys
from collections import Counter
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

if not (ROOT / "benchmarks").is_dir():
    pytest.skip("runs in a checkout, not beside an installed wheel", allow_module_level=True)
sys.path.append(str(ROOT / "benchmarks"))

from tricks import cards, kills, models, options, plugins, stored  # noqa: E402
from tricks.world import Call, write_images, write_project  # noqa: E402

FEWEST = {
    "options": 40,
    "cards and masks": 25,
    "conftest and plugins": 30,
    "code of the model": 10,
    "store and record": 10,
    "kill -9": 20,
}


def test_the_list_is_as_long_as_the_page_on_security_says():
    modules = (options, cards, plugins, models, stored, kills)
    found = Counter(attempt.kind for module in modules for attempt in module.attempts())
    assert found.keys() == FEWEST.keys()
    for kind, fewest in FEWEST.items():
        assert found[kind] >= fewest, kind
    text = (ROOT / "docs" / "security.md").read_text(encoding="utf-8")
    for kind, number in found.items():
        assert f"| {kind} | {number} |" in text, "docs/security.md counts them"


@pytest.mark.parametrize("module", [options, plugins, models], ids=lambda m: m.__name__)
def test_every_attempt_changes_a_project_and_says_how_it_is_called(tmp_path, module):
    names = set()
    for number, attempt in enumerate(module.attempts()):
        folder = tmp_path / str(number)
        write_project(folder, tmp_path / "images")
        before = {file.name: file.read_bytes() for file in folder.iterdir()}
        call = attempt.prepare(folder)
        assert isinstance(call, Call)
        files = [file for file in folder.rglob("*") if file.is_file()]
        changed = {file.name: file.read_bytes() for file in files} != before
        assert changed or call.args or call.env, attempt.name
        names.add(attempt.name)
    assert len(names) == number + 1, "no two are the same"


@pytest.mark.parametrize("attempt", list(cards.attempts())[:18], ids=lambda a: a.name)
def test_every_card_that_is_tried_differs_from_the_plain_one(tmp_path, attempt):
    write_project(tmp_path / "plain", tmp_path)
    write_project(tmp_path / "tried", tmp_path)
    attempt.prepare(tmp_path / "tried")
    texts = [
        [(tmp_path / where / name).read_text() for name in ("data.toml", "shortcut.toml")]
        for where in ("plain", "tried")
    ]
    assert texts[0] != texts[1]


def test_both_cues_of_the_images_tell_the_label(tmp_path):
    write_images(tmp_path / "images", 60)
    assert len(list((tmp_path / "images").glob("*.png"))) == 120
