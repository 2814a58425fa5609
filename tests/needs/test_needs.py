"""Needs: estimates from stored evidence, and when they have no meaning."""

from __future__ import annotations

import numpy as np
import pytest

from audit_suite import NotApplicable, OnlyROI, WithoutROI, auroc, flip_rate, score_shift
from audit_suite.cards import load_dataset_card, load_model_card
from audit_suite.datasets import Case
from audit_suite.evidence import Cell, ScoreTable
from audit_suite.maskings import Full
from audit_suite.needs import Need
from audit_suite.statistics import estimate_auroc

MODEL = """
schema = 1
name = "m"
targets = ["other", "sick"]
loader = "callable"
architecture = "x.py:y"
activation = "{activation}"
[input]
size = [8, 8]
"""

DATASET = """
schema = 1
name = "d"
reader = "manifest"
manifest = "m.csv"
[targets.sick]
column = "sick"
roi = ["lungs"]
[regions.lungs]
column = "mask"
[regions.heart]
column = "heart"
"""

N = 40


class Stored:
    """Evidence that a test made up."""

    def __init__(self, tables):
        rng = np.random.default_rng(0)
        self.labels = np.arange(N) % 2
        self.digest = "digest"
        self.cases = tuple(
            Case(str(i), f"p{i // 2}", {"sick": int(label)}, {}, i)
            for i, label in enumerate(self.labels)
        )
        self.tables, self.rng, self.asked = tables, rng, []

    def dataset(self, card):
        return self

    def table(self, request):
        self.asked.append(request)
        return self.tables[request.masking.id]


def table(scores, hidden=0.3, used=None):
    both = np.stack([np.zeros(N), scores], axis=1).astype(np.float32)
    used = np.ones(N, bool) if used is None else used
    both[~used] = np.nan
    share = np.full(N, hidden, np.float32)
    return ScoreTable(both, share, np.ones_like(share), used, None, None, None, ())


@pytest.fixture
def cell(tmp_path):
    def make(activation="sigmoid"):
        (tmp_path / "m.toml").write_text(MODEL.format(activation=activation))
        (tmp_path / "d.toml").write_text(DATASET)
        model, dataset = (
            load_model_card(tmp_path / "m.toml"),
            load_dataset_card(tmp_path / "d.toml"),
        )
        return Cell(model, (None,), dataset, "sick")

    return make


def test_auroc_reads_the_targets_own_column_and_the_used_images(cell):
    scores = np.random.default_rng(1).random(N).astype(np.float32)
    used = np.arange(N) % 5 != 0
    stored = Stored({"full": table(scores, hidden=0.0, used=used)})
    found = auroc().estimate(cell(), stored)
    patients = [f"p{i // 2}" for i in range(N)]
    expected = estimate_auroc(
        stored.labels[used], scores[used].astype(float), np.array(patients)[used], "digest"
    )
    assert found.value == expected.value
    assert found.se == expected.se
    assert found.label == "AUROC"
    assert found.n_images == used.sum()


def test_needs_declare_what_they_read(cell):
    here = cell()
    assert [r.masking.id for r in auroc(WithoutROI(fill="mean")).requests(here)] == [
        "without-lungs-mean"
    ]
    assert [r.masking.id for r in flip_rate(OnlyROI()).requests(here)] == ["full", "only-lungs"]
    assert [r.masking.id for r in score_shift(WithoutROI("heart")).requests(here)] == [
        "full",
        "without-heart",
    ]
    for need in (auroc(), flip_rate(OnlyROI()), score_shift(OnlyROI())):
        assert isinstance(need, Need)
        assert need.id.isascii()
    with pytest.raises(NotApplicable, match="no region 'liver'"):
        auroc(WithoutROI("liver")).requests(here)


@pytest.mark.parametrize(
    ("masking", "hidden", "applies"),
    [
        (WithoutROI(), 0.89, True),
        (WithoutROI(), 0.95, False),
        (OnlyROI(), 0.11, True),
        (OnlyROI(), 0.02, False),
    ],
)
def test_a_region_that_fills_the_frame_asks_nothing(cell, masking, hidden, applies):
    name = cell().requests(masking)[0].masking.id
    stored = Stored({name: table(np.arange(N) / N, hidden=hidden)})
    if applies:
        assert auroc(masking).estimate(cell(), stored).value > 0
    else:
        with pytest.raises(NotApplicable, match=r"fills a median 9[58]% of the image"):
            auroc(masking).estimate(cell(), stored)


def test_shift_and_flips(cell):
    full = np.where(np.arange(N) % 2, 0.9, 0.2)
    masked = np.where(np.arange(N) < 20, 0.1, 0.7)
    stored = Stored({"full": table(full, hidden=0.0), "without-lungs": table(masked)})
    shift = score_shift(WithoutROI()).estimate(cell(), stored)
    flips = flip_rate(WithoutROI()).estimate(cell(), stored)
    assert shift.value == pytest.approx((masked - full).mean(), abs=1e-6)
    assert flips.value == 0.5, "ten of the twenty detected positives fall below one half"
    assert flips.n_images == 20
    assert shift.label == "mean score shift without ROI"


def test_flips_need_probabilities_and_a_detected_positive(cell):
    stored = Stored(
        {"full": table(np.full(N, 0.1), hidden=0.0), "without-lungs": table(np.full(N, 0.1))}
    )
    with pytest.raises(NotApplicable, match=r"no positive image reaches a score of 0\.5"):
        flip_rate(WithoutROI()).estimate(cell(), stored)
    with pytest.raises(NotApplicable, match="no probabilities"):
        flip_rate(WithoutROI()).estimate(cell("none"), stored)


def test_the_same_need_twice_is_one(cell):
    assert auroc(WithoutROI()) == auroc(WithoutROI())
    assert auroc() == auroc(Full())
    assert len({auroc(), auroc(Full()), auroc(OnlyROI())}) == 2
