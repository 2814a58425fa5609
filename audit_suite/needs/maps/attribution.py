"""Where a model's output comes from: Shapley values of regions, and maps against the ROI."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from audit_suite.evidence import Cell, EvidenceSource
from audit_suite.evidence.attributions.request import (
    NOTHING_DRAWN,
    REGION_SHAPLEY,
    AttributionRequest,
    Attributions,
)
from audit_suite.maskings.limits import LARGEST_ROI
from audit_suite.needs.maps.measures import (
    area_share,
    outside_share,
    pointing_game,
    relevance_mass,
    relevance_rank,
)
from audit_suite.statistics import Estimate, estimate_mean
from audit_suite.statistics.influence import shared_variance
from audit_suite.statistics.numbering import how_many
from audit_suite.verdict import NotApplicable

Floats = NDArray[np.float64]
MapMeasure = Literal["mass", "rank", "pointing"]

_MEASURES = {"mass": relevance_mass, "rank": relevance_rank, "pointing": pointing_game}
_WORDS = {
    "mass": "relevance mass accuracy",
    "rank": "relevance rank accuracy",
    "pointing": "pointing game",
}


@dataclass(frozen=True)
class Explaining:
    """Base of needs on attributions.

    Attributes:
        method: Name of an explainer.
    """

    method: str

    @property
    def id(self) -> str:
        """The method."""
        return self.method

    def requests(self, cell: Cell) -> tuple[AttributionRequest, ...]:
        """The attributions that this need reads.

        Raises:
            NotApplicable: If no ROI is declared.
        """
        return cell.explanations(self.method)

    def mean(
        self,
        values: Floats,
        explained: Attributions,
        cell: Cell,
        source: EvidenceSource,
        label: str,
        bounds: tuple[float, float] | None = None,
        rows: NDArray[np.int_] | None = None,
    ) -> Estimate:
        """The mean over explained images, clustered by patient and placed by ``method``.

        Where images share the reference they were compared with, also clustered by reference.

        Args:
            values: Shape (n,), one per image; NaN where the measure is not defined.
            explained: The attributions that the values were computed from.
            cell: Model, data set and target.
            source: Data sets.
            label: Label of the estimate.
            bounds: Ends of the range.
            rows: Which of the explained images; all by default.

        Raises:
            NotApplicable: If fewer than two patients have a value.
        """
        dataset = source.dataset(cell.dataset)
        index = explained.index if rows is None else explained.index[rows]
        known = np.isfinite(values)
        patients = dataset.patients[index][known]
        if how_many(patients) < 2:
            raise NotApplicable(f"{label}: fewer than two patients have a value")
        mean = estimate_mean(values[known], patients, dataset.digest, label, bounds)
        if "donor" in explained.arrays:
            each = (values[known] - mean.value) / known.sum()
            shared = shared_variance(each, explained.arrays["donor"][known])
            name = f"{dataset.digest}/references/{label}"
            mean = mean.with_influence(mean.influence.with_boundary(name, shared))
        return mean.placed(method=self.method)


@dataclass(frozen=True)
class OutsideShare(Explaining):
    """Share of the absolute region Shapley values outside the ROI (R14)."""

    method: str = field(default=REGION_SHAPLEY, init=False)

    def estimate(self, cell: Cell, source: EvidenceSource) -> Estimate:
        """The mean share over the sample, 0 to 1.

        Raises:
            NotApplicable: If the model cannot be explained, or the ROI fills the frame.
        """
        explained = explained_in(cell, source, self.method)
        inside = explained.arrays["inside"]
        _refuse_large((inside * explained.arrays["area"]).sum(axis=1))
        share = outside_share(explained.arrays["values"], inside)
        return self.mean(
            share, explained, cell, source, "Shapley share outside the ROI", (0.0, 1.0)
        )


@dataclass(frozen=True)
class MassLift(Explaining):
    """Relevance mass in the ROI divided by the ROI's share of the frame (I1).

    1 for an uninformative map.
    """

    def estimate(self, cell: Cell, source: EvidenceSource) -> Estimate:
        """The mean lift over the sample.

        Raises:
            NotApplicable: If the method cannot handle the model.
        """
        explained = explained_in(cell, source, self.method)
        regions = explained.arrays["regions"]
        area = area_share(regions)
        _refuse_large(area)
        lift = relevance_mass(explained.arrays["maps"], regions) / np.where(area > 0, area, np.nan)
        return self.mean(lift, explained, cell, source, f"relevance mass lift, {self.method}")


@dataclass(frozen=True)
class Excess(Explaining):
    """A measure of localisation above that of an uninformative map (I2).

    Attributes:
        measure: Relevance mass or rank accuracy, or the pointing game.
    """

    measure: MapMeasure

    @property
    def id(self) -> str:
        """The method and the measure."""
        return f"{self.method}-{self.measure}"

    def estimate(self, cell: Cell, source: EvidenceSource) -> Estimate:
        """The mean of the measure minus the ROI's share of the frame, -1 to 1.

        Raises:
            NotApplicable: If the method cannot handle the model.
        """
        explained = explained_in(cell, source, self.method)
        regions = explained.arrays["regions"]
        area = area_share(regions)
        _refuse_large(area)
        scored = _MEASURES[self.measure](explained.arrays["maps"], regions)
        label = f"{_WORDS[self.measure]} above chance, {self.method}"
        return self.mean(scored - area, explained, cell, source, label)


def explained_in(cell: Cell, source: EvidenceSource, method: str) -> Attributions:
    """The attributions of a cell: of its one fold, of all held-out images, or of the ensemble.

    Shapley values and gradients are linear in the output, so an ensemble's are the mean of its
    members' for raw outputs; a member far from its threshold weighs more here than in the mean of
    scores. For Grad-CAM, small maps and the curves of I6 the mean is only an average.

    Raises:
        NotApplicable: If the method cannot handle the model.
        AuditError: If the evidence is missing and cannot be computed.
    """
    return explained_by(cell, source, cell.explanations(method))


def explained_by(
    cell: Cell, source: EvidenceSource, requests: tuple[AttributionRequest, ...]
) -> Attributions:
    """The attributions of a cell, as `explained_in`, from the requests of its folds.

    Args:
        cell: Model, data set and target.
        source: Stored evidence.
        requests: One per fold.

    Raises:
        NotApplicable: If the method cannot handle the model.
        AuditError: If the evidence is missing and cannot be computed.
    """
    tables = _tables(cell, source, requests)
    if len(tables) == 1:
        return tables[0]
    alone = {"picked", "rough", "shuffled"}  # of single models: a mean of them has no meaning
    names = tables[0].arrays.keys() - alone
    if cell.average == "held-out":
        return replace(
            tables[0],
            index=np.concatenate([t.index for t in tables]),
            outputs=np.concatenate([t.outputs for t in tables]),
            expected=np.concatenate([t.expected for t in tables]),
            arrays={n: np.concatenate([t.arrays[n] for t in tables]) for n in names}
            | _joined_stages(tables),
        )
    fixed = {"regions", "inside", "area", "apart", "donor"}
    return replace(
        tables[0],
        outputs=np.mean([t.outputs for t in tables], axis=0),
        expected=np.mean([t.expected for t in tables], axis=0),
        arrays={
            n: tables[0].arrays[n] if n in fixed else np.mean([t.arrays[n] for t in tables], axis=0)
            for n in names
        },
    )


def _refuse_large(area: Floats) -> None:
    """Refuse a region that fills the frame.

    Args:
        area: Shape (n,), its share of each image.

    Raises:
        NotApplicable: If the median is above `LARGEST_ROI`.
    """
    if (share := float(np.median(area))) > LARGEST_ROI:
        raise NotApplicable(
            f"the region fills a median {share:.0%} of the image (limit {LARGEST_ROI:.0%}): nearly "
            "all of any output comes from it"
        )


def _tables(
    cell: Cell, source: EvidenceSource, requests: tuple[AttributionRequest, ...]
) -> list[Attributions]:
    """Those of every fold, without held-out folds that have no image in the sample."""
    tables: list[Attributions] = []
    for request in requests:
        try:
            tables.append(source.read(request))
        except NotApplicable as reason:
            if cell.average != "held-out" or str(reason) != NOTHING_DRAWN:
                raise
    if not tables:
        raise NotApplicable(NOTHING_DRAWN)
    return tables


def _joined_stages(tables: list[Attributions]) -> dict[str, NDArray[Any]]:
    """The picked images of all folds, their numbers shifted to the joined rows."""
    if "picked" not in tables[0].arrays:
        return {}
    starts = np.cumsum([0, *(len(t.index) for t in tables[:-1])])
    return {
        "picked": np.concatenate(
            [t.arrays["picked"] + start for t, start in zip(tables, starts, strict=True)]
        ),
        "rough": np.concatenate([t.arrays["rough"] for t in tables]),
        "shuffled": np.concatenate([t.arrays["shuffled"] for t in tables], axis=1),
    }
