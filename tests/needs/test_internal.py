"""Estimates on the internal data set beside those on the external one (O1)."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from cards import dataset_card
from needs.evidence import Stored, binormal, case, cell, table, verdict

from audit_suite import NotApplicable, WithoutROI, auroc, dilated, internal
from audit_suite.errors import AuditError
from audit_suite.needs import Need, estimate_in, requests_in


class TwoPlaces:
    """Two data sets, told apart by their cards' names."""

    def __init__(self, **stored):
        self.stored = stored

    def dataset(self, card):
        return self.stored[card.name]

    def read(self, request):
        return self.stored[request.dataset.name].read(request)


def hospital(auc, count, digest, folds=1):
    labels, scores = binormal(auc, count)
    cases = [case(i, label) for i, label in enumerate(labels)]
    tables = {None: scores} | {fold: scores + 0.3 * fold * labels for fold in range(folds)}
    return Stored(cases, lambda request: table(tables[request.fold], 0.0), digest)


@pytest.fixture
def here(tmp_path):
    dataset_card(tmp_path, "home")
    return cell(tmp_path, name="away", top='internal = "home.toml"', activation="none")


def test_the_same_need_is_asked_on_the_internal_data_set(here):
    source = TwoPlaces(home=hospital(0.9, 200, "h"), away=hospital(0.7, 100, "a"))
    there, found = internal(auroc()), auroc().estimate(here, source)
    home = there.estimate(here, source)
    assert home.value == pytest.approx(0.9, abs=0.01)
    assert found.value == pytest.approx(0.7, abs=0.01)
    assert (home.n_images, found.n_images) == (400, 200)
    assert home.label == "AUROC on home"
    assert there.id == "internal-full"
    assert isinstance(there, Need)
    (request,) = there.requests(here)
    assert (request.dataset.name, request.model) == ("home", here.model)


def test_the_two_data_sets_are_independent_samples(here):
    """Patients of two hospitals may have the same numbers; they are not the same people."""
    source = TwoPlaces(home=hospital(0.9, 200, "h"), away=hospital(0.7, 200, "a"))
    home, away = internal(auroc()).estimate(here, source), auroc().estimate(here, source)
    assert (home - away).se == pytest.approx((home.se**2 + away.se**2) ** 0.5)
    assert (home - away).n_patients == home.n_patients + away.n_patients


def test_any_need_can_be_asked_there(here):
    for need in (auroc(WithoutROI()), dilated(WithoutROI(), 25)):
        asked = internal(need).requests(here)
        expected = need.requests(replace(here, dataset=asked[0].dataset))
        assert asked == expected
        assert asked[0].dataset.name == "home"


def test_folds_are_averaged_there_as_here(tmp_path):
    dataset_card(tmp_path, "home")
    model = 'folds = ["a", "b", "c"]'
    place = cell(
        tmp_path,
        name="away",
        top='internal = "home.toml"',
        model=model,
        folds=(0, 1, 2),
        activation="none",
    )
    source = TwoPlaces(home=hospital(0.9, 100, "h", 3), away=hospital(0.7, 100, "a", 3))
    home = estimate_in(internal(auroc()), place, source)
    assert len(home.folds) == 3
    assert home.value == pytest.approx(np.mean(home.folds))
    assert [request.fold for request in requests_in(internal(auroc()), place)] == [0, 1, 2]


def test_a_data_set_that_is_external_to_none_has_nothing_to_be_compared_with(tmp_path):
    place = cell(tmp_path)
    for ask in (internal(auroc()).requests, lambda c: internal(auroc()).estimate(c, None)):
        with pytest.raises(NotApplicable, match=r"'d' names no internal data set \(key internal\)"):
            ask(place)


def test_a_target_the_internal_data_set_lacks_is_nothing_to_compare(tmp_path):
    dataset_card(tmp_path, "home", target="other")
    place = cell(tmp_path, name="away", top='internal = "home.toml"')
    with pytest.raises(NotApplicable, match="the internal data set 'home' has no target 'sick'"):
        internal(auroc()).requests(place)


def test_an_internal_card_that_is_not_there_is_an_error_and_no_missing_comparison(tmp_path):
    place = cell(tmp_path, name="away", top='internal = "gone.toml"')
    with pytest.raises(AuditError, match=r"gone\.toml"):
        internal(auroc()).requests(place)


@pytest.mark.parametrize(
    ("home", "away", "said"),
    [
        (0.90, 0.90, "pass"),
        (0.80, 0.95, "pass"),
        (0.90, 0.75, "fail"),
        (0.90, 0.86, "inconclusive"),
    ],
)
def test_o1_fails_a_drop_and_lets_a_gain_pass(here, home, away, said):
    source = TwoPlaces(home=hospital(home, 300, "h"), away=hospital(away, 300, "a"))
    assert verdict("O1", here, source) == said


def test_o1_is_not_asked_of_an_internal_data_set(tmp_path):
    source = TwoPlaces(d=hospital(0.9, 50, "d"))
    assert verdict("O1", cell(tmp_path), source) == ("not_applicable")
