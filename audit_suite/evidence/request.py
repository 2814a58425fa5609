"""What is asked: cells of the audit, requests for evidence, and the plan that unites them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

from audit_suite.cards import DatasetCard, ModelCard
from audit_suite.maskings import Masking
from audit_suite.verdict import NotApplicable


@dataclass(frozen=True)
class Cell:
    """One model (a fold of it, if it has folds) on one data set for one target."""

    model: ModelCard
    fold: int | None
    dataset: DatasetCard
    target: str

    @property
    def model_name(self) -> str:
        """The model's name in findings; folds are audited as models of their own."""
        return self.model.name if self.fold is None else f"{self.model.name}.fold{self.fold}"

    def request(self, masking: Masking) -> Request:
        """The evidence a masking needs in this cell, its region resolved to the target's ROI.

        Raises:
            NotApplicable: If the masking is of the ROI and none is declared for this target, or of
                a region this data set does not have.
        """
        if masking.keep == "all":
            return Request(self.model, self.fold, self.dataset, masking)
        region = masking.region or self.dataset.targets[self.target].roi
        if not region:
            raise NotApplicable(
                f"data set card '{self.dataset.name}' declares no ROI for '{self.target}' "
                f"(key targets.{self.target}.roi)"
            )
        known = self.dataset.regions
        if self.dataset.reader == "manifest" and (missing := sorted(set(region) - set(known))):
            raise NotApplicable(f"data set '{self.dataset.name}' has no region {missing}")
        return Request(self.model, self.fold, self.dataset, replace(masking, region=tuple(region)))


@dataclass(frozen=True)
class Request:
    """Scores (and embeddings) of one model on every image of one data set under one masking."""

    model: ModelCard
    fold: int | None
    dataset: DatasetCard
    masking: Masking

    @property
    def pair(self) -> tuple[ModelCard, int | None, DatasetCard]:
        """The model's fold and the data set, without the masking."""
        return self.model, self.fold, self.dataset


def plan(requests: Iterable[Request]) -> tuple[Request, ...]:
    """Unite requests: each once, in an order that depends on their content alone."""
    return tuple(
        sorted(
            set(requests),
            key=lambda r: (
                r.dataset.name,
                str(r.dataset.path),
                r.model.name,
                -1 if r.fold is None else r.fold,
                r.masking.keep != "all",
                r.masking.id,
            ),
        )
    )
