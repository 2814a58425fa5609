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
from audit_suite.verdict import NotApplicable

Floats = NDArray[np.float64]
Measure = Literal["mass", "rank", "pointing"]

_MEASURES = {"mass": relevance_mass, "rank": relevance_rank, "pointing": pointing_game}
_WORDS = {
    "mass": "relevance mass accuracy",
    "rank": "relevance rank accuracy",
    "pointing": "pointing game",
}


@dataclass(frozen=True)
class Explaining:
    """What needs on attributions have in common.

    Attributes:
        method: Name of an explainer.
    """

    method: str

    @property
    def id(self) -> str:
        """The method."""
        return self.method

    def requests(self, cell: Cell) -> tuple[AttributionRequest, ...]:
        """The attributions this need reads.

        Raises:
            NotApplicable: If no ROI is declared.
        """
        return cell.explanations(self.method)

    def mean(
        self,
        values: Floats,
        found: Attributions,
        cell: Cell,
        source: EvidenceSource,
        label: str,
        bounds: tuple[float, float] | None = None,
        rows: NDArray[np.int_] | None = None,
    ) -> Estimate:
        """The patient-clustered mean of one value an explained image, placed by ``method``.

        Where each image was held against one reference, which others share, clustered by that too.

        Args:
            values: Shape (n,); NaN where the measure has no meaning.
            found: The attributions they are of.
            cell: Where.
            source: Data sets.
            label: What it is.
            bounds: Ends of the range.
            rows: Which of the explained images; all by default.

        Raises:
            NotApplicable: If fewer than two patients are left.
        """
        dataset = source.dataset(cell.dataset)
        index = found.index if rows is None else found.index[rows]
        known = np.isfinite(values)
        patients = np.array([dataset.cases[i].patient for i in index])[known]
        if len(np.unique(patients)) < 2:
            raise NotApplicable(f"{label}: it has a value for fewer than two patients")
        mean = estimate_mean(values[known], patients, dataset.digest, label, bounds)
        if "donor" in found.arrays:
            each = (values[known] - mean.value) / known.sum()
            shared = shared_variance(each, found.arrays["donor"][known])
            name = f"{dataset.digest}/references/{label}"
            mean = replace(mean, influence=mean.influence.with_boundary(name, shared))
        return mean.placed(method=self.method)


@dataclass(frozen=True)
class OutsideShare(Explaining):
    """Share of the absolute region Shapley values that lies outside the ROI (R14)."""

    method: str = field(default=REGION_SHAPLEY, init=False)

    def estimate(self, cell: Cell, source: EvidenceSource) -> Estimate:
        """The mean share over the sample, 0 to 1.

        Raises:
            NotApplicable: If the model cannot be explained, or the ROI fills the frame.
        """
        found = explained_in(cell, source, self.method)
        _refuse_large((found.arrays["inside"] * found.arrays["area"]).sum(axis=1))
        share = outside_share(found.arrays["values"], found.arrays["inside"])
        return self.mean(share, found, cell, source, "Shapley share outside the ROI", (0.0, 1.0))


@dataclass(frozen=True)
class MassLift(Explaining):
    """Relevance mass in the ROI by the ROI's share of the frame (I1); 1 for an ignorant map."""

    def estimate(self, cell: Cell, source: EvidenceSource) -> Estimate:
        """The mean lift over the sample.

        Raises:
            NotApplicable: If the method cannot handle the model.
        """
        found = explained_in(cell, source, self.method)
        regions = found.arrays["regions"]
        area = area_share(regions)
        _refuse_large(area)
        lift = relevance_mass(found.arrays["maps"], regions) / np.where(area > 0, area, np.nan)
        return self.mean(lift, found, cell, source, f"lift of relevance mass, {self.method}")


@dataclass(frozen=True)
class Excess(Explaining):
    """A measure of localisation above what an ignorant map would score (I2)."""

    measure: Measure

    @property
    def id(self) -> str:
        """The method and the measure."""
        return f"{self.method}-{self.measure}"

    def estimate(self, cell: Cell, source: EvidenceSource) -> Estimate:
        """The mean excess over the ROI's share of the frame, -1 to 1.

        Raises:
            NotApplicable: If the method cannot handle the model.
        """
        found = explained_in(cell, source, self.method)
        regions = found.arrays["regions"]
        area = area_share(regions)
        _refuse_large(area)
        scored = _MEASURES[self.measure](found.arrays["maps"], regions)
        label = f"{_WORDS[self.measure]} above chance, {self.method}"
        return self.mean(scored - area, found, cell, source, label)


def explained_in(cell: Cell, source: EvidenceSource, method: str) -> Attributions:
    """The attributions of a cell: of its one fold, of all held-out images, or of the ensemble.

    Shapley values and gradients are linear in the output, so those of an ensemble are taken as the
    mean of its members', of raw outputs: a member far from its threshold weighs more here than in
    the mean of scores. Grad-CAM, small maps and the curves of I6 are no more than averages.

    Raises:
        NotApplicable: If the method cannot handle the model.
        AuditError: If the evidence cannot be had.
    """
    return explained_by(cell, source, cell.explanations(method))


def explained_by(
    cell: Cell, source: EvidenceSource, requests: tuple[AttributionRequest, ...]
) -> Attributions:
    """The attributions of a cell by requests of its own, one a fold; as `explained_in`.

    Raises:
        NotApplicable: If the method cannot handle the model.
        AuditError: If the evidence cannot be had.
    """
    tables = _tables(cell, source, requests)
    if len(tables) == 1:
        return tables[0]
    alone = {"picked", "rough", "shuffled"}  # of single models, and no mean of theirs
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
    """Ask nothing of a region that fills the frame, by its share of it in each image, shape (n,).

    Raises:
        NotApplicable: If the median is beyond `LARGEST_ROI`.
    """
    if (share := float(np.median(area))) > LARGEST_ROI:
        raise NotApplicable(
            f"the region fills a median {share:.0%} of the image (limit {LARGEST_ROI:.0%}): nearly "
            "all of any answer comes from it"
        )


def _tables(
    cell: Cell, source: EvidenceSource, requests: tuple[AttributionRequest, ...]
) -> list[Attributions]:
    """Those of every fold; of held-out folds only where the sample has images of one's own."""
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
    """The images picked of every fold, numbered anew."""
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
