"""AUROC, shift and flips of scores, and when they have no meaning."""

from __future__ import annotations

import numpy as np
import pytest
from needs.evidence import Stored, binormal, case, table
from needs.evidence import cell as make_cell
from scipy.special import logit

from audit_suite import NotApplicable, OnlyROI, WithoutROI, auroc, flip_rate, score_shift
from audit_suite.errors import AuditError
from audit_suite.maskings import Full
from audit_suite.needs import Need
from audit_suite.needs.scores.cell_scores import cell_scores
from audit_suite.statistics import estimate_auroc

N = 40
HEART = 'roi = ["lungs"]\n[regions.heart]\ncolumn = "heart"'


def stored(**tables):
    """Two images of each patient, scored by a model of two targets: ours is the second."""
    cases = [case(i, i % 2, f"p{i // 2}") for i in range(N)]
    return Stored(cases, {name.replace("_", "-"): one for name, one in tables.items()})


def scored(scores, hidden=0.3, used=None):
    return table(scores, hidden, used, targets=2)


@pytest.fixture
def cell(tmp_path):
    def make(activation="sigmoid", lines=""):
        names = "other", "sick"
        return make_cell(
            tmp_path, size=8, activation=activation, targets=names, model=lines, roi=HEART
        )

    return make


def test_auroc_reads_the_targets_own_column_and_the_used_images(cell):
    scores = np.random.default_rng(1).random(N).astype(np.float32)
    used = np.arange(N) % 5 != 0
    evidence = stored(full=scored(scores, hidden=0.0, used=used))
    found = auroc().estimate(cell(), evidence)
    patients = [f"p{i // 2}" for i in range(N)]
    expected = estimate_auroc(
        evidence.labels[used], scores[used].astype(float), np.array(patients)[used], "digest"
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
    evidence = stored(**{name: scored(np.arange(N) / N, hidden=hidden)})
    if applies:
        assert auroc(masking).estimate(cell(), evidence).value > 0
    else:
        with pytest.raises(NotApplicable, match=r"fills a median 9[58]% of the image"):
            auroc(masking).estimate(cell(), evidence)


def test_shift_and_flips(cell):
    full = np.where(np.arange(N) % 2, 0.9, 0.2)
    masked = np.where(np.arange(N) < 20, 0.1, 0.7)
    evidence = stored(full=scored(logit(full), hidden=0.0), without_lungs=scored(logit(masked)))
    shift = score_shift(WithoutROI()).estimate(cell(), evidence)
    flips = flip_rate(WithoutROI()).estimate(cell(), evidence)
    assert shift.value == pytest.approx((masked - full).mean(), abs=1e-6)
    assert flips.value == 0.5, "ten of the twenty detected positives fall below one half"
    assert flips.n_images == 20
    assert shift.label == "mean score shift without ROI"


def test_flips_need_probabilities_and_a_detected_positive(cell):
    evidence = stored(
        full=scored(np.full(N, -2.0), hidden=0.0), without_lungs=scored(np.full(N, -2.0))
    )
    with pytest.raises(NotApplicable, match=r"no positive image reaches a score of 0\.5"):
        flip_rate(WithoutROI()).estimate(cell(), evidence)
    with pytest.raises(NotApplicable, match="are not probabilities"):
        flip_rate(WithoutROI()).estimate(cell("none"), evidence)


def test_what_the_card_calls_probabilities_flips_at_one_half_and_is_ranked_as_it_is(cell):
    full = np.where(np.arange(N) % 2, 0.9, 0.2)
    masked = np.where(np.arange(N) < 20, 0.1, 0.7)
    evidence = stored(full=scored(full, hidden=0.0), without_lungs=scored(masked))
    here = cell("none", "probabilities = true")
    assert flip_rate(WithoutROI()).estimate(here, evidence).value == 0.5
    assert score_shift(WithoutROI()).estimate(here, evidence).value == pytest.approx(
        (masked - full).mean()
    )
    assert np.array_equal(cell_scores(here, evidence, Full()).scores, full)


def test_a_probability_above_one_names_the_key_that_calls_it_so(cell):
    evidence = stored(full=scored(np.arange(N) / 10, hidden=0.0))
    with pytest.raises(AuditError, match=r"m\.toml: key 'probabilities' .* go from 0 to 3\.9"):
        auroc().estimate(cell("none", "probabilities = true"), evidence)


def test_the_shift_of_numbers_of_its_own_is_on_their_scale(cell):
    evidence = stored(
        full=scored(np.full(N, 7.0), hidden=0.0), without_lungs=scored(np.full(N, 3.0))
    )
    assert score_shift(WithoutROI()).estimate(cell("none"), evidence).value == -4


def test_the_same_need_twice_is_one(cell):
    assert auroc(WithoutROI()) == auroc(WithoutROI())
    assert auroc() == auroc(Full())
    assert len({auroc(), auroc(Full()), auroc(OnlyROI())}) == 2


@pytest.mark.parametrize(
    ("share", "applies"), [(0.2, True), (0.44, True), (0.47, False), (0.62, False), (0.85, False)]
)
def test_where_no_area_of_its_size_lies_off_the_region_none_is_asked_for(cell, share, applies):
    """Lung boxes fill a median 62 % of the image: all that is off them is no equal of theirs."""
    labels, scores = binormal(0.8, 40)
    cases = [case(i, label) for i, label in enumerate(labels)]
    off = min(share, 1 - share)
    tables = {
        "without-lungs": scored(scores, share),
        "without-lungs-elsewhere": scored(scores, off),
    }
    evidence, need = Stored(cases, tables), auroc(WithoutROI(whose="elsewhere"))
    if applies:
        assert need.estimate(cell(), evidence).value > 0.7
    else:
        with pytest.raises(NotApplicable, match=f"fills a median {share:.0%} of the image"):
            need.estimate(cell(), evidence)
