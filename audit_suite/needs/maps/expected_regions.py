"""Regions that should and must not matter, against Shapley values and single regions (P1, P2)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray

from audit_suite.cards.model import Expectation
from audit_suite.datasets.regions import BORDER, region_names
from audit_suite.evidence import Cell, EvidenceSource
from audit_suite.evidence.attributions.request import (
    REGION_SHAPLEY,
    AttributionRequest,
    Attributions,
)
from audit_suite.evidence.scores.request import ScoreRequest
from audit_suite.maskings import Masking, OnlyROI
from audit_suite.needs.maps.attribution import Explaining, explained_by
from audit_suite.needs.maps.measures import outside_share
from audit_suite.needs.scores.cell_scores import auroc_of, cell_scores
from audit_suite.needs.scores.swap import clustered_by_donor, donors_of
from audit_suite.needs.scores.ties import refuse_ties
from audit_suite.statistics import Estimate
from audit_suite.verdict import NotApplicable

Kind = Literal["share", "alone"]

_SHOWN = 0.95  # of the images must show a region: a rare one may predict the label by its presence


@dataclass(frozen=True)
class ExpectedExcess(Explaining):
    """Share of the absolute region Shapley values in the expected regions, minus their area (P1).

    Their share of the frame is what a model without preference for any region would give them.
    """

    method: str = field(default=REGION_SHAPLEY, init=False)

    def requests(self, cell: Cell) -> tuple[AttributionRequest, ...]:
        """Shapley values of the regions, and separately of those that must not matter.

        Raises:
            NotApplicable: If no region is expected, or the data set lacks an expected one.
        """
        names = declared(cell).expected
        if not names:
            raise NotApplicable(_unnamed(cell, "expected"))
        for name in names:
            cell.require_region(name)
        return _explanations(cell)

    def estimate(self, cell: Cell, source: EvidenceSource) -> Estimate:
        """The mean excess over the sample, -1 to 1.

        Raises:
            NotApplicable: As `requests`, or if the model cannot be explained.
        """
        explained = explained_by(cell, source, self.requests(cell))
        inside = explained.arrays["inside"]
        share = 1 - outside_share(explained.arrays["values"], inside)
        area = _area(explained, inside)
        names = " and ".join(declared(cell).expected)
        label = f"Shapley share of {names} above its share of the frame"
        return self.mean(share - area, explained, cell, source, label).placed(area=_mean(area))


@dataclass(frozen=True)
class NeverShare(Explaining):
    """Share of the absolute region Shapley values in a region that must not matter (P2).

    Attributes:
        region: Its name; empty where the model card names none.
    """

    region: str
    method: str = field(default=REGION_SHAPLEY, init=False)

    @property
    def id(self) -> str:
        """The region."""
        return self.region or "nothing"

    def requests(self, cell: Cell) -> tuple[AttributionRequest, ...]:
        """Shapley values of the regions, and separately of those that must not matter.

        Raises:
            NotApplicable: If no region is declared, or the data set does not have this one.
        """
        _require_never(cell, self.region)
        return _explanations(cell)

    def estimate(self, cell: Cell, source: EvidenceSource) -> Estimate:
        """The mean share over the images of the sample that show the region, 0 to 1.

        Raises:
            NotApplicable: As `requests`, or if the model cannot be explained.
        """
        requests = self.requests(cell)
        explained = explained_by(cell, source, requests)
        inside = explained.arrays["apart"][:, :, requests[0].apart.index(self.region)]
        area = _area(explained, inside)
        share = 1 - outside_share(explained.arrays["values"], inside)
        share[area == 0] = np.nan
        label = f"Shapley share of {self.region}"
        if not np.isfinite(share).any():
            raise NotApplicable(f"no explained image shows the region '{self.region}'")
        mean = self.mean(share, explained, cell, source, label, (0.0, 1.0))
        return mean.placed(region=self.region, area=_mean(area[area > 0]))


@dataclass(frozen=True)
class NeverAlone:
    """AUROC on images of which only a region that must not matter is the patient's own (P2-alone).

    The rest is another patient's image. On black or mean fill a model responds to details that it
    would never notice in a picture, and ranks by them: an honest model had an AUROC of .11 on the
    rims of fundi, with scores that differed by a hundredth of their usual spread.

    Attributes:
        region: Its name; empty where the model card names none.
    """

    region: str

    @property
    def id(self) -> str:
        """The region."""
        return self.region or "nothing"

    @property
    def masking(self) -> Masking:
        """The region on another patient's image."""
        return OnlyROI(self.region, fill="swap")

    def requests(self, cell: Cell) -> tuple[ScoreRequest, ...]:
        """Scores under the masking.

        Raises:
            NotApplicable: If no region is declared, or the data set does not have this one.
        """
        _require_never(cell, self.region)
        return cell.requests(self.masking)

    def estimate(self, cell: Cell, source: EvidenceSource) -> Estimate:
        """AUROC over the images that show the region, clustered by patient and by donor.

        Raises:
            NotApplicable: As `requests`, or if fewer than 95 % of the images show the region.
            Inconclusive: If too many pairs of images are tied (`refuse_ties`).
        """
        table = source.read(self.requests(cell)[0])
        scores = cell_scores(cell, source, self.masking)
        shown = table.hidden_fraction[scores.used] < 1
        if shown.mean() < _SHOWN:
            raise NotApplicable(
                f"only {shown.mean():.0%} of the images show the region '{self.region}' (at least "
                f"{_SHOWN:.0%} are needed): its presence alone could predict the label. P2 judges "
                f"its share of the output"
            )
        kept = scores.where(shown)
        refuse_ties(cell.model, kept, self.masking)
        label = f"AUROC {self.masking.label}"
        estimate = clustered_by_donor(
            lambda scores: auroc_of(scores, label),
            kept,
            donors_of(cell, source, kept),
            f"{cell.model.name}/{self.masking.id}",
        )
        return estimate.placed(masking=self.masking.id, region=self.region)


@dataclass(frozen=True)
class EachNever:
    """One need for every region that the model card says must not matter.

    Attributes:
        kind: ``share`` for `NeverShare`, ``alone`` for `NeverAlone`.
    """

    kind: Kind

    def __post_init__(self) -> None:
        if self.kind not in get_args(Kind):
            raise ValueError(f"each_never({self.kind!r}): expected one of {get_args(Kind)}")

    def expand(
        self, cell: Cell, maskings: Sequence[Masking]
    ) -> tuple[NeverShare | NeverAlone, ...]:
        """One need per region; one that does not apply where none is named."""
        expectation = cell.model.expectations.get(cell.target)
        names = expectation.never if expectation else ()
        return tuple(
            NeverShare(name) if self.kind == "share" else NeverAlone(name)
            for name in names or ("",)
        )


def declared(cell: Cell) -> Expectation:
    """What the model card expects for the cell's target.

    Raises:
        NotApplicable: If it expects nothing.
    """
    if (expectation := cell.model.expectations.get(cell.target)) is None:
        raise NotApplicable(
            f"the model card declares no expectations for '{cell.target}' "
            f"(key expectations.{cell.target})"
        )
    return expectation


def _require_never(cell: Cell, region: str) -> None:
    declared(cell)
    if not region:
        raise NotApplicable(_unnamed(cell, "never"))
    cell.require_region(region)


def _unnamed(cell: Cell, key: str) -> str:
    return (
        f"the model card names no regions for '{cell.target}' under "
        f"expectations.{cell.target}.{key}"
    )


def _explanations(cell: Cell) -> tuple[AttributionRequest, ...]:
    """The same request for all needs on expectations, so that a cell is explained once."""
    known = {*region_names(cell.dataset), BORDER}
    named = declared(cell)
    expected, never = (
        tuple(sorted(known.intersection(names))) for names in (named.expected, named.never)
    )
    return cell.explanations(REGION_SHAPLEY, expected or never, never)


def _area(explained: Attributions, inside: NDArray[np.float64]) -> NDArray[np.float64]:
    """A region's share of each frame, from its share of each player, shape (n,)."""
    area: NDArray[np.float64] = (inside * explained.arrays["area"]).sum(axis=1)
    return area


def _mean(area: NDArray[np.float64]) -> float:
    return round(float(area.mean()), 4)
