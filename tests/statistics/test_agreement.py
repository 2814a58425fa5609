"""Agreement beyond chance: against printed examples, scikit-learn, a bootstrap, and simulation."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import norm
from sklearn.metrics import cohen_kappa_score

from audit_suite.errors import AuditError
from audit_suite.statistics import estimate_ac1, estimate_fleiss, estimate_kappa
from audit_suite.verdict import NotApplicable

NAN = float("nan")
RATINGS = (-5, -4, -3, -2, -1, 1, 2, 3, 4, 5)  # forms.Judgement.rating
OF_MANY = [estimate_fleiss, estimate_ac1]

# Cohen 1960, table 1; Fleiss, Levin and Paik, Statistical Methods for Rates and Proportions, table
# 18.1; SAS/STAT's PROC FREQ; cont3x3abstractors of Gwet's R package irrCAC.
COHEN = [[88, 14, 18], [10, 40, 10], [2, 6, 12]]
PAIK = [[75, 1, 4], [5, 4, 1], [0, 0, 10]]
SAS = [[0, 4, 1], [0, 8, 0], [0, 1, 5]]
ABSTRACTORS = [[13, 0, 0], [0, 20, 7], [0, 4, 56]]

# Fleiss 1971, table 1: how many of six psychiatrists gave each of five diagnoses, as read by R's
# irr; the first fifteen patients are irrCAC's distrib.6raters.
FLEISS = """
00060 03003 01401 00006 03030 20400 00402 20310 20040 00006 10050 11040 03300 10050 02031
00501 30012 51000 02040 10203 00006 01050 02013 20040 10041 05010 40002 02040 10500 00006
"""
# Gwet, Handbook of Inter-Rater Reliability, 2014: cac.raw4raters of irrCAC.
GWET = """
11.1 2232 3333 3333 2222 1234 4444 1121 2222 .555 ..11 ..3.
"""


def items(table):
    """The items of a cross-table: first and second rating, each of shape (n,)."""
    cells = np.array(table)
    return np.repeat(np.argwhere(cells >= 0), cells.ravel(), axis=0).T


def psychiatrists():
    return np.array([np.repeat(range(5), [*map(int, row)]) for row in FLEISS.split()])


def gwet():
    return np.array([[NAN if c == "." else int(c) for c in row] for row in GWET.split()])


def many(ratings, times=400):
    """The same ratings, of so many times the patients: where all standard errors agree."""
    return np.tile(ratings, (times, 1)), np.arange(times * len(ratings))


@pytest.mark.parametrize(
    ("table", "value"), [(COHEN, 0.492), (PAIK, 0.676), (SAS, 0.4842), (ABSTRACTORS, 0.7964094)]
)
def test_printed_kappas(table, value):
    first, second = items(table)
    found = estimate_kappa(first, second, range(len(first)), "d")
    assert found.value == pytest.approx(value, abs=5e-4 if value < 0.7 else 5e-8)


@pytest.mark.parametrize(
    ("table", "weights", "value", "error"),
    [
        (SAS, "none", 0.4842, 0.1380),
        (SAS, "linear", 0.4701, 0.1457),
        (ABSTRACTORS, "none", 0.7964, 0.0589),
    ],
)
def test_printed_standard_errors_are_those_of_large_samples(table, weights, value, error):
    ratings, patients = many(items(table).T)
    found = estimate_kappa(*ratings.T, patients, "d", weights=weights, levels=(0, 1, 2))
    assert round(found.value, 4) == value
    assert found.se * 20 == pytest.approx(error, abs=1e-4)
    first, second = items(table)
    few = estimate_kappa(first, second, range(len(first)), "d", weights=weights, levels=(0, 1, 2))
    assert 1 < few.se / error < 1.15


@pytest.mark.parametrize(
    ("estimate", "ratings", "levels", "value", "error"),
    [
        (estimate_fleiss, psychiatrists(), 5, 0.4302445, None),
        (estimate_fleiss, psychiatrists()[:15], 5, 0.4139265, 0.0811929),
        (estimate_ac1, psychiatrists()[:15], 5, 0.4448007, 0.0841876),
        (estimate_fleiss, items(ABSTRACTORS).T, 3, 0.7962397, 0.0590547),
        (estimate_ac1, items(ABSTRACTORS).T, 3, 0.8493305, 0.0432175),
        (estimate_fleiss, gwet(), 6, 0.76117, None),
        (estimate_ac1, gwet() - 1, 5, 0.77544, None),
    ],
)
def test_printed_agreement_of_many(estimate, ratings, levels, value, error):
    found = estimate(ratings, range(len(ratings)), "d", levels=range(levels))
    assert found.value == pytest.approx(value, abs=5e-6)
    if error is not None:
        again = estimate(*many(ratings), "d", levels=range(levels))
        if levels == 5:  # irrCAC divides by n - 1, but not for a cross-table
            error *= (1 - 1 / len(ratings)) ** 0.5
        assert again.se * 20 == pytest.approx(error, abs=2e-4)


tables = st.integers(0, 10**6).map(np.random.default_rng)


def world(rng, n=30, images=3, raters=2, levels=3, noise=0.8):
    """Ratings 0 to levels - 1 of shape (n_items, raters), and patients who share a part."""
    patients = np.repeat(np.arange(n), rng.integers(1, images + 1, n))
    truth = rng.normal(size=n)[patients] + 0.5 * rng.normal(size=len(patients))
    seen = truth[:, None] + noise * rng.normal(size=(len(patients), raters))
    ratings = np.digitize(seen, np.linspace(-1, 1, levels + 1)[1:-1])
    ratings[0], ratings[1] = 0, levels - 1
    return ratings, patients


@settings(max_examples=25, deadline=None)
@given(tables, st.sampled_from(["none", "linear", "quadratic"]), st.integers(2, 10))
def test_kappa_is_scikit_learns(rng, weights, levels):
    ratings, patients = world(rng, levels=levels)
    found = estimate_kappa(*ratings.T, patients, "d", weights=weights, levels=range(levels))
    name = None if weights == "none" else weights
    known = cohen_kappa_score(*ratings.T, weights=name, labels=range(levels))
    assert found.value == pytest.approx(known)


@settings(max_examples=25, deadline=None)
@given(tables)
def test_agreement_of_many_is_that_of_pairs(rng):
    ratings, patients = world(rng, raters=4)
    ratings = np.where(rng.random(ratings.shape) < 0.3, NAN, ratings)
    ratings[:2] = [[0] * 4, [2] * 4]
    rated = ~np.isnan(ratings)
    pairs = [
        [row[i] == row[j] for i in range(4) for j in range(i) if rated[k, i] and rated[k, j]]
        for k, row in enumerate(ratings)
    ]
    seen = np.mean([np.mean(pair) for pair in pairs if pair])
    shares = np.mean(
        [
            [np.mean(row[~np.isnan(row)] == level) for level in range(3)]
            for row in ratings[rated.any(1)]
        ],
        axis=0,
    )
    for estimate, chance in (
        (estimate_fleiss, (shares**2).sum()),
        (estimate_ac1, (shares * (1 - shares)).sum() / 2),
    ):
        found = estimate(ratings, patients, "d", levels=range(3))
        assert found.value == pytest.approx((seen - chance) / (1 - chance))
        assert found.n_images == rated.any(1).sum()


def same(one, other):
    return (
        one.value == pytest.approx(other.value)
        and one.se == pytest.approx(other.se)
        and one.interval() == pytest.approx(other.interval())
        and one.fewest == other.fewest
    )


@settings(max_examples=25, deadline=None)
@given(tables, st.sampled_from(["none", "linear", "quadratic"]))
def test_nobody_is_the_first_rater_and_no_item_the_first_item(rng, weights):
    ratings, patients = world(rng, levels=5)

    def kappa(ratings, patients):
        return estimate_kappa(*ratings.T, patients, "d", weights=weights, levels=range(5))

    found = kappa(ratings, patients)
    order = rng.permutation(len(patients))
    assert same(kappa(ratings[:, ::-1], patients), found)
    assert same(kappa(ratings[order], patients[order]), found)
    assert same(kappa(4 - ratings, patients), found), "the scale may be turned"


@settings(max_examples=25, deadline=None)
@given(tables, st.permutations(range(3)), st.permutations(range(4)))
def test_names_of_levels_and_order_of_raters_do_not_matter(rng, names, raters):
    ratings, patients = world(rng, raters=4)
    renamed = np.array(names)[ratings][:, raters]
    for estimate in OF_MANY:
        found = estimate(ratings, patients, "d", levels=range(3))
        assert same(estimate(renamed, patients, "d", levels=range(3)), found)
    assert same(
        estimate_kappa(*renamed[:, :2].T, patients, "d"),
        estimate_kappa(*ratings[:, raters][:, :2].T, patients, "d"),
    )


@settings(max_examples=25, deadline=None)
@given(tables)
def test_ratings_of_the_forms_are_levels_in_order(rng):
    ratings, patients = world(rng, levels=10)
    named = np.array(RATINGS)[ratings]
    found = estimate_kappa(*named.T, patients, "d", weights="quadratic", levels=RATINGS)
    known = estimate_kappa(*ratings.T, patients, "d", weights="quadratic", levels=range(10))
    assert same(found, known)


@settings(max_examples=25, deadline=None)
@given(tables)
def test_what_was_not_rated_is_left_out(rng):
    ratings, patients = world(rng, n=40)
    ratings = ratings.astype(float)
    gone = rng.random(len(patients)) < 0.2
    gone[:2] = False
    ratings[gone, rng.integers(0, 2)] = NAN
    found = estimate_kappa(*ratings.T, patients, "d")
    assert same(found, estimate_kappa(*ratings[~gone].T, patients[~gone], "d"))
    unread = np.full((3, 2), NAN)
    more = np.concatenate([ratings, unread]), np.r_[patients, [90, 91, 92]]
    assert same(estimate_fleiss(*more, "d"), estimate_fleiss(ratings, patients, "d"))


@settings(max_examples=25, deadline=None)
@given(tables)
def test_rebuilt_on_some_patients(rng):
    ratings, patients = world(rng, raters=3)
    kept = patients < 20
    for estimate in OF_MANY:
        whole = estimate(ratings, patients, "d", levels=range(3))
        part = estimate(ratings[kept], patients[kept], "d", levels=range(3))
        assert same(whole.restrict_to_shared(part)[0], part)
    whole, part = (
        estimate_kappa(*ratings[use, :2].T, patients[use], "d") for use in (patients >= 0, kept)
    )
    assert same(whole.restrict_to_shared(part)[0], part)


def test_the_standard_error_is_that_of_a_patient_bootstrap():
    rng = np.random.default_rng(3)
    ratings, patients = world(rng, n=150, images=5, raters=3, levels=10)
    ratings = np.where(rng.random(ratings.shape) < 0.1, NAN, ratings)
    both = ~np.isnan(ratings[:, :2]).any(axis=1)

    def quadratic(use, names):
        use = use[both[use]]
        return estimate_kappa(
            *ratings[use, :2].T, names[use], "d", weights="quadratic", levels=range(10)
        )

    def fleiss(use, names):
        return estimate_fleiss(ratings[use], names[use], "d", levels=range(10))

    def ac1(use, names):
        return estimate_ac1(ratings[use], names[use], "d", levels=range(10))

    rows = [np.flatnonzero(patients == patient) for patient in range(150)]
    for estimate in (quadratic, fleiss, ac1):
        found = estimate(np.arange(len(patients)), patients)
        again = [
            estimate(np.concatenate([rows[i] for i in rng.integers(0, 150, 150)]), patients).value
            for _ in range(200)
        ]
        assert found.se == pytest.approx(np.std(again), rel=0.12)


def clustered(rng, n, images, raters, share, noise):
    """Binary ratings whose truth has correlation .7 between a patient's items."""
    patients = np.repeat(np.arange(n), images)
    truth = 0.7**0.5 * rng.normal(size=n)[patients] + 0.3**0.5 * rng.normal(size=n * images)
    seen = truth[:, None] + noise * rng.normal(size=(n * images, raters))
    return (seen > (1 + noise**2) ** 0.5 * norm.ppf(1 - share)).astype(int), patients


def kappa_of_two(ratings, patients, dataset):
    return estimate_kappa(*ratings[:, :2].T, patients, dataset)


@pytest.mark.parametrize(
    ("estimate", "n", "images", "share", "noise"),
    [
        (kappa_of_two, 60, 4, 0.3, 0.4),
        (kappa_of_two, 100, 1, 0.3, 0.4),
        (estimate_fleiss, 60, 4, 0.3, 0.4),
        (estimate_ac1, 60, 4, 0.1, 0.4),
    ],
)
def test_intervals_cover(estimate, n, images, share, noise):
    rng = np.random.default_rng(7)
    truth = estimate(*clustered(rng, 50_000, images, 4, share, noise), "d").value
    covered = []
    for _ in range(300):
        low, high = estimate(*clustered(rng, n, images, 4, share, noise), "d").interval()
        covered.append(low <= truth <= high)
    assert 0.93 <= np.mean(covered) <= 0.975


@pytest.mark.parametrize("n", [10, 30, 200])
def test_perfect_agreement_has_an_interval(n):
    first = np.arange(n) % 2
    for found in (
        estimate_kappa(first, first, range(n), "d"),
        estimate_kappa(first, first, range(n), "d", weights="quadratic", levels=range(5)),
        estimate_fleiss(np.stack([first] * 3, 1), range(n), "d"),
        estimate_ac1(np.stack([first] * 3, 1), range(n), "d"),
        estimate_ac1(np.zeros((n, 2)), range(n), "d"),
    ):
        low, high = found.interval()
        assert found.value == high == 1
        assert -0.5 < low < 1 - 1 / n
    opposed = estimate_kappa(first, 1 - first, range(n), "d")
    assert opposed.interval()[0] == opposed.value == -1
    assert opposed.interval()[1] > -1 + 1 / n


def test_perfect_intervals_cover():
    """Two readers who differ in 1 of 50 items: a sample without a difference must allow for it."""
    rng = np.random.default_rng(5)
    covered = []
    for _ in range(400):
        first = rng.integers(0, 2, 40)
        second = np.where(rng.random(40) < 0.02, 1 - first, first)
        low, high = estimate_kappa(first, second, range(40), "d").interval()
        covered.append(low <= 0.96 <= high)
    assert np.mean(covered) >= 0.93


def test_one_rating_for_all_items_is_no_certainty():
    """A reader who says "absent" of everything agrees with another as chance does, exactly."""
    few, many = (estimate_kappa(np.zeros(n), np.arange(n) % 2, range(n), "d") for n in (30, 3000))
    assert few.value == many.value == 0
    assert few.interval()[1] > 0.03 > 0.003 > many.interval()[1] > 0


def test_agreement_that_hangs_on_one_patient_is_no_certainty():
    first = np.r_[1, np.zeros(39)]
    found = estimate_kappa(first, first, range(40), "d")
    assert found.value == 1
    assert found.fewest == 1
    assert found.interval()[0] < 0, "without that patient nothing is left to agree on"


def test_where_all_say_absent_only_ac1_is_defined():
    nothing = np.zeros((30, 3))
    with pytest.raises(NotApplicable, match="every rating is 0, so chance agrees"):
        estimate_kappa(nothing[:, 0], nothing[:, 1], range(30), "d")
    with pytest.raises(NotApplicable, match="not defined"):
        estimate_fleiss(nothing, range(30), "d")
    found = estimate_ac1(nothing, range(30), "d")
    assert found.value == 1
    assert found.interval()[0] < 0.95


def test_rare_findings_bring_kappa_down_and_hardly_ac1():
    """Gwet 2008: of 125 items both give 118 the first level, none the second, and differ on 7."""
    first, second = items([[118, 5], [2, 0]])
    kappa, ac1 = (
        kappa_of_two(np.stack([first, second], 1), range(125), "d"),
        estimate_ac1(np.stack([first, second], 1), range(125), "d"),
    )
    assert kappa.value == pytest.approx(-0.0234, abs=1e-4)
    assert ac1.value == pytest.approx(0.9408, abs=1e-4)


def test_differences_are_paired_and_identical_ones_cancel():
    ratings, patients = world(np.random.default_rng(1), n=100, raters=3)
    a = estimate_kappa(*ratings[:, [0, 1]].T, patients, "d")
    b = estimate_kappa(*ratings[:, [0, 2]].T, patients, "d")
    perfect = estimate_kappa(*ratings[:, [0, 0]].T, patients, "d")
    assert (a - b).se < (a.se**2 + b.se**2) ** 0.5
    assert (a - a).se == (perfect - perfect).se == 0


def test_what_a_verdict_needs():
    """The rarer rating's patients decide whether there are enough for a verdict."""
    ratings = np.zeros((120, 2))
    ratings[:14] = 1
    found = estimate_kappa(*ratings.T, np.arange(120) // 2, "d")
    assert (found.n_images, found.n_patients, found.fewest) == (120, 60, 7)
    assert estimate_ac1(ratings, np.arange(120) // 2, "d").fewest == 60


@pytest.mark.parametrize(
    ("first", "second", "patients", "levels", "message"),
    [
        ([0, 1], [0, 1, 1], [1, 2], None, "shapes"),
        ([0, 1], [0, 1], [1, 2, 3], None, "shapes"),
        ([0, 1, 2], [0, 1, 1], [1, 2, 3], (0, 1), "1 ratings are not among the levels"),
        ([0, 1], [0, 1], [1, 1], None, "1 patients"),
        ([NAN, 1, 0], [0, 1, NAN], [1, 2, 3], None, "1 patients"),
        ([], [], [], None, "0 patients"),
    ],
)
def test_bad_input_is_an_error(first, second, patients, levels, message):
    with pytest.raises(AuditError, match=message):
        estimate_kappa(first, second, patients, "d", levels=levels)


def test_bad_input_of_many_is_an_error():
    for estimate in OF_MANY:
        with pytest.raises(AuditError, match="no item has two ratings"):
            estimate([[0, NAN], [NAN, 1], [1, NAN]], range(3), "d")
        with pytest.raises(AuditError, match="one column per rater"):
            estimate([[0], [1]], range(2), "d")
    with pytest.raises(ValueError, match="at least two"):
        estimate_ac1([[0, 1], [1, 1]], range(2), "d", levels=(0,))
    with pytest.raises(ValueError, match="needs all its levels"):
        estimate_kappa([0, 1], [0, 1], range(2), "d", weights="linear")
