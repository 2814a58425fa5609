"""Predicted against observed: how often the product's own rules open and close, by simulation."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.special import ndtri

from audit_suite.statistics import DecisionRule, Family, estimate_auroc, recording, share_kept
from audit_suite.statistics.design import Cohort, Levels
from audit_suite.statistics.opening_chance import chance_to_close, chance_to_open
from audit_suite.verdict import Verdict

FLOOR, KEPT, AT_CHANCE = 0.6, 0.25, 0.05
RULE = DecisionRule(cases=4)  # R8-box and R3 of one target: .025 / 2
LEVEL = 0.0125
BETWEEN_FILLS, WITHIN_PATIENT = 0.7, 0.5
TIMES = 200
FORMULA = 0.04  # what the formulae themselves may be wrong by


def one_audit(rng, auroc, share, patients, prevalence, images):
    """AUROCs on full images and under three fills, of binormal scores clustered by patient."""
    names = np.repeat(np.arange(patients), images)
    labels = (names < round(patients * prevalence)).astype(int)

    def noise():
        own, common = rng.normal(size=len(names)), rng.normal(size=patients)[names]
        return np.sqrt(1 - WITHIN_PATIENT) * own + np.sqrt(WITHIN_PATIENT) * common

    def shift(value):
        return np.sqrt(2) * ndtri(value) * labels

    kept = 0.5 + share * (auroc - 0.5)
    shown, alike = noise(), 0.3 + 0.5 * share
    # Each fill is correlated with the full image by `alike`, and with the others by .7.
    common = alike * shown + np.sqrt(BETWEEN_FILLS - alike**2) * noise()
    hidden = [shift(kept) + common + np.sqrt(1 - BETWEEN_FILLS) * noise() for _ in range(3)]
    full = estimate_auroc(labels, shift(auroc) + shown, names, "d")
    masked = [estimate_auroc(labels, scores, names, "d") for scores in hidden]
    return full, masked


def verdicts(full, masked):
    """R1, R8-box and R3 as the checks judge them."""
    with recording(RULE):
        kept = Family([share_kept(each, full) for each in masked]).distance_to(0)
        return (
            full.compare(">", FLOOR).verdict,
            kept.compare("<", KEPT).verdict,
            Family(masked).distance_to(0.5).compare("<", AT_CHANCE).verdict,
        )


def verdicts_by_p(full, masked):
    """The same without intervals and words, which take most of the time."""

    def within(scales, low, high):
        passes = [max(s.p_below(high), s.p_above(low)) < RULE.alpha for s in scales]
        fails = [2 * min(s.p_above(high), s.p_below(low)) < LEVEL / 2 for s in scales]
        if all(passes):
            return Verdict.PASS
        return Verdict.FAIL if sum(fails) >= 2 else Verdict.INCONCLUSIVE

    skill = (
        Verdict.PASS
        if full.scale.p_above(FLOOR) < RULE.alpha
        else Verdict.FAIL
        if full.scale.p_below(FLOOR) < LEVEL
        else Verdict.INCONCLUSIVE
    )
    kept = [share_kept(each, full).scale for each in masked]
    hidden = [each.scale for each in masked]
    return (
        skill,
        within(kept, -KEPT, KEPT),
        within(hidden, 0.5 - AT_CHANCE, 0.5 + AT_CHANCE),
    )


def decided(skill, kept, chance):
    """Whether such verdicts open the gate, and whether they close it."""
    opens = skill is Verdict.PASS and kept is Verdict.PASS
    return opens, kept is Verdict.FAIL or (chance is Verdict.FAIL and kept is not Verdict.PASS)


def test_p_values_alone_give_the_verdicts_of_the_checks():
    rng = np.random.default_rng(7)
    seen = set()
    for share in (0.0, 0.2, 0.33, 0.5):
        for _ in range(8):
            scores = one_audit(rng, 0.88, share, 400, 0.3, 1)
            found = verdicts(*scores)
            assert found == verdicts_by_p(*scores)
            seen.add(found[1])
    assert seen == {Verdict.PASS, Verdict.FAIL, Verdict.INCONCLUSIVE}


DESIGNS = [  # AUROC, share kept, patients, prevalence, images of each
    (0.9, 0.0, 500, 0.3, 1),
    (0.85, 0.0, 300, 0.3, 1),
    (0.9, 0.0, 300, 0.2, 3),
    (0.9, 0.33, 500, 0.3, 1),
    (0.85, 0.5, 300, 0.3, 1),
]


def test_audits_open_and_close_as_often_as_predicted():
    rng = np.random.default_rng(1907)
    differences = []
    for auroc, share, patients, prevalence, images in DESIGNS:
        audits = [
            decided(*verdicts_by_p(*one_audit(rng, auroc, share, patients, prevalence, images)))
            for _ in range(TIMES)
        ]
        cohort = Cohort(patients * prevalence, patients * (1 - prevalence), images)
        predicted = (
            chance_to_open(auroc, cohort, FLOOR, shares=(share,) * 3),
            chance_to_close(auroc, cohort, (share,) * 3),
        )
        for observed, chance in zip(np.mean(audits, axis=0), predicted, strict=True):
            error = 3 * (chance * (1 - chance) / TIMES) ** 0.5
            assert observed == pytest.approx(chance, abs=FORMULA + error)
            differences.append(observed - chance)
    # Each has a standard error of .035 at most; ten of them on average .011.
    assert abs(np.mean(differences)) < 0.02


def test_the_rule_here_is_that_of_a_release_with_one_target():
    assert pytest.approx(Levels().failing) == LEVEL == RULE.alpha / RULE.cases
