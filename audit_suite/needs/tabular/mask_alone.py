"""Whether the masks alone predict the label: their outline (C1), area and quality (C13)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from audit_suite.datasets.dataset import UNLABELLED
from audit_suite.evidence import Cell, EvidenceSource
from audit_suite.evidence.scores.request import ScoreRequest
from audit_suite.maskings import WithoutROI
from audit_suite.needs.classifier import cross_validated_auroc, logistic, scaler
from audit_suite.statistics import Estimate, estimate_auroc
from audit_suite.verdict import NotApplicable

Aspect = Literal["geometry", "pixels", "position"]
MaskMeasure = Literal["area", "quality"]

_COMPONENTS = 50  # of the masks' pixels
_AT_ONCE = 20_000  # outlines that are measured together: as numbers they take eight times the room


@dataclass(frozen=True)
class OutlineAuroc:
    """Cross-validated AUROC of a classifier that sees the ROI's mask and nothing else (C1).

    Attributes:
        aspect: ``geometry``: size and shape, regardless of position; ``position``: where it lies in
            the frame; ``pixels``: the mask as a picture.
    """

    aspect: Aspect

    @property
    def id(self) -> str:
        """The aspect."""
        return self.aspect

    def requests(self, cell: Cell) -> tuple[ScoreRequest, ...]:
        """The masking that draws the region; its scores are not used."""
        return cell.requests(WithoutROI())

    def estimate(self, cell: Cell, source: EvidenceSource) -> Estimate:
        """AUROC averaged over test folds and repeats, within strata of all other findings.

        Only images that have a label of every finding are compared.

        Raises:
            NotApplicable: If there are too few patients of a class.
        """
        dataset = source.dataset(cell.dataset)
        others = [name for name in cell.dataset.targets if name != cell.target]
        every = np.stack([dataset.labels_of(name) for name in (cell.target, *others)], axis=1)
        outlines, used = _outlines(cell, source, (every != UNLABELLED).all(axis=1))
        labels, equal = every[used, 0], every[used, 1:]
        patients = dataset.patients[used]
        measure = {"geometry": _geometry, "position": _position, "pixels": _pixels}[self.aspect]
        starts = range(0, len(outlines), _AT_ONCE)
        strips = [measure(outlines[first : first + _AT_ONCE] / 255.0) for first in starts]
        features = np.concatenate(strips) if strips else measure(outlines / 255.0)
        steps: list[Callable[[], Any]] = [scaler]
        if self.aspect == "pixels":
            components = min(_COMPONENTS, features.shape[1], len(features) // 4)
            steps = [lambda: _main_components(components), scaler]
        strata = np.unique(equal, axis=0, return_inverse=True)[1].ravel() if others else None
        within = ", within strata of the other findings" if others else ""
        with np.errstate(invalid="ignore"):  # PCA divides by a variance that is 0 for equal masks
            return cross_validated_auroc(
                features,
                labels,
                patients,
                dataset.digest,
                logistic(self.aspect, *steps),
                source.profile.seed,
                f"AUROC of the ROI's {self.aspect} alone{within}",
                strata,
            )


def _main_components(count: int) -> Any:
    from sklearn.decomposition import PCA

    return PCA(count, svd_solver="covariance_eigh")


@dataclass(frozen=True)
class OutlineProperty:
    """AUROC of the mask's area or quality for the label (C13).

    Attributes:
        measure: Which of the two.
    """

    measure: MaskMeasure

    @property
    def id(self) -> str:
        """The measure."""
        return self.measure

    def requests(self, cell: Cell) -> tuple[ScoreRequest, ...]:
        """The masking that draws the region."""
        return cell.requests(WithoutROI())

    def estimate(self, cell: Cell, source: EvidenceSource) -> Estimate:
        """AUROC of the measure as if it were a score.

        Raises:
            NotApplicable: If the data set gives no quality, or all masks have the same value.
        """
        dataset = source.dataset(cell.dataset)
        table = source.read(self.requests(cell)[0])
        labels = dataset.labels_of(cell.target)
        patients = dataset.patients
        if self.measure == "area":
            values = table.hidden_fraction.astype(np.float64)
        else:
            values = np.array(
                [np.nan if case.quality is None else case.quality for case in dataset.cases]
            )
        known = table.used & np.isfinite(values) & (labels != UNLABELLED)
        if len(np.unique(values[known])) < 2:
            raise NotApplicable(
                f"all masks of '{cell.dataset.name}' have the same {self.measure}"
                if known.any()
                else f"data set '{cell.dataset.name}' gives no quality of its masks "
                f"(key mask_quality)"
            )
        return estimate_auroc(
            labels[known],
            values[known],
            patients[known],
            dataset.digest,
            label=f"AUROC of the mask's {self.measure}",
        )


def centres(cell: Cell, source: EvidenceSource) -> NDArray[np.float64]:
    """Where the region lies in the frame, as the model gets it.

    Returns:
        Shape (all images, 2): row and column of the mask's centre of mass, as shares of the frame;
        NaN where no region is drawn.
    """
    outlines, used = _outlines(cell, source, np.ones((), np.bool_))
    where = np.full((len(used), 2), np.nan)
    _, _, row, column, _, _ = _axes(outlines / 255.0)
    where[used] = np.stack([row, column], axis=1)
    return where


def _outlines(
    cell: Cell, source: EvidenceSource, labelled: NDArray[np.bool_]
) -> tuple[NDArray[np.uint8], NDArray[np.bool_]]:
    """Outlines of the usable images, shape (n, 32, 32), 0 to 255, and which images these are."""
    table = source.read(cell.requests(WithoutROI())[0])
    outlines = table.outlines
    assert outlines is not None, "this masking draws the region"
    used = table.used & labelled
    return outlines[used], used


def _axes(outlines: NDArray[np.float64]) -> tuple[NDArray[np.float64], ...]:
    """Weights along each axis, and their centre and spread as shares of the frame."""
    height, width = outlines.shape[1:]
    total = np.maximum(outlines.sum(axis=(1, 2)), 1e-9)
    y, x = (np.arange(height) + 0.5) / height, (np.arange(width) + 0.5) / width
    rows, columns = outlines.sum(axis=2) / total[:, None], outlines.sum(axis=1) / total[:, None]
    centre_y, centre_x = rows @ y, columns @ x
    spread_y = np.sqrt(np.maximum(rows @ y**2 - centre_y**2, 0))
    spread_x = np.sqrt(np.maximum(columns @ x**2 - centre_x**2, 0))
    return rows, columns, centre_y, centre_x, spread_y, spread_x


def _extent(weights: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """First and last position along an axis that the mask reaches, as shares of the frame."""
    there = weights > 1e-3
    length = weights.shape[1]
    first = np.where(there.any(1), there.argmax(1), 0)
    last = np.where(there.any(1), length - there[:, ::-1].argmax(1), 0)
    return first / length, last / length


def _geometry(outlines: NDArray[np.float64]) -> NDArray[np.float64]:
    rows, columns, _, _, spread_y, spread_x = _axes(outlines)
    (top, bottom), (left, right) = _extent(rows), _extent(columns)
    area = outlines.mean(axis=(1, 2))
    height, width = bottom - top, right - left
    filled = area / np.maximum(height * width, 1e-9)
    aspect = height / np.maximum(width, 1e-9)
    return np.stack([area, height, width, aspect, filled, spread_y, spread_x], axis=1)


def _position(outlines: NDArray[np.float64]) -> NDArray[np.float64]:
    rows, columns, centre_y, centre_x, _, _ = _axes(outlines)
    (top, bottom), (left, right) = _extent(rows), _extent(columns)
    return np.stack([centre_y, centre_x, (top + bottom) / 2, (left + right) / 2], axis=1)


def _pixels(outlines: NDArray[np.float64]) -> NDArray[np.float64]:
    """Means of 2 x 2 tiles, which keep a lung's shape at a quarter of the cost."""
    count, height, width = outlines.shape
    tiles = outlines.reshape(count, height // 2, 2, width // 2, 2).mean(axis=(2, 4))
    flat: NDArray[np.float64] = tiles.reshape(count, -1)
    return flat
