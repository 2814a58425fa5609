"""Operating characteristics of the default rules: the fast figures are the product's."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest

ROOT = Path(__file__).parents[2]

if not (ROOT / "benchmarks").is_dir():
    pytest.skip("runs in a checkout, not beside an installed wheel", allow_module_level=True)
sys.path.append(str(ROOT / "benchmarks"))

from decisions.binormal import Design, draw, layout, simulate  # noqa: E402
from decisions.rule import Levels, decide  # noqa: E402
from decisions.sums import sums_of  # noqa: E402

from audit_suite.statistics import estimate_auroc  # noqa: E402


def some_scores(kind, rng):
    """Labels, patients and scores (2 conditions), and what is special about them."""
    patients = {
        "one image": np.arange(90),
        "three images": np.repeat(np.arange(30), 3),
        "some with several": np.sort(rng.integers(0, 40, 90)),
        "ties": np.arange(90),
        "perfect": np.arange(90),
        "constant": np.arange(90),
        "labels that differ within a patient": np.repeat(np.arange(30), 3),
    }[kind]
    patients = np.unique(patients, return_inverse=True)[1]
    labels = (patients % 3 == 0).astype(int)
    if kind.startswith("labels"):
        labels = (rng.random(90) < 0.4).astype(int)
    scores = rng.normal(size=(2, 90)) + labels
    if kind == "ties":
        scores = scores.round()
    elif kind == "perfect":
        scores[0] += 9 * labels
    elif kind == "constant":
        scores[1] = 0
    return labels, patients, scores


@pytest.mark.parametrize(
    "kind",
    [
        "one image",
        "three images",
        "some with several",
        "ties",
        "perfect",
        "constant",
        "labels that differ within a patient",
    ],
)
def test_the_fast_sums_are_those_of_the_product(kind):
    rng = np.random.default_rng(1)
    labels, patients, scores = some_scores(kind, rng)
    sums = sums_of(labels, patients, scores[None])
    names = [f"p{number:03}" for number in patients]
    for place, row in enumerate(scores):
        estimate = estimate_auroc(labels, row, names, "d")
        variance = np.trace(sums.products[0, :, place : place + 1, place : place + 1].sum(0))
        assert sums.auroc[0, place] == pytest.approx(estimate.value, abs=1e-12)
        assert variance + sums.beyond[0, place] == pytest.approx(estimate.se**2, rel=1e-9)
    a, b = (estimate_auroc(labels, row, names, "d") for row in scores)
    gap = np.array([1.0, -1.0])
    variance = np.einsum("k,skl,l->", gap, sums.products[0], gap) + sums.beyond[0].sum()
    assert variance == pytest.approx((a - b).se ** 2, rel=1e-9)
    assert (sums.fewest, sums.edge) == (a.fewest, a.edge)


def test_simulated_scores_have_the_aurocs_of_the_design():
    design = Design(auroc=0.9, kept=0.5, patients=2000, prevalence=0.3, images=3, inverted=True)
    (sums,) = simulate(design, 20, 1)
    assert sums.auroc.mean(axis=0) == pytest.approx([0.9, 0.3, 0.7, 0.7], abs=0.01)
    labels, patients = layout(design)
    assert (labels.sum(), patients.max()) == (1800, 1999)
    scores = draw(np.random.default_rng(2), design, labels, patients, 2)
    within = np.corrcoef(scores[0, 0].reshape(-1, 3)[600:].T)[0, 1]
    assert within == pytest.approx(0.5, abs=0.08), "images of a patient share half of the variance"
    noise = scores[0][:, 1800:]
    assert np.corrcoef(noise)[1, 2] == pytest.approx(0.7, abs=0.05)
    assert simulate(design, 20, 1)[0].auroc == pytest.approx(sums.auroc, abs=0)


def rates(design, levels=None, replicates=200, **how):
    parts = [decide(s, levels or Levels.of(), **how) for s in simulate(design, replicates, 5)]
    return tuple(
        float(np.concatenate([getattr(part, name) for part in parts]).mean())
        for name in ("open", "closed")
    )


def test_who_is_opened_and_who_is_closed():
    honest = Design(0.9, 0.0, 1500, 0.1)
    opened, closed = rates(honest)
    assert opened > 0.85
    assert closed == 0
    assert rates(Design(0.9, 1.0, 500, 0.3)) == (0, 1)
    assert rates(Design(0.5, 0.0, 1500, 0.3))[0] == 0, "no skill, nothing opened"
    assert rates(Design(0.5, 0.0, 1500, 0.3))[1] > 0.9, "shown to have none: closed by R1"
    assert rates(Design(0.9, 0.0, 150, 0.1)) == (0, 0), "fifteen positives get no verdict"
    five = rates(honest, Levels.of(looks=10))[0]
    assert five < opened, "each look has its share of the level"


def test_inverted_under_one_fill_is_closed_only_by_either_side():
    turned = Design(0.9, 1.0, 500, 0.3, inverted=True)
    assert rates(turned) == (0, 1)
    before = rates(turned, two_of_three=False)
    assert before == (0, 0), "asked of all fills on one side, it can never fail"
