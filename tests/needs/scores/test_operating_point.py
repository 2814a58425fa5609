"""Sensitivity, specificity and Youden's J at the operating point of the card; the check R15."""

from __future__ import annotations

import numpy as np
import pytest
from needs.evidence import Stored, case, findings, table
from needs.evidence import cell as make_cell
from scipy.special import logit

from audit_suite import NotApplicable, WithoutROI, sensitivity, specificity, youden
from audit_suite.errors import AuditError
from audit_suite.maskings import Full
from audit_suite.statistics import estimate_proportion
from audit_suite.verdict import Verdict

N = 240
BOX = WithoutROI(shape="box")
FILLS = ("without-lungs-box", "without-lungs-box-mean", "without-lungs-box-blur")
POINT = '[operating_points.sick]\n{line}\nsource = "instructions for use"\n'


@pytest.fixture
def here(tmp_path):
    def make(line="probability = 0.3", activation="sigmoid", top=""):
        lines = f"{top}\n{POINT.format(line=line)}" if line else top
        return make_cell(tmp_path, activation=activation, model=lines)

    return make


def cohort(full, *masked):
    """Two images a patient; the odd ones show the finding."""
    cases = [case(i, i % 2, f"p{i // 4}-{i % 2}") for i in range(N)]
    tables = {"full": table(full)} | {
        name: table(each) for name, each in zip(FILLS, masked, strict=False)
    }
    return Stored(cases, tables)


def decisions(sick, well):
    """Probabilities at .31 or .29, so many of each class at .31, at random places."""
    rng = np.random.default_rng(3)
    probabilities = np.empty(N)
    for side, share in ((1, sick), (0, well)):
        called = np.arange(N // 2) < round(share * N / 2)
        probabilities[side::2] = np.where(rng.permutation(called), 0.31, 0.29)
    return logit(probabilities)


@pytest.mark.parametrize(
    ("line", "activation", "top"),
    [
        ("probability = 0.3", "sigmoid", ""),
        (f"score = {logit(0.3):.9f}", "sigmoid", ""),
        (f"score = {logit(0.3):.9f}", "none", ""),
        ("probability = 0.3", "none", "probabilities = true"),
        ("score = 0.3", "none", "probabilities = true"),
    ],
)
def test_images_at_or_above_the_point_are_positive(here, line, activation, top):
    scores = decisions(0.9, 0.2)
    evidence = cohort(1 / (1 + np.exp(-scores)) if top else scores)
    cell = here(line, activation, top)
    found = sensitivity().estimate(cell, evidence)
    truth, called = evidence.labels == 1, scores > logit(0.3)
    expected = estimate_proportion(called[truth], evidence.patients[truth], "digest", "x")
    assert (found.value, found.se, found.df) == (expected.value, expected.se, expected.df)
    assert found.label == "sensitivity"
    assert found.value == pytest.approx(0.9, abs=0.005)
    assert specificity().estimate(cell, evidence).value == pytest.approx(0.8, abs=0.005)


def test_a_score_that_equals_the_point_is_positive(here):
    evidence = cohort(np.where(np.arange(N) % 2, 2.0, 1.0))
    cell = here("score = 2.0")
    assert sensitivity().estimate(cell, evidence).value == 1
    assert specificity().estimate(cell, evidence).value == 1


def test_j_is_sensitivity_and_specificity_less_one_with_their_joint_interval(here):
    evidence = cohort(decisions(0.9, 0.2))
    cell = here()
    found, sens, spec = (
        need.estimate(cell, evidence) for need in (youden(), sensitivity(), specificity())
    )
    assert found.value == pytest.approx(sens.value + spec.value - 1)
    assert found.se == pytest.approx((sens.se**2 + spec.se**2) ** 0.5, rel=1e-9), (
        "no patient has images of both classes here, so the two are independent"
    )
    assert found.bounds == (-1, 1)
    assert found.label == "Youden's J"


def test_at_the_end_of_the_range_j_has_an_interval(here):
    low, high = youden().estimate(here(), cohort(decisions(1, 0))).interval()
    assert 0.85 < low < high <= 1


def test_without_a_declared_point_nothing_is_asked(here):
    cell = here(line="")
    for need in (sensitivity(), specificity(BOX), youden(BOX)):
        with pytest.raises(NotApplicable, match=r"'m' declares no operating point for 'sick'"):
            need.requests(cell)
    evidence = cohort(decisions(0.9, 0.2), *[decisions(0.5, 0.5)] * 3)
    ((_, finding, _),) = findings("R15", cell, evidence)
    assert finding.verdict is Verdict.NOT_APPLICABLE


def test_needs_name_what_they_read(here):
    assert [r.masking.id for r in youden(BOX).requests(here())] == ["without-lungs-box"]
    assert [need.id for need in (sensitivity(), specificity(BOX), youden())] == [
        "sensitivity-full",
        "specificity-without-roi-box",
        "youden-full",
    ]
    assert youden() == youden(Full())


@pytest.mark.parametrize(
    ("sick", "well", "verdict"),
    [
        (0.5, 0.5, Verdict.INCONCLUSIVE),
        (0.05, 0.05, Verdict.PASS),
        (1.0, 1.0, Verdict.PASS),
        (0.8, 0.2, Verdict.FAIL),
        (0.2, 0.8, Verdict.FAIL),
    ],
)
def test_r15_asks_for_decisions_by_chance_without_the_box(here, sick, well, verdict):
    """Calling all or hardly any image positive is chance; which, the full table shows."""
    evidence = cohort(decisions(0.9, 0.1), *[decisions(sick, well)] * 3)
    ((_, finding, recorded),) = findings("R15", here(), evidence)
    assert finding.verdict is verdict
    shown = [each.label for each in recorded.observations]
    assert shown[0] == "sensitivity"
    assert shown[4] == "specificity"
    assert len(shown) == 8


def test_r15_needs_decisions_better_than_chance_on_whole_images(here):
    evidence = cohort(decisions(0.55, 0.5), *[decisions(0.05, 0.05)] * 3)
    ((_, finding, _),) = findings("R15", here(), evidence)
    assert finding.verdict is Verdict.NOT_APPLICABLE
    assert "too little to lose" in finding.reason


@pytest.mark.parametrize(
    ("line", "top", "said"),
    [
        ("probability = 0.3\nscore = 1.0", "", "give either 'probability' or 'score'"),
        ("", "", "give either 'probability' or 'score'"),
        ("probability = 30", "", "operating_points.sick.probability"),
        ("probability = 0.3", 'activation_is = "none"', r"write probabilities = true"),
    ],
)
def test_a_point_that_means_nothing_is_refused_by_its_key(tmp_path, line, top, said):
    activation = "none" if top else "sigmoid"
    with pytest.raises(AuditError, match=said):
        make_cell(tmp_path, activation=activation, model=POINT.format(line=line))


def test_a_point_for_another_target_is_refused(tmp_path):
    lines = '[operating_points.ill]\nscore = 0.0\nsource = "x"\n'
    with pytest.raises(AuditError, match=r"'operating_points' names \['ill'\]"):
        make_cell(tmp_path, model=lines)


def test_probabilities_are_not_made_twice(tmp_path):
    with pytest.raises(AuditError, match=r"key 'probabilities' .*activation = \"none\" beside it"):
        make_cell(tmp_path, model="probabilities = true")
