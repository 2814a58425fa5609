"""Where in the frame a model's output comes from, without any mask (P3)."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from audit_suite.datasets.frame import EDGE
from audit_suite.evidence import Cell, EvidenceSource
from audit_suite.evidence.attributions.request import (
    GRID_SHAPLEY,
    AttributionRequest,
    Attributions,
)
from audit_suite.needs.maps.attribution import Explaining, explained_by
from audit_suite.needs.maps.measures import outside_share
from audit_suite.statistics import Estimate
from audit_suite.verdict import NotApplicable

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class EdgeShare(Explaining):
    """What the rim and the corners of the frame contribute to a model's output.

    Attributes:
        of: ``separation``: their share of the difference between the mean outputs of images with
            and without the finding; what moves the output of both alike counts nothing.
            ``output``: their share of the absolute Shapley values. This one is never 0: an honest
            model of the phantoms, whose edge has a share of .00 in the separation, gives it .16.
    """

    of: Literal["separation", "output"] = "separation"
    method: str = field(default=GRID_SHAPLEY, init=False)

    @property
    def id(self) -> str:
        """The method and the kind of share."""
        return f"{self.method}-{self.of}"

    def requests(self, cell: Cell) -> tuple[AttributionRequest, ...]:
        """Shapley values of the parts of the frame (`datasets.frame.CELLS`)."""
        return cell.explanations(self.method, EDGE)

    def estimate(self, cell: Cell, source: EvidenceSource) -> Estimate:
        """The share over the sample; of the output 0 to 1.

        Raises:
            NotApplicable: If the model cannot be explained, or its outputs for the two classes do
                not differ.
        """
        explained = cells_of(cell, source)
        values, inside = explained.arrays["values"], explained.arrays["inside"]
        label = f"share of the frame's rim and corners in the {self.of}"
        if self.of == "output":
            share = 1 - outside_share(values, inside)
            mean = self.mean(share, explained, cell, source, label, (0.0, 1.0))
        else:
            part = (values * inside).sum(axis=1)
            share = _separation(part, explained, cell, source)
            mean = self.mean(share, explained, cell, source, label)
        area = (inside * explained.arrays["area"]).sum(axis=1).mean()
        return mean.placed(area=round(float(area), 4))


@dataclass(frozen=True)
class CellShare(Explaining):
    """The share of one part of the frame in the separation, for the report.

    Attributes:
        part: One of the players' names.
    """

    part: str
    method: str = field(default=GRID_SHAPLEY, init=False)

    @property
    def id(self) -> str:
        """The part."""
        return self.part

    def requests(self, cell: Cell) -> tuple[AttributionRequest, ...]:
        """As `EdgeShare.requests`."""
        return EdgeShare().requests(cell)

    def estimate(self, cell: Cell, source: EvidenceSource) -> Estimate:
        """The share over the sample.

        Raises:
            NotApplicable: As `EdgeShare.estimate`.
        """
        explained = cells_of(cell, source)
        part = explained.arrays["values"][:, explained.players.index(self.part)]
        share = _separation(part, explained, cell, source)
        return self.mean(share, explained, cell, source, f"share of {self.part} in the separation")


def cells_of(cell: Cell, source: EvidenceSource) -> Attributions:
    """The Shapley values of the parts of the frame.

    Raises:
        NotApplicable: If the model cannot be explained.
    """
    return explained_by(cell, source, EdgeShare().requests(cell))


def _separation(
    part: Floats, explained: Attributions, cell: Cell, source: EvidenceSource
) -> Floats:
    cases = source.dataset(cell.dataset).cases
    positive = np.array([cases[i].labels[cell.target] == 1 for i in explained.index])
    return separation_share(part, explained.arrays["values"].sum(axis=1), positive)


def separation_share(part: Floats, whole: Floats, positive: NDArray[np.bool_]) -> Floats:
    """A part's share of the difference between two classes, as one value per image.

    Args:
        part: Shape (n,), what the part contributes to each image's output.
        whole: Shape (n,), what all parts contribute.
        positive: Shape (n,), the classes.

    Returns:
        Shape (n,): the mean is the ratio of the differences, and the spread that of its linear
        approximation, so that the interval of the mean is that of the ratio.

    Raises:
        NotApplicable: If a class is missing, or the outputs of the classes do not differ.
    """
    if positive.all() or not positive.any():
        raise NotApplicable("only images of one class are explained")
    weight = np.where(positive, 1 / positive.mean(), -1 / (~positive).mean())
    difference = float((weight * whole).mean())
    if difference == 0:
        raise NotApplicable("the outputs for the two classes do not differ")
    share = float((weight * part).mean()) / difference
    residual = part - share * whole
    for side in (positive, ~positive):
        residual[side] -= residual[side].mean()
    return np.asarray(share + weight * residual / difference)
