"""What would decide: from estimates at hand, one steady number."""

from __future__ import annotations

import numpy as np
import pytest

from audit_suite.statistics import estimate_auroc, estimate_mean
from audit_suite.statistics.at_hand import AtHand, shares_of
from audit_suite.statistics.design import Cohort, Levels, Spread
from audit_suite.statistics.needed import (
    images_to_explain,
    needed_in_words,
    patients_to_decide,
)

FLOOR = 0.6


def scores(seed=0, patients=600, images=3, share=0.1, fills=0.7):
    """Labels, patients, and scores on full and masked images under three fills."""
    rng = np.random.default_rng(seed)
    names = np.repeat(np.arange(patients), images)
    labels = (names < 0.3 * patients).astype(int)

    def noise():
        return np.sqrt(0.5) * (rng.normal(size=patients)[names] + rng.normal(size=len(names)))

    skill = 1.5
    own, hidden = noise(), noise()
    full = skill * labels + own
    common = 0.4 * own + np.sqrt(1 - 0.16) * hidden
    masked = [
        share * skill * labels + np.sqrt(fills) * common + np.sqrt(1 - fills) * noise()
        for _ in range(3)
    ]
    return labels, names.astype(str), full, masked


def at_hand(**how):
    labels, names, full, masked = scores(**how)
    return AtHand.of(
        estimate_auroc(labels, full, names, "d"),
        [estimate_auroc(labels, each, names, "d") for each in masked],
    )


def test_patients_skill_and_correlations_are_measured():
    found = at_hand()
    assert found.cohort == Cohort(180, 420, 3)
    assert found.auroc == pytest.approx(0.856, abs=0.03)
    assert np.mean(found.shares) == pytest.approx(0.12, abs=0.1)
    # Half of the variance is shared by a patient's images, as the plan assumes.
    assert found.spread.full == pytest.approx(1, abs=0.15)
    assert found.spread.hidden == pytest.approx(1, abs=0.15)
    assert found.spread.between_fills == pytest.approx(0.7, abs=0.06)
    assert found.spread.full_hidden(np.mean(np.abs(found.shares))) == pytest.approx(0.3, abs=0.08)


def test_images_of_a_patient_that_are_alike_show_in_the_variance():
    labels, names, full, masked = scores(images=1)
    again = np.repeat(np.arange(len(labels)), 3)
    found = AtHand.of(
        estimate_auroc(labels[again], full[again], names[again], "d"),
        [estimate_auroc(labels[again], each[again], names[again], "d") for each in masked],
    )
    assert found.spread.full == pytest.approx(1.5, abs=0.2)  # planned as (1 + 2 x .5) / 3


def test_equal_fills_and_a_perfect_model_are_measured_too():
    labels, names, _, masked = scores()
    perfect = estimate_auroc(labels, labels + 0.1 * np.tanh(masked[0]), names, "d")
    same = [estimate_auroc(labels, masked[0], names, "d")] * 3
    found = AtHand.of(perfect, same)
    assert found.spread.between_fills == pytest.approx(0.99)
    assert 0 < found.spread.full < 10
    assert patients_to_decide(found, FLOOR) is not None


def test_a_share_of_no_skill_means_nothing_but_is_finite():
    assert shares_of(0.5, [0.7, 0.3, 0.5]) == (1, -1, 0)
    assert shares_of(0.9, [0.6, 0.5, 0.4]) == pytest.approx((0.25, 0, -0.25))


def made(auroc, share, patients=1500, prevalence=0.1):
    hidden = (0.5 + share * (auroc - 0.5),) * 3
    present = Cohort(patients * prevalence, patients * (1 - prevalence))
    return AtHand(auroc, hidden, present, Spread())


def test_the_number_is_steady_where_estimates_move_by_their_noise():
    """The same model, seen twice on 500 patients: no factor of a thousand between the two."""
    numbers = [
        patients_to_decide(made(auroc, share, 500), FLOOR)
        for auroc in (0.87, 0.93)
        for share in (-0.1, 0.0, 0.1, 0.2, 0.25, 0.3)
    ]
    assert max(numbers) < 5 * min(numbers)


def test_what_is_far_from_every_limit_takes_few_and_what_is_near_takes_more():
    far_below, near, far_above = (
        patients_to_decide(made(0.9, share), FLOOR) for share in (0.0, 0.2, 0.7)
    )
    assert far_above < far_below < near
    assert far_below == pytest.approx(1300, abs=150)  # the plan for an honest model says 1,060
    assert patients_to_decide(made(0.62, 0.0), FLOOR) > 20_000
    assert patients_to_decide(made(0.35, 0.0), FLOOR) < 500  # swapped outputs: R1 fails
    assert patients_to_decide(made(0.9, 0.0), 0.9) > 5 * patients_to_decide(made(0.9, 0.0), 0.85)


def test_looks_and_targets_take_more():
    usual = patients_to_decide(made(0.9, 0.0), FLOOR)
    assert patients_to_decide(made(0.9, 0.0), FLOOR, levels=Levels.shared(looks=5)) > 1.2 * usual
    half = patients_to_decide(made(0.9, 0.5), FLOOR)
    assert patients_to_decide(made(0.9, 0.5), FLOOR, levels=Levels.shared(places=14)) > 1.2 * half


def test_without_patients_of_a_class_there_is_no_number():
    assert patients_to_decide(AtHand(0.9, (0.5,) * 3, Cohort(0, 80), Spread()), FLOOR) is None


def test_the_number_in_words():
    present = Cohort(150, 1350)
    assert needed_in_words(3722, present) == (
        "about 3,800 patients in all, 380 of them with the finding, would decide it with a chance "
        "of 80% (now 1,500 and 150)"
    )
    assert needed_in_words(900, present) == (
        "so many patients decide it with a chance of 80% or more"
    )
    assert needed_in_words(None, present) == "no realistic number of patients would decide it"


def share_outside(mean, images=48, sd=0.2):
    values = mean + sd * np.resize([-1.0, 1.0], images)
    return estimate_mean(values, np.arange(images).astype(str), "d", "share outside", (0, 1))


def test_images_to_explain_are_as_many_as_power_asks_and_no_more_than_there_are():
    estimate = share_outside(0.45)
    expected = 48 * ((1.645 + 0.842) * estimate.se / 0.05) ** 2
    assert images_to_explain(estimate, 0.5, 688) == pytest.approx(expected, abs=1)
    assert images_to_explain(estimate, 0.5, 90) is None
    assert images_to_explain(share_outside(0.5), 0.5, 10**6) is None
    assert images_to_explain(share_outside(0.2, images=10), 0.5, 100) == 20  # the fewest for one
