"""The pages on groups and on robustness: cards load, examples run, figures are those of the code."""

from __future__ import annotations

import re

import numpy as np
import pytest
from house.pages import DOCS, blocks

from audit_suite.audit.policy import load_policy
from audit_suite.audit.watching import GUARDS, REQUIRED
from audit_suite.cards import load_dataset_card
from audit_suite.changes import Scene, changed
from audit_suite.changes.edits import LEAST, SPILLED, TOLERANCE, edited
from audit_suite.checks import ATTRIBUTE
from audit_suite.datasets.fine_structure import ALIKE, SIDE
from audit_suite.errors import AuditError
from audit_suite.needs.scores.edits import FEWEST as FEWEST_EDITS
from audit_suite.needs.scores.groups import FEWEST
from audit_suite.needs.scores.two_sets import FEWEST as FEWEST_NEW
from audit_suite.registry import CHANGES, EDITORS
from audit_suite.suites import test_calibration, test_robustness, test_subgroups, test_watch

GROUPS, ROBUSTNESS = DOCS / "howto" / "subgroups.md", DOCS / "howto" / "robustness.md"
EDITS, WATCH = DOCS / "howto" / "counterfactuals.md", DOCS / "howto" / "watch.md"

if not DOCS.exists():
    pytest.skip("runs in a checkout, not beside a wheel", allow_module_level=True)


def checks(*suites):
    """Declared checks by id."""
    return {
        thing.__dict__[ATTRIBUTE].id: thing.__dict__[ATTRIBUTE]
        for suite in suites
        for thing in vars(suite).values()
        if ATTRIBUTE in getattr(thing, "__dict__", {})
    }


def rules(page):
    """The rows of the table of checks."""
    table = page.read_text().split("## What is asked")[1]
    return {
        row[0]: " ".join(row)
        for row in (
            [cell.strip() for cell in line.strip("|").split("|")]
            for line in table.splitlines()
            if re.match(r"\| [FKX]\d", line)
        )
    }


@pytest.mark.parametrize("page", [GROUPS, ROBUSTNESS], ids=lambda page: page.stem)
def test_the_card_loads(tmp_path, page):
    (text,) = blocks(page, "toml")
    (tmp_path / "data.toml").write_text(text)
    card = load_dataset_card(tmp_path / "data.toml")
    assert set(card.margins) <= set(checks(test_subgroups, test_robustness))
    if page == ROBUSTNESS:
        assert card.targets["pneumothorax"].finding == "pneumothorax-outlines"


def test_the_tables_have_the_checks_their_margins_and_their_roles():
    declared = checks(test_subgroups, test_calibration, test_robustness)
    rows = rules(GROUPS) | rules(ROBUSTNESS)
    assert set(rows) - {"K1 to K3"} == set(declared) - {"K1", "K2", "K3"}
    policy = load_policy()
    for id, words in rows.items():
        if "shown beside the gate" in words:
            ids = ["K1", "K2", "K3"] if id == "K1 to K3" else [id]
            assert {policy.role(one, "any") for one in ids} == {"context"}, id
        else:
            assert policy.role(id, "any") == "guard", id
        margin = declared[id].needs.get("margin") if id in declared else None
        if margin is not None and id != "F2":
            said = f"{margin:.2f}".lstrip("0")
            assert said in words or f"{margin:.0%}".replace("%", " %") in words, id
    assert f"{FEWEST} patients with and {FEWEST} without" in GROUPS.read_text()


def test_the_card_of_a_test_set_loads_and_the_figures_are_those_of_the_code(tmp_path):
    text = (DOCS / "data.md").read_text().split("## Pictures that look the same")[1]
    (tmp_path / "data.toml").write_text(re.search(r"```toml\n(.+?)```", text, re.DOTALL)[1])
    card = load_dataset_card(tmp_path / "data.toml")
    assert (card.training, card.near_duplicates) == ("train.toml", "exclude")
    assert f"{SIDE} x {SIDE} pixels" in text
    assert f"a correlation of {ALIKE:.2f}".replace("0.", ".") in text
    assert {load_policy().role(id, "any") for id in ("C17", "C17-training")} == {"data"}


def test_the_change_of_ones_own_runs():
    (code,) = blocks(ROBUSTNESS, "python")
    exec(compile(code, "page", "exec"), {})
    image = np.full((40, 40), 100, np.uint8)
    none = np.zeros((40, 40), bool)
    made = changed("watermark", image, Scene(none, none, None, np.random.default_rng(0), 1))
    assert made[0, 0] > 100
    assert made[1, 0] == 100
    assert CHANGES["watermark"].effect == "none"


def test_the_editor_of_the_page_makes_edits_that_count():
    (code,) = blocks(EDITS, "python")
    exec(compile(code, "page", "exec"), {})
    editor = EDITORS["nodule"]
    assert (editor.does, editor.thing, editor.most) == ("adds", "finding", 200)
    roi = np.zeros((64, 64), bool)
    roi[16:48, 10:54] = True
    reasons = set()
    for seed in range(9):
        scene = Scene(roi, np.zeros((64, 64), bool), None, np.random.default_rng(seed), 1)
        reasons.add(edited("nodule", np.full((64, 64), 90, np.uint8), scene).reason)
    assert reasons == {"kept"}
    text = EDITS.read_text()
    assert f"fewer than {LEAST:.0%}".replace("%", " %") in text
    assert f"more than {100 * SPILLED:.1f} % of" in text
    assert f"more than {TOLERANCE * 255:.0f}/255" in text
    assert f"fewer than {FEWEST_EDITS} do" in text
    assert [load_policy().role(id, "any") for id in ("X4", "X4-device")] == ["guard", "context"]


def test_the_card_of_new_cases_loads_and_its_checks_have_the_roles_of_the_page(tmp_path):
    (text,) = blocks(WATCH, "toml")
    (tmp_path / "march.toml").write_text(text)
    card = load_dataset_card(tmp_path / "march.toml")
    assert (card.unlabelled, card.watch_by) == (True, ("site",))
    (tmp_path / "march.toml").write_text(text.replace('metadata = ["site"]', ""))
    with pytest.raises(
        AuditError, match="'watch_by' names \\['site'\\], which 'metadata' does not"
    ):
        load_dataset_card(tmp_path / "march.toml")
    page = WATCH.read_text()
    assert (
        set(checks(test_watch))
        == {*REQUIRED, *GUARDS}
        == set(re.findall(r"^\| (D\S+) \|", page, re.M))
    )
    margins = {float(check.needs["margin"]) for check in checks(test_watch).values()}
    assert [f"within {margin:.2f} of .5".replace("0.", ".") in page for margin in margins] == [True]
    assert f"Fewer than {FEWEST_NEW} new patients" in page


@pytest.mark.parametrize("page", [GROUPS, ROBUSTNESS, EDITS, WATCH], ids=lambda page: page.stem)
def test_every_message_of_the_table_is_a_message_of_the_code(page):
    rows = re.findall(r"^\| `([^`|]+)` \|", page.read_text().split("## What can go")[1], re.M)
    source = "".join(
        " ".join(re.sub(r'"\n\s+f?"', "", path.read_text()).split())
        for path in (DOCS.parent / "audit_suite").rglob("*.py")
    )
    assert len(rows) == (7 if page == WATCH else 5)
    assert [row for row in rows if row not in source] == []
