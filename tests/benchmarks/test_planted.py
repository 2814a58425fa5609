"""Full audits of planted real films: the cards load, the truth is kept, records are read as they are."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np
import pytest

ROOT = Path(__file__).parents[2]

if not (ROOT / "benchmarks").is_dir():
    pytest.skip("runs in a checkout, not beside an installed wheel", allow_module_level=True)
sys.path.append(str(ROOT / "benchmarks"))

from audit_suite.cards import load_dataset_card, load_model_card  # noqa: E402
from audit_suite.datasets import load_dataset  # noqa: E402
from audit_suite.errors import AuditError  # noqa: E402
from decisions import real_pools  # noqa: E402
from planted import cli, judging, making  # noqa: E402


@pytest.fixture
def films():
    rng = np.random.default_rng(5)
    images = rng.integers(80, 120, (30, 32, 32), dtype=np.uint8)
    regions = np.zeros((30, 32, 32), bool)
    regions[:, 8:24, 8:24] = True
    return real_pools.Shown(images, regions, np.arange(30) % 2, np.arange(30) // 2)


def test_films_become_cards_that_load_with_the_same_pixels_and_folds_by_patient(
    films, tmp_path, monkeypatch
):
    monkeypatch.setattr(making, "PIXELS", 32)
    model, card = making.make("alone-border", films, tmp_path)
    dataset = load_dataset(load_dataset_card(card))
    for number in (0, 29):
        sample = dataset.read(number)
        assert np.array_equal(np.squeeze(sample.image), films.images[number])
        assert np.array_equal(sample.regions["lungs"], films.regions[number])
    folds = {}
    for case in dataset.cases:
        folds.setdefault(case.patient, set()).add(case.metadata["fold"])
    assert all(len(found) == 1 for found in folds.values())
    assert len(set.union(*folds.values())) == 5
    loaded = load_model_card(model)
    assert (loaded.targets, loaded.held_out) == (("alone-border",), "fold")
    assert tuple(loaded.input.size) == (32, 32)


def test_what_is_planted_changes_images_as_the_truth_says(films):
    by_name = {name: (truth, plant) for name, truth, plant in real_pools.planted_films()}
    truth, plant = by_name["planted-finding"]
    sick = real_pools.with_planted(truth, films, plant)
    changed = (sick.images != films.images).any(axis=(1, 2))
    assert np.array_equal(changed, sick.labels == 1), "a finding is where the label says"
    outside = ~films.regions
    assert np.array_equal(sick.images[outside], films.images[outside])

    truth, plant = by_name["planted-corner_marker"]
    marked = real_pools.with_planted(truth, films, plant)
    changed = (marked.images != films.images).any(axis=(1, 2))
    assert 0.7 < (changed == (films.labels == 1)).mean() < 1
    assert marked.labels is films.labels
    assert not np.array_equal(
        real_pools.with_planted("shortcut", films, plant).labels, films.labels
    )
    assert real_pools.with_planted("as it is", films, None) is films


def record_of(tmp_path, **target):
    finding = {"check": "R1", "verdict": "pass", "comparisons": [{"estimate": {"value": 0.912}}]}
    flags = [
        {"cause": "acquisition", "holds": "yes"},
        {"cause": "co-label", "holds": "unknown"},
        {"cause": "framing", "holds": "no"},
    ]
    content = {
        "targets": [{"decision": "closed", "kept": "most is left", **target}],
        "findings": [finding, {"check": "R3", "verdict": "fail", "comparisons": []}],
        "causes": [{"flags": flags}],
    }
    path = tmp_path / "alone-exposure.json"
    path.write_text(json.dumps(content), encoding="utf-8")
    return path


def test_a_record_is_read_into_a_row(tmp_path):
    one = judging.read("alone-exposure", "shortcut", record_of(tmp_path))
    assert (one.auroc, one.decision, one.fails) == (0.912, "closed", ["R3"])
    assert (one.expected, one.causes, one.unknown) == ("acquisition", ["acquisition"], ["co-label"])
    assert cli.line(one).count("|") == cli.page([one]).splitlines()[0].count("|")
    assert judging.read("planted-finding", "honest", record_of(tmp_path)).expected == ""


@pytest.mark.parametrize(
    ("causes", "unknown", "before", "outcome"),
    [
        (["acquisition"], [], [], "right"),
        (["acquisition", "mask-leak"], [], [], "right"),
        (["mask-leak"], ["acquisition"], [], "wrong"),
        (["mask-leak"], ["acquisition"], ["mask-leak"], "not_known"),
        (["mask-leak"], [], ["mask-leak"], "silent"),
        (["undetermined"], [], [], "not_known"),
        ([], ["undetermined"], [], "not_known"),
        ([], ["mask-leak"], [], "silent"),
    ],
)
def test_a_planted_cause_is_right_wrong_not_known_or_silent(causes, unknown, before, outcome):
    assert judging.outcome_of("acquisition", causes, unknown, before) == outcome


def test_what_the_label_itself_brings_is_not_wrong(tmp_path):
    leaking = record_of(tmp_path)
    as_it_is = judging.read("real-films", "as it is", leaking)._replace(causes=["mask-leak"])
    text = (
        leaking.read_text().replace("acquisition", "mask-leak").replace("co-label", "acquisition")
    )
    leaking.write_text(text)
    assert judging.read("planted-exposure", "planted", leaking, as_it_is).outcome == "not_known"
    assert judging.read("alone-exposure", "shortcut", leaking, as_it_is).outcome == "wrong"
    assert judging.read("planted-finding", "honest", leaking, as_it_is).outcome == ""


def test_an_audit_that_breaks_is_said(films, tmp_path):
    with pytest.raises(AuditError, match="the audit of nothing ended with"):
        judging.audit(tmp_path / "nothing.toml", tmp_path / "none.toml", tmp_path / "r.json")


def test_without_real_data_it_says_so(monkeypatch):
    monkeypatch.delenv("AUDIT_REAL_DATA", raising=False)
    with pytest.raises(SystemExit, match="AUDIT_REAL_DATA"):
        cli.main([])
