"""The page on audits without masks is true to the program."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from needs.evidence import shipped

from audit_suite.cards import load_dataset_card, load_model_card
from audit_suite.checks import ATTRIBUTE
from audit_suite.cli import app
from audit_suite.statistics import Margin

PAGE = Path(__file__).parents[2] / "docs" / "howto" / "no-masks.md"

pytestmark = pytest.mark.skipif(not PAGE.exists(), reason="runs in a checkout")


def blocks(language):
    return re.findall(rf"```{language}\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)


def test_its_cards_load(tmp_path):
    data, model = blocks("toml")
    (tmp_path / "data.toml").write_text(data)
    (tmp_path / "model.toml").write_text(model)
    card = load_dataset_card(tmp_path / "data.toml")
    assert not card.regions
    assert not card.roi_regions
    assert load_model_card(tmp_path / "model.toml").task == "segmentation"


def test_its_limits_are_those_of_the_suite():
    rows = re.findall(r"^\| (P3\S*|M5\S*) \| .+? \| (.+?) \| (.+?) \|$", PAGE.read_text(), re.M)
    words = {".10": 0.10, "AUROC .50 ± .05": 0.05, "change .05": 0.05, "half": 0.5, "none": None}
    assert {id for id, _, _ in rows} == {"P3", "P3-alone", "P3-hidden", "M5", "M5-score"}
    for id, role, limit in rows:
        needs = getattr(shipped(id), ATTRIBUTE).needs.values()
        margins = [float(need) for need in needs if isinstance(need, Margin)]
        assert margins == ([] if words[limit] is None else [words[limit]]), id
        assert role.startswith("guard" if margins else "reported"), id


def test_the_command_it_shows_exists():
    from typer.main import get_command

    command = get_command(app).commands["segment"]
    options = {option for parameter in command.params for option in parameter.opts}
    (line,) = re.findall(r"^audit-suite segment .+$", PAGE.read_text(), re.M)
    shown = set(re.findall(r"--\w+", line))
    assert shown == {"--with", "--region", "--out"}
    assert shown <= options


def test_its_links_lead_somewhere():
    for target in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", PAGE.read_text(encoding="utf-8")):
        assert (PAGE.parent / target).exists(), target
