"""The folded AUROC: by brute force, at its published values, and as the check R16."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from needs.evidence import Stored, auc, binormal, case, findings, table
from needs.evidence import cell as make_cell
from scipy.integrate import quad
from scipy.stats import norm, rankdata

from audit_suite import WithoutROI, auroc, folded_auroc
from audit_suite.needs.scores.cell_scores import cell_scores
from audit_suite.needs.scores.folded import folded
from audit_suite.statistics import estimate_auroc
from audit_suite.verdict import Verdict

BOX = WithoutROI(shape="box")
FILLS = ("without-lungs-box", "without-lungs-box-mean", "without-lungs-box-blur")


@pytest.fixture
def cell(tmp_path):
    return make_cell(tmp_path)


def stored(labels, masked, full=None):
    """One table of masked scores, or one for each fill."""
    each = [masked] * 3 if np.ndim(masked) == 1 else masked
    tables = {name: table(one) for name, one in zip(FILLS, each, strict=True)}
    if full is not None:
        tables["full"] = table(full)
    return Stored([case(i, label) for i, label in enumerate(labels)], tables)


def spread(sd, sick, well, shift=0.0):
    """Quantiles of two normal distributions: SD ``sd`` with the finding, 1 without it."""
    scores = [norm.ppf((np.arange(n) + 0.5) / n) for n in (sick, well)]
    labels = np.repeat([1, 0], [sick, well])
    return labels, np.concatenate([shift + sd * scores[0], scores[1]])


@given(st.lists(st.tuples(st.integers(0, 1), st.integers(0, 5)), min_size=6, max_size=40))
def test_it_is_the_auroc_of_the_distance_to_the_middle_rank(tmp_path_factory, rows):
    labels = np.array([0, 1, 0, 1, *(label for label, _ in rows)])
    scores = np.array([1, 2, 3, 4, *(score for _, score in rows)])
    cell = make_cell(tmp_path_factory.mktemp("cell"))
    found = folded_auroc(BOX).estimate(cell, stored(labels, scores))
    distance = np.abs(rankdata(scores) / len(scores) - 0.5 - 0.5 / len(scores)).round(9)
    assert found.value == pytest.approx(auc(labels, distance))


@pytest.mark.parametrize(
    ("sd", "expected", "within"), [(3, 0.795, 0.003), (1, 0.5, 0.003), (1 / 3, 0.205, 0.03)]
)
def test_normal_scores_of_another_spread_have_a_known_folded_auroc(cell, sd, expected, within):
    """|N(0, 3)| exceeds |N(0, 1)| in .795 of pairs: folding by rank is folding by value."""
    labels, scores = spread(sd, 1000, 1000)
    evidence = stored(labels, scores)
    area = quad(lambda x: 2 * norm.pdf(x) * 2 * norm.sf(x / sd), 0, 12)[0]
    assert area == pytest.approx(expected, abs=within)
    assert folded_auroc(BOX).estimate(cell, evidence).value == pytest.approx(area, abs=0.003)
    assert auroc(BOX).estimate(cell, evidence).value == pytest.approx(0.5, abs=0.003)


def test_a_shift_alone_moves_it_little(cell):
    """AUROC .75 of shifted scores at 10 % prevalence: folded .60."""
    labels, scores = spread(1, 300, 2700, shift=2**0.5 * norm.ppf(0.75))
    found = folded_auroc(BOX).estimate(cell, stored(labels, scores))
    assert found.value == pytest.approx(0.60, abs=0.02)


def test_its_interval_is_that_of_an_auroc_of_the_folded_scores(cell):
    labels, scores = spread(2, 60, 140)
    evidence = stored(labels, scores)
    found = folded_auroc(BOX).estimate(cell, evidence)
    fold = folded(cell_scores(cell, evidence, BOX))
    expected = estimate_auroc(labels, fold, evidence.patients, "digest")
    assert (found.value, found.se, found.df) == (expected.value, expected.se, expected.df)
    assert found.label == "folded AUROC without ROI box"
    assert found.at == {"masking": "without-roi-box", "statistic": "folded"}


def test_scores_of_one_value_are_equally_spread(cell):
    labels = np.arange(40) % 2
    assert folded_auroc(BOX).estimate(cell, stored(labels, np.full(40, 3.0))).value == 0.5


def test_strata_are_folded_each_at_its_own_middle(cell):
    class Cells:
        scores = np.array([1.0, 2, 3, 101, 102, 103])
        strata = np.array([0, 0, 0, 1, 1, 1])

    assert folded(Cells()).tolist() == [1, 0, 1, 1, 0, 1]


# R16


@pytest.mark.parametrize(
    ("sd", "shift", "verdict"),
    [
        (1, 0, Verdict.PASS),
        (3, 0, Verdict.FAIL),
        (1 / 3, 0, Verdict.FAIL),
        (1, 1.5, Verdict.NOT_APPLICABLE),
        (3, 1.5, Verdict.NOT_APPLICABLE),
    ],
)
def test_r16_finds_spread_and_leaves_location_to_r3(cell, sd, shift, verdict):
    labels, scores = spread(sd, 1000, 1000, shift)
    _, full = spread(1, 1000, 1000, 2)
    ((_, finding, _),) = findings("R16", cell, stored(labels, scores, full))
    assert finding.verdict is verdict
    assert (verdict is Verdict.NOT_APPLICABLE) == ("(R3)" in finding.reason)


def test_r16_needs_skill_to_have_been_shown(cell):
    labels, scores = spread(3, 1000, 1000)
    ((_, finding, _),) = findings("R16", cell, stored(labels, scores, scores))
    assert finding.verdict is Verdict.NOT_APPLICABLE
    assert "too little to lose" in finding.reason


def test_r16_does_not_pass_by_one_fill(cell):
    labels, wide = spread(3, 1000, 1000)
    _, same = spread(1, 1000, 1000)
    _, full = spread(1, 1000, 1000, 2)
    ((_, finding, _),) = findings("R16", cell, stored(labels, [same, same, wide], full))
    assert finding.verdict is Verdict.INCONCLUSIVE


def test_a_model_whose_folds_differ_is_the_mean_of_them(cell):
    labels, _ = binormal(0.5, 100)
    _, scores = binormal(0.7, 100)
    assert folded_auroc(BOX).estimate(cell, stored(labels, scores)).value == pytest.approx(
        auc(labels, np.abs(rankdata(scores) - 100.5))
    )
