"""How far masking takes embeddings off what the model knows (C7), against brute force."""

from __future__ import annotations

import numpy as np
import pytest
from needs.evidence import Stored, case, cell, table, with_arrays

from audit_suite import NotApplicable, WithoutROI, departure, domain
from audit_suite.needs import Need
from audit_suite.statistics import estimate_mean

COUNT = 120
HIDDEN = "without-lungs"
TAGS = 'metadata = ["site", "age"]'


@pytest.fixture
def here(tmp_path):
    return cell(tmp_path, top=TAGS)


def embedded(full, masked, patients=None, used=None):
    """Evidence with embeddings of full and masked images."""
    count = len(full)
    who = [None] * count if patients is None else patients
    cases = [case(i, i % 2, who[i], site="", age="") for i in range(count)]
    plain = table(np.zeros(count), 0.0, used)
    return Stored(
        cases,
        {
            "full": with_arrays(plain, embeddings=np.asarray(full, np.float32)),
            HIDDEN: with_arrays(plain, embeddings=np.asarray(masked, np.float32)),
        },
        digest=f"embedded {full.sum()} {masked.sum()}",
    )


def cloud(seed, count=COUNT, width=6):
    return np.random.default_rng(seed).normal(size=(count, width)) + 1


def distance(a, b):
    return 1 - (a * b).sum(1) / np.linalg.norm(a, axis=1) / np.linalg.norm(b, axis=1)


def test_a_departure_is_a_cosine_distance_in_units_of_that_between_patients(here):
    full, masked = cloud(0), cloud(0) + 0.5 * cloud(1)
    stored = embedded(full, masked)
    found = departure(WithoutROI()).estimate(here, stored)
    apart = np.median(distance(full, np.roll(full, COUNT // 2, axis=0)))
    expected = estimate_mean(distance(full, masked) / apart, stored.patients, stored.digest, "x")
    assert found.value == pytest.approx(expected.value, rel=1e-4)
    assert found.se == pytest.approx(expected.se, rel=1e-4)


@pytest.mark.parametrize(
    ("masked", "value"),
    [
        (lambda full: full, 0.0),
        (lambda full: 7 * full, 0.0),
        (lambda full: np.roll(full, 1, axis=0), 1.0),
    ],
    ids=["untouched", "scaled", "another patient's"],
)
def test_0_is_the_image_itself_and_1_another_patients(here, masked, value):
    full = cloud(2)
    found = departure(WithoutROI()).estimate(here, embedded(full, masked(full)))
    assert found.value == pytest.approx(value, abs=0.15 if value else 1e-5)


def test_all_patients_alike_is_no_division_by_nothing(here):
    full = np.ones((COUNT, 4))
    assert departure(WithoutROI()).estimate(here, embedded(full, full)).value == 0


def test_a_classifier_tells_masked_images_by_what_masking_changes(here):
    full = cloud(3)
    found = domain(WithoutROI()).estimate(here, embedded(full, full + np.eye(6)[0] * 3))
    assert found.value > 0.9
    assert found.n_images == 2 * COUNT
    assert found.label == "AUROC of a classifier of images without ROI against full ones"


def test_it_does_not_tell_them_by_knowing_the_patient(here):
    """An image and its masked version are never on two sides of a fold."""
    full = 30 * cloud(4, 60, 40)
    found = domain(WithoutROI()).estimate(
        here, embedded(full, full + 0.01 * cloud(5, 60, 40), [f"p{i // 2}" for i in range(60)])
    )
    assert found.interval(0.99)[0] < 0.5 or found.value < 0.6


def test_embeddings_of_images_that_cannot_be_used_are_left_out(here):
    full, masked = cloud(6), cloud(6) + 0.5 * cloud(7)
    used = np.arange(COUNT) % 4 > 0
    broken = masked.copy()
    broken[~used] = np.nan
    found = departure(WithoutROI()).estimate(here, embedded(full, broken, used=used))
    assert np.isfinite(found.value)
    assert found.n_images == used.sum()
    assert domain(WithoutROI()).estimate(here, embedded(full, broken, used=used)).n_images == (
        2 * used.sum()
    )


@pytest.mark.parametrize("need", [departure(WithoutROI()), domain(WithoutROI())])
def test_without_a_layer_to_take_them_from_there_are_no_embeddings(here, need):
    assert isinstance(need, Need)
    assert [r.masking.id for r in need.requests(here)] == ["full", HIDDEN]
    stored = Stored(
        [case(i, i % 2, site="", age="") for i in range(COUNT)],
        {"full": table(np.zeros(COUNT), 0.0), HIDDEN: table(np.zeros(COUNT))},
    )
    with pytest.raises(NotApplicable, match="names no layer to take embeddings from"):
        need.estimate(here, stored)


def test_few_patients_are_no_cross_validation(here):
    few = cloud(8, 8)
    with pytest.raises(NotApplicable, match="too few for 5-fold"):
        domain(WithoutROI()).estimate(here, embedded(few, few + 1))
