"""Needs over folds: an estimate is averaged over them, a listing is asked once of all."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest
from needs.evidence import Stored, auc, case, cell, findings, table
from scipy.special import expit

from audit_suite import Exact, Family, auroc, check, observe
from audit_suite.evidence.cell import Averaging
from audit_suite.maskings import Full
from audit_suite.needs import Listing, Need, answer_in, estimate_in, requests_in

COUNT = 60
FOLDS = (0, 1, 2)


@dataclass(frozen=True)
class Cells:
    """A listing that notes the cells it was asked in."""

    asked: list

    id = "cells"

    def requests(self, cell):
        self.asked.append(cell)
        return cell.requests(Full())

    def answer(self, cell, source):
        self.asked.append(cell)
        return Exact("folds", float(len(cell.folds)), COUNT)


@dataclass(frozen=True)
class Several:
    """A listing of an estimate for each fold."""

    id = "several"

    def requests(self, cell):
        return ()

    def answer(self, cell, source):
        return tuple(auroc().estimate(one, source) for one in cell.each())


def place(folder, average: Averaging = "estimates", folds=FOLDS):
    return cell(folder, model='folds = ["a", "b", "c"]', folds=folds, average=average)


@pytest.fixture
def source():
    """Each fold's scores are a little better than those of the fold before."""
    rng = np.random.default_rng(0)
    labels = np.arange(COUNT) % 2
    scores = rng.normal(size=COUNT) + np.outer(range(3), labels)
    stored = Stored(
        [case(i, label) for i, label in enumerate(labels)],
        lambda request: table(scores[request.fold], 0.0),
    )
    stored.scores = scores
    return stored


def by_fold(source):
    """The AUROC of each fold by brute force."""
    return [auc(source.labels, scores) for scores in source.scores]


def test_an_estimate_is_the_mean_over_folds(tmp_path, source):
    here = place(tmp_path)
    found = answer_in(auroc(), here, source)
    assert found.value == pytest.approx(np.mean(by_fold(source)))
    assert found.folds == pytest.approx(by_fold(source))
    assert found.to_record() == estimate_in(auroc(), here, source).to_record()
    assert len(set(by_fold(source))) == 3


def test_where_scores_are_averaged_there_is_one_estimate(tmp_path, source):
    found = answer_in(auroc(), place(tmp_path, "scores"), source)
    mean = expit(source.scores).mean(axis=0)  # as probabilities
    assert found.value == pytest.approx(auc(source.labels, mean))
    assert found.folds == ()


@pytest.mark.parametrize("average", ["estimates", "scores", "held-out"])
def test_a_listing_is_asked_once_of_the_whole_cell(tmp_path, source, average):
    here, listing = place(tmp_path, average), Cells([])
    assert isinstance(listing, Listing)
    assert not isinstance(listing, Need)
    assert answer_in(listing, here, source).value == len(FOLDS)
    assert [request.fold for request in requests_in(listing, here)] == list(FOLDS)
    assert listing.asked == [here, here]


@pytest.mark.parametrize("average", ["estimates", "scores", "held-out"])
def test_evidence_is_asked_for_all_folds_however_they_are_averaged(tmp_path, average):
    here = place(tmp_path, average)
    assert [request.fold for request in requests_in(auroc(), here)] == list(FOLDS)
    one = place(tmp_path, average, folds=(1,))
    assert [request.fold for request in requests_in(auroc(), one)] == [1]


def test_several_estimates_are_handed_over_as_they_are(tmp_path, source):
    here = place(tmp_path)
    answer = answer_in(Several(), here, source)
    assert [estimate.value for estimate in answer] == pytest.approx(by_fold(source))


def test_a_check_gets_what_each_kind_of_need_gives(tmp_path, source):
    """An estimate, a figure, several estimates, a family; and `audit` answers the same."""
    got = {}

    @check(one=auroc(), figure=Cells([]), several=[Several(), Cells([])], family=(auroc(), auroc()))
    def test_x(one, figure, several, family, audit):
        observe(one)
        got[len(got)] = one, figure, several, family
        assert audit(auroc()).value == one.value
        assert audit(Cells([])).value == figure.value
        assert one > 0

    cases = [suffix for suffix, *_ in findings(test_x, place(tmp_path), source)]
    assert cases == ["several", "cells"]
    (one, figure, first, family), (_, _, second, _) = got.values()
    assert one.value == pytest.approx(np.mean(by_fold(source)))
    assert isinstance(figure, Exact)
    assert isinstance(family, Family)
    assert len(first) == 3
    assert isinstance(second, Exact)
