"""Cells of the audit: one model on one data set for one target, and the evidence they request."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

from audit_suite.cards import DatasetCard, ModelCard
from audit_suite.datasets.frame import CELLS
from audit_suite.datasets.regions import BORDER, region_advice, region_names
from audit_suite.evidence.attributions.request import AttributionRequest
from audit_suite.evidence.scores.request import ScoreRequest
from audit_suite.maskings import Masking
from audit_suite.regions import NO_REGION
from audit_suite.verdict import NotApplicable

FoldPolicy = Literal["each", "mean", "ensemble"]
Averaging = Literal["estimates", "scores", "held-out"]


@dataclass(frozen=True)
class Cell:
    """One model on one data set for one target.

    Attributes:
        model: The model's card.
        folds: Which of its folds; (None,) for a model with one set of weights.
        dataset: The data set's card.
        target: The target.
        average: What is averaged over several folds: their ``estimates`` (how such models perform),
            or their ``scores`` (if the ensemble is what ships). ``held-out`` averages nothing: each
            image's score comes from the fold that did not train on it.
    """

    model: ModelCard
    folds: tuple[int | None, ...]
    dataset: DatasetCard
    target: str
    average: Averaging = "estimates"

    @property
    def model_name(self) -> str:
        """The model's name in findings; a fold audited on its own has a name of its own."""
        return self.model.fold_name(self.folds[0] if len(self.folds) == 1 else None)

    def each(self) -> tuple[Cell, ...]:
        """The cells whose estimates are averaged: one per fold; this cell if scores are joined."""
        if self.average != "estimates":
            return (self,)
        return tuple(replace(self, folds=(fold,)) for fold in self.folds)

    def requests(self, masking: Masking) -> tuple[ScoreRequest, ...]:
        """The evidence a masking needs in this cell, one request per fold.

        The masking's region is resolved to the target's ROI.

        Raises:
            NotApplicable: If the masking needs the ROI and this target declares none, or needs a
                region that this data set does not have.
        """
        if masking.hides:
            masking = masking.of(self._region(masking.region))
        return tuple(ScoreRequest(self.model, fold, self.dataset, masking) for fold in self.folds)

    def explanations(
        self, method: str, region: tuple[str, ...] = (), apart: tuple[str, ...] = ()
    ) -> tuple[AttributionRequest, ...]:
        """The evidence that a method needs to explain the model here, one request per fold.

        Args:
            method: Name of an explainer: a registered one, or
                one of `evidence.attributions.request.OF_REGIONS`.
            region: Names of regions whose union replaces the target's ROI; empty for the ROI.
            apart: Further regions, each reported separately.

        Raises:
            NotApplicable: If no ROI is declared for this target, or the data set lacks a region.
        """
        region = self._region(region)
        for name in apart:
            self.require_region(name)
        unseen = self.average == "held-out"
        asked = self.target, region, method, unseen, apart
        return tuple(
            AttributionRequest(self.model, fold, self.dataset, *asked) for fold in self.folds
        )

    def require_region(self, name: str) -> None:
        """Refuse a region that this data set does not have.

        Raises:
            NotApplicable: If the data set has no region of that name; the message says what to do.
        """
        if name not in region_names(self.dataset) and name not in (BORDER, *CELLS):
            advice = region_advice(self.dataset)
            raise NotApplicable(f"data set '{self.dataset.name}' has no region '{name}'; {advice}")

    @property
    def roi(self) -> tuple[str, ...]:
        """Names of the regions whose union is the target's ROI.

        Raises:
            NotApplicable: If none is declared.
        """
        return self._region(())

    def _region(self, named: tuple[str, ...]) -> tuple[str, ...]:
        for name in named:
            self.require_region(name)
        region = named or self.dataset.targets[self.target].roi
        if not region:
            raise NotApplicable(
                f"{NO_REGION}: data set card '{self.dataset.name}' declares no ROI for "
                f"'{self.target}' (key targets.{self.target}.roi); draw one with `audit-suite "
                f"region draw`, or make masks with `audit-suite segment`"
            )
        return tuple(region)


def fold_groups(model: ModelCard, policy: FoldPolicy) -> list[tuple[int | None, ...]]:
    """The folds of each cell of a model: one by one, or all together."""
    if not model.folds:
        return [(None,)]
    folds = range(len(model.folds))
    if policy == "each" and model.held_out is None:
        return [(fold,) for fold in folds]
    return [tuple(folds)]


def averaging(model: ModelCard, policy: FoldPolicy) -> Averaging:
    """What is averaged over the folds of a cell."""
    if model.held_out is not None:
        return "held-out"
    return "scores" if policy == "ensemble" else "estimates"
