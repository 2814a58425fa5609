"""`audit-suite plan`: cards in, chances out; no image is decoded."""

from __future__ import annotations

import dataclasses
import json
import sys
from pathlib import Path

import numpy as np
import pytest
from cards import bright_project, phantom_card
from typer.testing import CliRunner

from audit_suite.audit import prospects
from audit_suite.audit.opening import open_audit
from audit_suite.audit.prospects import floor_of, plan_audit, plan_cards
from audit_suite.audit.settings import Settings
from audit_suite.cards import load_dataset_card, load_model_card
from audit_suite.cli import app, main
from audit_suite.datasets import load_dataset
from audit_suite.errors import AuditError
from audit_suite.evidence import compute
from audit_suite.needs import requests_in
from audit_suite.planning.measuring import FULL, HIDDEN, at_hand
from audit_suite.planning.words import beside

CLAIM = """
[claims.consolidation]
auroc = 0.9
source = "brochure"
"""


@pytest.fixture
def here(tmp_path, monkeypatch):
    """A working folder with the card of a model that claims .90 and that of 60 patients."""
    bright_project(tmp_path, patients=60)
    with (tmp_path / "model.toml").open("a") as card:
        card.write(CLAIM)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def run(*arguments):
    done = CliRunner().invoke(app, ["plan", *map(str, arguments)])
    assert done.exit_code == 0, (done.output, done.exception)
    return done.output


def mistake(capsys, monkeypatch, *arguments):
    monkeypatch.setattr(sys, "argv", ["audit-suite", "plan", *map(str, arguments)])
    with pytest.raises(SystemExit) as stop:
        main()
    assert stop.value.code == 2
    return capsys.readouterr().err


def planned(*arguments):
    run(*arguments, "--json", "plan.json")
    return json.loads(Path("plan.json").read_text())


def unreadable(card, most=None):
    """A data set none of whose images can be decoded."""

    def read(index):
        raise AssertionError(f"image {index} was decoded")

    return dataclasses.replace(load_dataset(card, most), read=read)


def test_patients_are_counted_and_no_image_is_decoded(here, monkeypatch):
    monkeypatch.setattr(prospects, "load_dataset", unreadable)
    monkeypatch.setattr("audit_suite.evidence.source.load_dataset", unreadable)
    without, with_model = planned("data.toml"), planned("model.toml", "data.toml")
    assert [each["auroc"] for each in without["targets"]] == [0.8, 0.85, 0.9, 0.95]
    assert {each["skill"] for each in without["targets"]} == {"assumed"}
    assert {each["patients"] for each in without["targets"]} == {60}
    (only,) = with_model["targets"]
    labels = [case.labels["consolidation"] for case in load_dataset(card(here)).cases]
    assert only["positives"] == sum(labels)
    assert (only["model"], only["dataset"], only["target"]) == ("model", "data", "consolidation")
    assert (only["auroc"], only["skill"]) == (0.9, "claimed")
    assert only["floor"] == pytest.approx(0.85)
    assert only["measured"] is None
    assert with_model["all_targets"] == without["all_targets"] == []


def card(here):
    return load_dataset_card(here / "data.toml")


def test_an_auroc_that_is_given_replaces_the_claim(here):
    (only,) = planned("model.toml", "data.toml", "--auroc", 0.7)["targets"]
    assert (only["auroc"], only["skill"], only["floor"]) == (0.7, "given", pytest.approx(0.85))
    assert only["patients_for_80"] is None, "R1 would not pass"
    (alone,) = planned("data.toml", "--auroc", 0.7)["targets"]
    assert (alone["auroc"], alone["floor"]) == (0.7, 0.6)


def test_several_data_sets_of_one_model_are_one_release(here):
    phantom_card(here, "more", patients=80)
    found = planned("model.toml", "data.toml", "more.toml")
    assert [each["dataset"] for each in found["targets"]] == ["data", "more"]
    (joint,) = found["all_targets"]
    assert joint["targets"] == 2
    sizes = joint["patients_for_80"]
    assert sizes["more"] == pytest.approx(sizes["data"] * 80 / 60, abs=1)
    assert len(planned("data.toml", "more.toml")["all_targets"]) == 4


def test_the_table_and_what_it_rests_on_are_printed(here):
    text = run("model.toml", "data.toml")
    assert text.startswith("model on data\n")
    assert "AUROC as the model card claims; assumed:" in text
    assert "policy 'default': each pass at 0.05" in text


def test_what_the_chances_leave_out_is_said(here):
    bare = (here / "data.toml").read_text().replace('roi = ["lungs"]', "")
    (here / "bare.toml").write_text(bare.replace('"data"', '"bare"'))
    (here / "strict.toml").write_text(
        'schema = 1\nname = "strict"\nconfidence = 0.99\nlooks = 4\n'
        '[[targets]]\nmatch = ["*"]\nrequired = ["R1", "R2"]\n'
    )
    found = planned("bare.toml", "--policy", "strict.toml")
    main, no_region, required = found["notes"]
    assert main.startswith("the policy 'strict' does not name R8-box under 'main'")
    assert no_region.startswith("bare declares no region for 'consolidation': R8-box does not")
    assert required.startswith("the policy 'strict' requires R1, R2 for 'consolidation'")
    assert (found["alpha"], found["looks"]) == (pytest.approx(0.01), 4)
    assert all(note in run("bare.toml", "--policy", "strict.toml") for note in found["notes"])


def test_what_else_the_gate_asks_is_noted_where_something_must_be_shown(here):
    (note,) = planned("data.toml")["notes"]
    assert note.startswith("the gate's chance to open is that of R1 and R8-box alone: M6, M7 must")
    assert "R5, R13 must not fail, which may cost some more" in note
    assert "(C1, C13, C14, C17, C17-training), no number of patients opens it" in note
    assert note in run("data.toml")
    bare = beside([{"shown": ["A"], "asked": [], "data": []}, {"shown": ["A", "B"]}])
    assert bare == (
        "the gate's chance to open is that of R1 and R8-box alone: A, B must pass too where they "
        "apply, which may cost some more"
    )
    assert beside([{"asked": ["A"], "data": ["B"]}]) == ""


def test_stored_scores_of_full_and_masked_images_replace_the_assumptions(here):
    settings = Settings(
        (here / "model.toml",),
        (here / "data.toml",),
        evidence=here / "evidence",
        executor="inline",
        device="cpu",
    )
    audit = open_audit(settings)
    (cell,) = audit.cells
    assert at_hand(cell, audit.source) is None
    assert plan_audit(audit).targets[0].skill == "claimed"
    for need in (FULL, *HIDDEN):
        compute(requests_in(need, cell), audit.source)
    found = plan_audit(audit).targets[0]
    estimate = FULL.estimate(cell, audit.source)
    assert (found.skill, found.auroc) == ("measured", pytest.approx(min(estimate.value, 0.99)))
    expected = [need.estimate(cell, audit.source).value for need in HIDDEN]
    assert found.measured.hidden == pytest.approx(expected)
    assert np.isfinite(found.measured.variance_full)
    given = plan_audit(audit, 0.8).targets[0]
    assert (given.skill, given.auroc) == ("given", 0.8)
    assert given.measured is not None, "how scores vary is measured all the same"


def test_folds_that_are_audited_one_by_one_are_one_forecast(here):
    settings = Settings(
        (here / "model.toml",), (here / "data.toml",), evidence=here / "none", executor="inline"
    )
    audit = open_audit(settings)
    folds = tuple(dataclasses.replace(audit.cells[0], folds=(fold,)) for fold in (0, 1))
    found = plan_audit(dataclasses.replace(audit, cells=folds))
    assert [each.model for each in found.targets] == ["model"]
    assert found.all_targets == ()


def test_scores_that_cannot_be_read_are_a_note(here):
    (here / "evidence").mkdir()
    (here / "net.py").write_text("raise RuntimeError('broken')")
    settings = Settings(
        (here / "model.toml",), (here / "data.toml",), evidence=here / "evidence", executor="inline"
    )
    found = plan_audit(open_audit(settings))
    assert found.targets[0].skill == "claimed"
    _, note = found.notes
    assert note.startswith("stored scores are not used: ")


def test_a_claim_raises_the_floor_only_above_the_least_skill(here):
    model = load_model_card(here / "model.toml")
    assert floor_of(model, "consolidation") == pytest.approx(0.85)
    assert floor_of(model, "another") == 0.6
    modest = model.model_copy(
        update={"claims": {"x": model.claims["consolidation"].model_copy(update={"auroc": 0.62})}}
    )
    assert floor_of(modest, "x") == 0.6


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("model.toml",), "no card of a data set is named"),
        (("data.toml", "--auroc", "0.5"), "--auroc=0.5 is not above .5"),
        (("data.toml", "nowhere.toml"), "nowhere.toml"),
        (("data.toml", "--policy", "nowhere.toml"), "nowhere.toml"),
    ],
)
def test_mistakes_are_named_with_the_way_out(here, capsys, monkeypatch, arguments, said):
    shown = mistake(capsys, monkeypatch, *arguments)
    assert said in shown
    assert "->" in shown


def test_cards_without_a_common_target_are_refused(here):
    text = (here / "data.toml").read_text().replace("targets.consolidation", "targets.glaucoma")
    (here / "eyes.toml").write_text(text)
    model = load_model_card(here / "model.toml")
    with pytest.raises(AuditError, match="nothing can be audited"):
        plan_cards([model], [load_dataset_card(here / "eyes.toml")], None, here / "evidence")
