"""The tabular baseline (M1, M2, M4): every scored image, nothing dropped, paired by patient."""

from __future__ import annotations

import numpy as np
import pytest
from needs.evidence import Stored, case, cell, judged, table, verdict
from scipy.stats import spearmanr

from audit_suite import NotApplicable, agreement, auroc, baseline
from audit_suite.needs import Need
from audit_suite.needs.classifier import cross_validate, cross_validated_auroc, tabular

COUNT = 120
DECLARED = 'metadata = ["age", "site"]'


def sigmoid(values):
    return 1 / (1 + np.exp(-np.asarray(values)))


class Cohort(Stored):
    """Two images of every fourth patient; age and site tell the label, with gaps."""

    def __init__(self, seed=0, age=1.0, gaps=0.2, count=COUNT):
        rng = np.random.default_rng(seed)
        self.labels_, patients = rng.permutation(np.arange(count) % 2), []
        for i in range(count):
            twin = i % 4 == 1 and self.labels_[i] == self.labels_[i - 1]
            patients.append(f"p{i - twin}")
        self.age = rng.normal(60, 10, count) + 10 * age * self.labels_
        self.site = np.where(rng.random(count) < 0.3 + 0.3 * self.labels_, "east", "west")
        known = rng.random((2, count)) >= gaps
        cases = [
            case(
                i,
                self.labels_[i],
                patients[i],
                age=f"{self.age[i]:.0f}" if known[0, i] else "",
                site=str(self.site[i]) if known[1, i] else "",
            )
            for i in range(count)
        ]
        self.noise = rng.normal(size=count)
        super().__init__(cases, {}, digest=f"cohort {seed} {age} {gaps} {count}")

    def scored(self, scores, used=None):
        """The same cohort with a model's scores on it."""
        self.tables = {"full": table(scores, 0.0, used)}
        return self


@pytest.fixture
def certain(tmp_path):
    """A cell whose model returns probabilities."""
    lines = "probabilities = true"
    return cell(tmp_path, activation="none", model=lines, top=DECLARED)


@pytest.fixture
def here(tmp_path):
    return cell(tmp_path, top=DECLARED)


def test_the_baseline_is_a_cross_validated_regression_on_what_the_card_declares(here):
    cohort = Cohort().scored(np.full(COUNT, 0.5))
    found = baseline().estimate(here, cohort)
    rows = [[case.metadata["age"], case.metadata["site"]] for case in cohort.cases]
    features, classifier = tabular(rows)
    expected = cross_validated_auroc(
        features, cohort.labels, cohort.patients, "d", classifier, cohort.profile.seed, "x"
    )
    assert found.value == expected.value
    assert found.label == "AUROC of metadata alone"
    assert found.value > 0.7
    assert found.interval()[0] > 0.5


def test_only_declared_metadata_are_read(tmp_path):
    """Undeclared columns may be anything, the label itself included."""
    cohort = Cohort(age=0).scored(np.full(COUNT, 0.5))
    cohort.cases = tuple(
        case(i, c.labels["sick"], c.patient, age=c.metadata["age"], told=str(c.labels["sick"]))
        for i, c in enumerate(cohort.cases)
    )
    blind = baseline().estimate(cell(tmp_path, top='metadata = ["age"]'), cohort)
    seeing = baseline().estimate(cell(tmp_path, top='metadata = ["age", "told"]'), cohort)
    assert blind.interval()[0] < 0.5
    assert seeing.value > 0.99


def test_no_row_is_dropped_and_images_are_paired_by_patient(here):
    """Sourget et al. 2024 dropped rows with gaps, which mis-paired the comparison."""
    cohort = Cohort(gaps=0.5).scored(sigmoid(Cohort(gaps=0.5).noise))
    full, metadata = auroc().estimate(here, cohort), baseline().estimate(here, cohort)
    assert full.n_images == metadata.n_images == COUNT
    assert full.n_positives == metadata.n_positives
    shared = full.influence.shared_with(metadata.influence)
    assert sum(map(len, shared.values())) == full.n_patients
    blank = sum(not any(case.metadata.values()) for case in cohort.cases)
    assert blank > 10, "images of which nothing is known are compared too"


def test_images_the_model_was_not_scored_on_are_left_out_of_both(here):
    used = np.arange(COUNT) % 6 > 0
    cohort = Cohort().scored(np.linspace(0.1, 0.9, COUNT), used)
    for need in (auroc(), baseline(), baseline(with_score=True)):
        assert need.estimate(here, cohort).n_images == used.sum()


def test_the_score_is_added_to_the_metadata(here):
    cohort = Cohort(age=0.5)
    rng = np.random.default_rng(3)
    cohort.scored(sigmoid(1.5 * cohort.labels + rng.normal(size=COUNT)))
    metadata, both = (
        need.estimate(here, cohort) for need in (baseline(), baseline(with_score=True))
    )
    assert both.label == "AUROC of metadata and score"
    assert both.value > metadata.value + 0.1
    assert both.value > auroc().estimate(here, cohort).value - 0.03
    assert (both - metadata).se < (both.se**2 + metadata.se**2) ** 0.5, "paired, in the same folds"


def test_probabilities_enter_as_log_odds(here, certain):
    """A regression adds log odds: a probability and its log odds are one score."""
    cohort = Cohort()
    rng = np.random.default_rng(3)
    odds = 2 * cohort.labels + 2 * rng.normal(size=COUNT)
    one = baseline(with_score=True).estimate(here, cohort.scored(odds))
    two = baseline(with_score=True).estimate(certain, cohort.scored(sigmoid(odds)))
    assert two.value == pytest.approx(one.value, abs=1e-3)


@pytest.mark.parametrize("scores", [np.arange(COUNT) % 2 * 1.0, np.ones(COUNT), np.zeros(COUNT)])
def test_certain_scores_are_no_error(certain, scores):
    found = baseline(with_score=True).estimate(certain, Cohort().scored(scores))
    assert 0.5 < found.value <= 1


def test_scores_that_reach_0_and_1_keep_their_order(certain):
    """Infinite log odds would be no numbers, and every score a category of its own."""
    cohort = Cohort(age=0)
    cohort.scored(np.clip(0.5 + 0.5 * (cohort.labels - 0.5) + 0.25 * cohort.noise, 0, 1))
    assert {0.0, 1.0} <= set(cohort.tables["full"].scores[:, 0].tolist())
    both = baseline(with_score=True).estimate(certain, cohort)
    assert both.value > auroc().estimate(certain, cohort).value - 0.05 > 0.8


@pytest.mark.parametrize("need", [baseline(), baseline(with_score=True), agreement("positive")])
def test_without_metadata_there_is_no_baseline(tmp_path, need):
    cohort = Cohort().scored(np.linspace(0, 1, COUNT))
    with pytest.raises(NotApplicable, match="declares no metadata"):
        need.estimate(cell(tmp_path), cohort)
    empty = Cohort(gaps=1.0).scored(np.linspace(0, 1, COUNT))
    with pytest.raises(NotApplicable, match="no image of 'd' has a value of age, site"):
        need.estimate(cell(tmp_path, top=DECLARED), empty)


def test_too_few_patients_for_folds_is_no_verdict(here):
    few = Cohort(count=16).scored(np.linspace(0, 1, 16))
    with pytest.raises(NotApplicable, match="too few for 5-fold cross-validation"):
        baseline().estimate(here, few)


def test_needs_of_metadata_say_who_they_are(here):
    needs = [baseline(), baseline(with_score=True), agreement("positive"), agreement("negative")]
    assert [need.id for need in needs] == [
        "metadata",
        "metadata-and-score",
        "positive",
        "negative",
    ]
    for need in needs:
        assert isinstance(need, Need)
        assert [request.masking.id for request in need.requests(here)] == ["full"]


# --- agreement within a class (M4) ---


def ages(seed=0, gaps=0.0):
    """A cohort whose age alone is declared, so that the baseline ranks by age."""
    return Cohort(seed, age=1.0, gaps=gaps)


@pytest.fixture
def by_age(tmp_path):
    return cell(tmp_path, top='metadata = ["age"]')


@pytest.mark.parametrize("among", ["positive", "negative"])
def test_a_model_that_ranks_as_its_metadata_do_agrees_with_them(by_age, among):
    cohort = ages()
    reads = agreement(among).estimate(by_age, cohort.scored(sigmoid((cohort.age - 65) / 10)))
    turned = agreement(among).estimate(by_age, cohort.scored(sigmoid((65 - cohort.age) / 10)))
    assert reads.value == pytest.approx(1, abs=0.01), "up to ages that were rounded to one"
    assert turned.value == pytest.approx(-1, abs=0.01)
    assert reads.n_images == (cohort.labels == (among == "positive")).sum()
    assert reads.label == f"rank correlation with the metadata baseline, {among}s"


@pytest.mark.parametrize("among", ["positive", "negative"])
def test_a_model_that_is_right_for_other_reasons_does_not_agree(by_age, among):
    """Over both classes the two correlate, because both tell the label; within one they do not."""
    cohort = ages()
    found = agreement(among).estimate(
        by_age, cohort.scored(sigmoid(3 * cohort.labels + cohort.noise))
    )
    low, high = found.interval()
    assert low < 0 < high
    assert -0.4 < found.value < 0.4


def test_agreement_is_spearmans_coefficient(by_age):
    """In each test fold scipy's, as the folds' classifiers have different scales."""
    cohort = ages()
    scores = sigmoid((cohort.age - 65) / 10 + cohort.noise)
    found = agreement("negative").estimate(by_age, cohort.scored(scores))
    features, classifier = tabular([[case.metadata["age"]] for case in cohort.cases])
    fitted, folds = cross_validate(
        features, cohort.labels, cohort.patients, classifier, cohort.profile.seed
    )
    expected, well = [], cohort.labels == 0
    for score, fold in zip(fitted, folds, strict=True):
        each = [well & (fold == number) for number in np.unique(fold)]
        found_in = [spearmanr(score[these], scores[these]).statistic for these in each]
        expected.append(np.average(found_in, weights=[these.sum() for these in each]))
    assert found.value == pytest.approx(np.mean(expected), abs=1e-6)


def test_metadata_that_tell_nothing_apart_agree_with_nothing(by_age):
    """A correlation with a constant is none: not 0, and least of all a certain 0."""
    cohort = ages().scored(np.linspace(0.1, 0.9, COUNT))
    cohort.cases = tuple(
        case(i, c.labels["sick"], c.patient, age="50") for i, c in enumerate(cohort.cases)
    )
    with pytest.raises(NotApplicable, match="among the positives the metadata or the scores"):
        agreement("positive").estimate(by_age, cohort)


def test_scores_that_are_all_alike_agree_with_nothing(by_age):
    with pytest.raises(NotApplicable, match="among the negatives the metadata or the scores"):
        agreement("negative").estimate(by_age, ages().scored(np.full(COUNT, 0.3)))


# --- what the checks make of it ---

MANY = 600


@pytest.mark.parametrize(
    ("skill", "age", "said"), [(3.0, 0.3, "pass"), (0.2, 1.5, "fail"), (0.9, 0.85, "inconclusive")]
)
def test_m1_compares_image_and_metadata(here, skill, age, said):
    cohort = Cohort(age=age, count=MANY)
    cohort.scored(sigmoid(skill * cohort.labels + cohort.noise))
    assert verdict("M1", here, cohort) == said


def test_m2_passes_a_score_that_adds_something(here):
    cohort = Cohort(age=0.5, count=MANY)
    cohort.scored(sigmoid(1.5 * cohort.labels + cohort.noise))
    assert verdict("M2", here, cohort) == "pass"


@pytest.mark.parametrize("score", ["noise", "age with noise"])
def test_m2_does_not_pass_a_score_that_adds_nothing(here, score):
    cohort = Cohort(age=0.8, count=MANY, gaps=0.0)
    of_age = (cohort.age - 64) / 10
    cohort.scored(sigmoid(cohort.noise if score == "noise" else of_age + 0.5 * cohort.noise))
    assert verdict("M2", here, cohort) != "pass"


def test_m4_reports_and_judges_nothing(here):
    cohort = Cohort()
    cohort.scored(sigmoid(cohort.noise))
    ((found, recorded),) = judged("M4", here, cohort).values()
    assert found == "not_applicable"
    assert [estimate.label for estimate in recorded.observations] == [
        "rank correlation with the metadata baseline, positives",
        "rank correlation with the metadata baseline, negatives",
    ]
    assert not recorded.comparisons
