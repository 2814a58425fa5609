"""The card's rule on mask quality reaches every AUROC: weighed, or compared within strata."""

from __future__ import annotations

import numpy as np
import pytest
from needs.evidence import Stored, case, cell, table
from sklearn.metrics import roc_auc_score

from audit_suite import NotApplicable, OnlyROI, WithoutROI, at_margin, auroc, dilated
from audit_suite import selective as selective_dilation
from audit_suite.errors import AuditError
from audit_suite.needs.scores.cell_scores import cell_scores
from audit_suite.statistics import estimate_auroc, estimate_auroc_within

COUNT = 120
RULE = '[mask_quality]\nrule = "{rule}"\nminimum = 0.7\n'


class Graded(Stored):
    """Masks of quality .4 to 1; where it is low, the scores tell less."""

    def __init__(self, unknown=0.0):
        rng = np.random.default_rng(1)
        labels = rng.permutation(np.arange(COUNT) % 2)
        self.quality = rng.uniform(0.4, 1, COUNT).round(3)
        self.unknown = rng.random(COUNT) < unknown
        noise = rng.normal(size=(4, COUNT))
        self.scores = {
            name: (labels * np.where(self.quality > 0.7, 2.0, 0.2) + noise[i]).astype(np.float32)
            for i, name in enumerate(("full", "without-lungs", "only-lungs", "without-lungs-d1"))
        }
        self.scores["only-lungs-d1"] = self.scores["only-lungs"] + np.float32(0.5)
        super().__init__(
            [
                case(i, label, f"p{i - (i % 4 == 1)}", None if miss else q)
                for i, (label, q, miss) in enumerate(
                    zip(labels, self.quality, self.unknown, strict=True)
                )
            ],
            {name: table(scores) for name, scores in self.scores.items()},
            "graded",
        )

    def of(self, name):
        return self.scores[name].astype(float)


def here(folder, rule=None, roi='roi = ["lungs"]'):
    lines = "" if rule is None else RULE.format(rule=rule)
    return cell(folder, roi=roi + "\nroi_margin = 16\n" + lines)


NEEDS = {
    "full": auroc(),
    "without-lungs": auroc(WithoutROI()),
    "only-lungs": auroc(OnlyROI()),
    "without-lungs-d1": dilated(WithoutROI(), 16),
}


@pytest.mark.parametrize("name", NEEDS)
def test_weighing_counts_a_pair_by_the_quality_of_both_masks(tmp_path, name):
    graded = Graded()
    found = NEEDS[name].estimate(here(tmp_path, "weight"), graded)
    expected = estimate_auroc(
        graded.labels, graded.of(name), graded.patients, "graded", weights=graded.quality
    )
    assert (found.value, found.se) == (expected.value, expected.se)
    assert found.value == pytest.approx(
        roc_auc_score(graded.labels, graded.of(name), sample_weight=graded.quality)
    )
    plain = NEEDS[name].estimate(here(tmp_path), graded)
    assert found.value > plain.value, "the good masks, whose scores tell more, count for more"


@pytest.mark.parametrize("name", NEEDS)
def test_stratifying_compares_good_masks_with_good_ones_and_poor_with_poor(tmp_path, name):
    graded = Graded()
    found = NEEDS[name].estimate(here(tmp_path, "stratify"), graded)
    good = graded.quality > 0.7
    expected = estimate_auroc_within(
        graded.labels, [graded.of(name)], graded.patients, [good.astype(int)], "graded", "x"
    )
    assert (found.value, found.se) == (expected.value, expected.se)
    areas, pairs = [], []
    for chosen in (good, ~good):
        labels = graded.labels[chosen]
        areas.append(roc_auc_score(labels, graded.of(name)[chosen]))
        names = graded.patients[chosen]
        pairs.append(len(set(names[labels == 1])) * len(set(names[labels == 0])))
    assert found.value == pytest.approx(np.average(areas, weights=pairs))


def test_a_quality_that_goes_with_the_label_tells_nothing_within_strata(tmp_path):
    """A model that reads the quality of the mask: skill over all, none among equals."""
    rng = np.random.default_rng(0)
    labels = np.arange(400) % 2
    good = rng.random(400) < np.where(labels, 0.2, 0.8)
    scores = np.where(good, 0.2, 0.8) + 0.01 * rng.random(400)
    stored = Stored(
        [case(i, labels[i], quality=0.9 if good[i] else 0.5) for i in range(400)],
        {"without-lungs": table(scores)},
    )
    need = auroc(WithoutROI())
    assert need.estimate(here(tmp_path), stored).interval()[0] > 0.6
    low, high = need.estimate(here(tmp_path, "stratify"), stored).interval()
    assert low < 0.5 < high


@pytest.mark.parametrize("rule", [None, "drop"])
def test_where_poor_masks_are_dropped_on_reading_the_rest_count_alike(tmp_path, rule):
    graded = Graded()
    scores = cell_scores(here(tmp_path, rule), graded, WithoutROI())
    assert scores.weights is None
    assert scores.strata is None
    found = auroc(WithoutROI()).estimate(here(tmp_path, rule), graded)
    expected = estimate_auroc(graded.labels, graded.of("without-lungs"), graded.patients, "graded")
    assert (found.value, found.se) == (expected.value, expected.se)


def test_a_mask_of_unknown_quality_has_no_weight_and_its_patient_does_not_count(tmp_path):
    graded = Graded(unknown=0.5)
    found = auroc().estimate(here(tmp_path, "weight"), graded)
    known = ~graded.unknown
    assert found.n_images == known.sum()
    assert found.n_patients == len(set(graded.patients[known]))
    expected = estimate_auroc(
        graded.labels[known],
        graded.of("full")[known],
        graded.patients[known],
        "graded",
        weights=graded.quality[known],
    )
    assert (found.value, found.se, found.fewest) == (expected.value, expected.se, expected.fewest)


def test_a_mask_of_unknown_quality_is_among_the_poor(tmp_path):
    graded = Graded(unknown=0.5)
    strata = cell_scores(here(tmp_path, "stratify"), graded, WithoutROI()).strata
    assert np.array_equal(strata == 1, (graded.quality > 0.7) & ~graded.unknown)


def test_no_known_quality_at_all_is_an_error_and_no_certainty(tmp_path):
    with pytest.raises(AuditError, match="0 patients with and 0 without"):
        auroc().estimate(here(tmp_path, "weight"), Graded(unknown=1.0))


def test_weights_follow_the_images_that_can_be_used(tmp_path):
    graded = Graded()
    used = np.arange(COUNT) % 3 > 0
    graded.tables["full"] = table(graded.scores["full"], 0.0, used)
    weights = cell_scores(here(tmp_path, "weight"), graded, auroc().masking).weights
    assert np.array_equal(weights, graded.quality[used])


@pytest.mark.parametrize("rule", ["weight", "stratify"])
def test_differences_stay_paired_under_a_rule(tmp_path, rule):
    graded = Graded()
    place = here(tmp_path, rule)
    full = auroc().estimate(place, graded)
    assert (full - full).se == 0
    grown = selective_dilation(OnlyROI(), 16, "negative").estimate(place, graded)
    mixed = np.where(graded.labels == 0, graded.of("only-lungs-d1"), graded.of("only-lungs"))
    again = Graded()
    again.tables["without-lungs"] = table(mixed)
    expected = auroc(WithoutROI()).estimate(place, again) - auroc(OnlyROI()).estimate(place, graded)
    assert grown.value == pytest.approx(expected.value, abs=1e-6)
    assert grown.se == pytest.approx(expected.se, rel=1e-4)


def test_the_margin_is_asked_under_the_rule_too(tmp_path):
    graded = Graded()
    place = here(tmp_path, "weight")
    found, expected = (
        need.estimate(place, graded)
        for need in (at_margin(WithoutROI()), NEEDS["without-lungs-d1"])
    )
    assert found.value == expected.value


def test_a_rule_does_not_make_a_region_where_none_is_declared(tmp_path):
    with pytest.raises(NotApplicable, match="declares no ROI"):
        auroc(WithoutROI()).estimate(here(tmp_path, "weight", roi=""), Graded())
