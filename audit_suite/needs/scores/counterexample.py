"""Searched counterexamples (X3): the smallest change that moves the score, on other patients."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from scipy.special import logit

from audit_suite.evidence import Cell, EvidenceSource
from audit_suite.evidence.at_input import box_in_file
from audit_suite.png import png
from audit_suite.search.request import Candidate, SearchRequest, SearchResult, Toward
from audit_suite.search.strategy import Strategy, refuse_foreign
from audit_suite.statistics import Confirmed, Estimate, Searched, estimate_mean
from audit_suite.statistics.influence import shared_variance
from audit_suite.verdict import NotApplicable

MARGIN = 0.05
"""Proposed margin: mean change of the score's rank that other patients must exceed."""


@dataclass(frozen=True)
class CounterexampleSearch:
    """A search for the smallest change outside the region that moves the score.

    Attributes:
        strategy: What is drawn, wrapped in `audit_suite.strategies.outside_roi`.
        limit: Mean change of the score's rank, on the patients of the search, from which on a
            change is made smaller and confirmed on others.
        tries: Changes that are scored before.
        shrinking: Changes that are scored to make it smaller.
        toward: Which way painted changes push: ``positive`` makes true negatives false alarms,
            ``negative`` makes true positives misses. Content of other patients: ``either``.
    """

    strategy: Strategy
    limit: float = 0.10
    tries: int = 200
    shrinking: int = 150
    toward: Toward = "either"

    @property
    def id(self) -> str:
        """The strategy's, with the direction of painted changes."""
        return (
            self.strategy.id
            if self.strategy.swapped
            else f"{self.strategy.id}-toward-{self.toward}"
        )

    def requests(self, cell: Cell) -> tuple[SearchRequest, ...]:
        """The search, one per fold.

        Raises:
            NotApplicable: If no region is declared, or of the model's folds scores are joined, or
                painted changes have no operating point to push over.
        """
        if cell.average != "estimates" and len(cell.folds) > 1:
            raise NotApplicable(
                "a search changes images of one network at a time, and this cell joins the scores "
                "of several: audit the folds one by one (--audit-folds each)"
            )
        threshold = _threshold(cell)
        if threshold is None and not self.strategy.swapped:
            raise NotApplicable(
                f"model card '{cell.model.name}' declares no operating point for '{cell.target}' "
                f"(key operating_points.{cell.target}): without one no case is at risk"
            )
        target = cell.dataset.targets[cell.target]
        return tuple(
            SearchRequest(
                model=cell.model,
                fold=fold,
                dataset=cell.dataset,
                target=cell.target,
                region=cell.roi,
                margin=target.roi_margin or 0,
                strategy=self.strategy,
                limit=self.limit,
                tries=self.tries,
                shrinking=self.shrinking,
                toward=self.toward,
                threshold=threshold,
            )
            for fold in cell.folds
        )

    def answer(self, cell: Cell, source: EvidenceSource) -> Searched:
        """What was found and confirmed.

        Raises:
            NotApplicable: If there are too few patients, or images at risk.
            AuditError: If the evidence is missing and cannot be computed.
        """
        requests = self.requests(cell)
        results = [source.read(request) for request in requests]
        return Searched(
            strategy=str(self.strategy),
            kind=self.strategy.kind,
            limit=self.limit,
            tries=sum(len(result.tries) for result in results),
            idle=sum(result.idle for result in results),
            best=float(np.nanmax([*(r.best for r in results), -1.0])),
            confirmed=tuple(
                _confirmed(request, result, candidate, source)
                for request, result in zip(requests, results, strict=True)
                for candidate in result.candidates
            ),
        )


def counterexample(
    strategy: Strategy,
    *,
    limit: float = 0.10,
    tries: int = 200,
    shrinking: int = 150,
    toward: Toward | None = None,
) -> CounterexampleSearch:
    """Need: search for the smallest change outside the region that moves the score.

    Args:
        strategy: For example ``outside_roi(swapped(areas()))``.
        limit: Mean change of the score's rank (0 to 1) in the search, from which on a change is
            made smaller and confirmed on other patients.
        tries: Changes that are scored.
        shrinking: Further changes that are scored to make one smaller.
        toward: Which way painted changes push the decision: ``positive`` (default) or ``negative``.

    Raises:
        TypeError: If it is not a strategy of this package, or not wrapped in ``outside_roi``.
        ValueError: If a number cannot be meant.
    """
    refuse_foreign(strategy)
    if not 0 < limit < 1 or tries < 1 or shrinking < 0:
        raise ValueError(
            f"counterexample(limit={limit}, tries={tries}, shrinking={shrinking}): give a limit "
            f"between 0 and 1, at least one try, and shrinking of 0 or more"
        )
    if strategy.swapped and toward is not None:
        raise ValueError("toward is for painted changes: content of others is compared both ways")
    way: Toward = "either" if strategy.swapped else toward or "positive"
    return CounterexampleSearch(strategy, limit, tries, shrinking, way)


def _threshold(cell: Cell) -> float | None:
    """The operating point on the scale of stored scores."""
    point = cell.model.operating_points.get(cell.target)
    if point is None:
        return None
    if point.score is not None:
        return float(point.score)
    assert point.probability is not None, "the card has been checked"
    plain = cell.model.activation == "none"
    return point.probability if plain else float(logit(point.probability))


def _confirmed(
    request: SearchRequest, result: SearchResult, candidate: Candidate, source: EvidenceSource
) -> Confirmed:
    cases = source.dataset(request.dataset).cases
    index = int(result.changed[candidate.case])
    only = replace(request.strategy, name="only", arguments=())
    repeat = str(only).replace("only()", f"only({candidate.change})")
    return Confirmed(
        whole=candidate.whole,
        change=candidate.change,
        repeat=f"counterexample({repeat})",
        box=candidate.box,
        box_in_file=box_in_file(source, request.model, request.dataset, index, candidate.box),
        case=cases[index].row,
        frame=(request.model.input.size[1], request.model.input.size[0]),
        scores=(
            float(result.before[candidate.case]),
            *candidate.scores[candidate.case][: 2 if request.strategy.swapped else 1].tolist(),
        ),
        pictures=tuple(png(each) for each in candidate.pictures)
        if candidate.pictures is not None
        else (),
        estimate=_effect(request, result, candidate, source),
        searched=candidate.searched,
        best=result.best if not candidate.whole else candidate.searched,
        floor=result.floor if not candidate.whole else request.limit,
        shrinking=0 if candidate.whole else result.shrinking,
        flips=None if candidate.flips is None else float(candidate.flips.mean()),
        searched_on=result.searched_on,
        confirmed_on=len(result.changed),
        donors=len(np.unique(result.donors)),
        seed=source.profile.seed,
        version=request.version,
    )


def _effect(
    request: SearchRequest, result: SearchResult, candidate: Candidate, source: EvidenceSource
) -> Estimate:
    """Mean change of the rank on patients who were not searched on.

    Clustered by the patients who were changed and by those who lent content, who are others.
    """
    dataset = source.dataset(request.dataset)
    patients = dataset.patients[result.changed]
    what = "content put into" if request.strategy.swapped else "painting"
    label = f"rank moved by {what} {candidate.change}"
    estimate = estimate_mean(candidate.effects, patients, dataset.digest, label)
    centred = (candidate.effects - candidate.effects.mean()) / len(patients)
    influence = estimate.influence
    for side, name in zip(result.donors.T, ("having", "lacking"), strict=False):
        shared = shared_variance(centred, np.unique(side, return_inverse=True)[1])
        influence = influence.with_boundary(f"{dataset.digest}/lenders/{name}", shared)
    return estimate.with_influence(influence)
