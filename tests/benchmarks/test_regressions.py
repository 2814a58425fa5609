"""The simulations of releases: what they draw, what they judge, and what they sum up."""

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

from sklearn.metrics import roc_auc_score  # noqa: E402

from audit_suite.statistics import DecisionRule, estimate_auroc  # noqa: E402
from regressions import cli  # noqa: E402
from regressions.losses import Cohort, is_shown, judged, losses_of, shown  # noqa: E402


def test_scores_have_the_aurocs_and_the_likeness_that_were_asked_for():
    test = Cohort(20_000, 0.3, 0.8)
    ((before, now),) = test.scores(np.random.default_rng(0), np.array([[0.9, 0.8]]))
    assert roc_auc_score(test.labels, before) == pytest.approx(0.9, abs=0.01)
    assert roc_auc_score(test.labels, now) == pytest.approx(0.8, abs=0.01)
    well = test.labels == 0
    assert np.corrcoef(before[well], now[well])[0, 1] == pytest.approx(0.8, abs=0.02)


def test_what_is_shown_is_what_the_interval_of_the_difference_says():
    test = Cohort(600, 0.3, 0.8)
    scores = test.scores(np.random.default_rng(1), np.array([[0.9, 0.78], [0.6, 0.6]]))
    loss = losses_of(test, scores)[0]
    people = np.arange(600)
    before, now = (judged(estimate_auroc(test.labels, one, people, "d"), 0.6) for one in scores[0])
    rule = DecisionRule(0.05, 2)
    assert is_shown(before, now, rule, True) == (loss.interval(0.95)[0] > 0.05)
    assert not is_shown(before, before, rule, True)


def test_the_figures_are_written(tmp_path, monkeypatch):
    monkeypatch.setitem(cli.PARTS, "losses", (lambda n: list(shown(1, cli._SEED))[:8], 1, 1))
    cli.main(["--quick", "--part", "losses", "--json", str(tmp_path / "figures.json")])
    figures = json.loads((tmp_path / "figures.json").read_text())
    assert {"paired_false", "apart_false", "paired_power_08", "apart_power_12"} <= set(figures)
    assert len(figures["lines"]["losses"]) == 8
