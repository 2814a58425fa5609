"""The benchmark of the intervals: what it simulates, and what it counts."""

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

from audit_suite.statistics import estimate_auroc  # noqa: E402
from covering import cli, folded, heavy, intervals, regions, separation, tails  # noqa: E402
from covering.scores import Cell, batches  # noqa: E402
from decisions.contrasts import p_of_auroc, p_of_difference, p_of_share  # noqa: E402
from decisions.sums import sums_of  # noqa: E402


def test_two_score_sets_have_the_aurocs_and_the_correlation_of_the_cell():
    cell = Cell(0.9, 800, 4, 0.5, 0.99, -0.25)
    mean = np.mean(np.concatenate([s.auroc for s in batches(cell, 60, 1)]), axis=0)
    assert mean == pytest.approx([0.9, 0.4], abs=0.01)


def test_the_tails_are_those_of_the_products_estimate():
    rng = np.random.default_rng(1)
    labels, patients = (np.arange(120) < 40).astype(int), np.arange(120)
    scores = rng.normal(size=(1, 2, 120)) + labels
    sums = sums_of(labels, patients, scores)
    estimate = estimate_auroc(labels, scores[0, 0], patients, "d")
    above, below = p_of_auroc(sums, 0, 0.6)
    assert above[0] == pytest.approx(estimate.scale.p_above(0.6), rel=1e-9)
    assert below[0] == pytest.approx(estimate.scale.p_below(0.6), rel=1e-9)
    other = estimate_auroc(labels, scores[0, 1], patients, "d")
    above, _ = p_of_difference(sums, 0, 1, 0.0)
    assert above[0] == pytest.approx((estimate - other).scale.p_above(0.0), rel=1e-6)


def test_a_share_and_a_difference_are_rejected_on_the_right_side():
    cell = Cell(0.9, 800, 1, 0.5, 0.7, 0.6)
    (sums,) = batches(cell, 50, 2)
    above, below = p_of_share(sums, 1, 0, 0.25)
    assert above.max() < 0.001
    assert below.min() > 0.99
    above, below = p_of_difference(sums, 0, 1, 0.05)
    assert above.max() < 0.01, "the loss is .16"
    inverted = Cell(0.9, 800, 1, 0.5, 0.7, -0.6)
    (sums,) = batches(inverted, 50, 2)
    assert p_of_share(sums, 1, 0, -0.25)[1].max() < 0.001


def test_intervals_hold_the_truth():
    cell = Cell(0.9, 200, 1, 0.5, 0.9, 0.25)
    found = intervals.covered(cell, 400, 3)
    for kind in ("single", "paired", "kept"):
        assert 0.9 < found[kind] <= 1
    assert found["share"] == 0.25
    assert all(cell.positives >= 20 for cell in intervals.cells())


def test_levels_are_counted_at_the_margin_itself(monkeypatch):
    monkeypatch.setattr(tails, "POSITIVES", (20,))
    monkeypatch.setattr(tails, "CORRELATIONS", (0.7,))
    lines = list(tails.realised(300, 1))
    assert {line["quantity"] for line in lines} == {"difference", "share", "one AUROC"}
    assert {line["scale"] for line in lines} == {"logit", "plain"}
    assert all(0.01 < line["pass"] < 0.12 for line in lines), "about .05 by definition"


def test_the_fold_sees_spread_and_not_location():
    rng = np.random.default_rng(1)
    labels = (np.arange(4000) < 2000).astype(int)
    noise = rng.normal(size=4000)
    wide = folded.fold((noise * np.where(labels, 3, 1))[None, None])
    moved = folded.fold((noise + 0.3 * labels)[None, None])
    a, b = (sums_of(labels, np.arange(4000), f).auroc[0, 0] for f in (wide, moved))
    assert a == pytest.approx(0.795, abs=0.02)
    assert b == pytest.approx(0.5, abs=0.03)


def test_one_patient_with_most_images_spoils_the_interval(monkeypatch):
    monkeypatch.setattr(heavy, "PARTS", (0.0, 0.6))
    monkeypatch.setattr(heavy, "PREVALENCES", (0.3,))
    monkeypatch.setattr(heavy, "AUROCS", (0.5,))
    usual, most = heavy.covered(60, 1)
    assert usual["covered"] > 0.85
    assert most["covered"] < usual["covered"]
    assert most["share_of_variance"] > usual["share_of_variance"]


def test_the_share_that_a_cue_explains_is_that_of_the_world(monkeypatch):
    monkeypatch.setattr(separation, "READS", (0.0, 0.8))
    monkeypatch.setattr(separation, "PATIENTS", (300,))
    monkeypatch.setattr(separation, "PREVALENCES", (0.3,))
    monkeypatch.setattr(separation, "_TRUTH", 20_000)
    lines = list(separation.covered(20, 1))
    assert [line["truth"] for line in lines] == pytest.approx([0, 0, 0.8, 0.8], abs=0.03)
    assert all(line["covered"] > 0.7 for line in lines)
    assert [line["above_a_quarter"] for line in lines] == [0, 0, 1, 1]


def test_from_the_command_line_to_the_figures(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(intervals, "PATIENTS", (60,))
    monkeypatch.setattr(intervals, "SHARES", (0.0,))
    monkeypatch.setattr(intervals, "AUROCS", (0.9,))
    path = tmp_path / "f.json"
    cli.main(["--part", "intervals", "--replicates", "50", "--json", str(path)])
    figures = json.loads(path.read_text())
    assert 0.8 < figures["coverage_min"] <= figures["coverage_max"] <= 1
    assert set(figures["lines"]) == {"intervals"}
    assert "kept_min" in capsys.readouterr().out


def test_references_that_serve_several_images_cost_coverage_only_where_they_are_left_out(
    monkeypatch,
):
    monkeypatch.setattr(regions, "IMAGES", (150,))
    monkeypatch.setattr(regions, "REFERENCES", (24,))
    monkeypatch.setattr(regions, "SPREADS", (3.0,))
    monkeypatch.setattr(regions, "OUTSIDE", (0.5,))
    monkeypatch.setattr(regions, "_TRUTH", 50_000)
    (line,) = regions.covered(150, 1)
    assert line["covered"] > 0.88
    assert line["covered_by_patient_alone"] < 0.75
    assert line["fails"] < 0.2


def test_references_are_dealt_evenly():
    dealt = regions.deal(np.random.default_rng(2), 50, 8)
    counts = np.bincount(dealt, minlength=8)
    assert (len(dealt), counts.max() - counts.min()) == (50, 1)
