"""Outlines that readers drew around a finding, compared with maps and the declared ROI (I7)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from audit_suite.datasets.regions import named_regions
from audit_suite.errors import AuditError
from audit_suite.evidence import Cell, EvidenceSource
from audit_suite.evidence.at_input import region_at_input
from audit_suite.needs.maps.attribution import explained_in
from audit_suite.needs.maps.measures import area_share, relevance_mass
from audit_suite.needs.readers.answers import OfReadings, readings_of
from audit_suite.regions import union
from audit_suite.statistics import Estimate, estimate_mean
from audit_suite.statistics.numbering import how_many
from audit_suite.verdict import NotApplicable

Outline = Sequence[tuple[float, float]]


@dataclass(frozen=True)
class OutlineAgreement(OfReadings):
    """Whether maps and the declared ROI lie where readers outlined the finding (I7).

    Only outlines on unmasked images count, and those of several readers are joined. Maps are
    compared on the images that were also explained (``--audit-max-explained``).

    Attributes:
        methods: Explainers whose maps are compared.
    """

    methods: tuple[str, ...]

    @property
    def id(self) -> str:
        """Its name."""
        return "outline-agreement"

    def answer(self, cell: Cell, source: EvidenceSource) -> tuple[Estimate, ...]:
        """The share of the outlined area inside the declared ROI, and the lift by ``method``.

        The lift is the map's relevance mass within the outlines divided by their share of the
        frame, 1 for an uninformative map.

        Raises:
            NotApplicable: If there are no readings, or fewer than two patients were outlined.
            AuditError: If the data set has changed since it was read.
        """
        drawn, inside = _outlined(cell, source)
        label = "share of readers' outlines inside the ROI"
        share = _mean(inside, cell, source, label, (0.0, 1.0))
        if share is None:
            raise NotApplicable(
                "readers outlined the finding in fewer than two patients' full images"
            )
        lifts = (_lift(cell, source, method, drawn) for method in self.methods)
        return share, *(lift for lift in lifts if lift is not None)


def _outlined(
    cell: Cell, source: EvidenceSource
) -> tuple[dict[int, NDArray[np.bool_]], list[tuple[int, float]]]:
    """Outlined areas at the model's input by image, and how much of each lies inside the ROI."""
    dataset = source.dataset(cell.dataset)
    roi = cell.dataset.targets[cell.target].roi
    drawn: dict[int, NDArray[np.bool_]] = {}
    inside = []
    for index, polygons in _outlines(cell, source).items():
        sample = dataset.read(index)
        seen = filled(polygons, sample.image.shape[:2])
        if seen.any():
            declared = union(named_regions(sample, cell.dataset, roi), roi)
            inside.append((index, float(declared[seen].mean())))
            drawn[index] = region_at_input(source, seen, cell.model)
    return drawn, inside


def _lift(
    cell: Cell, source: EvidenceSource, method: str, drawn: Mapping[int, NDArray[np.bool_]]
) -> Estimate | None:
    try:
        maps = explained_in(cell, source, method)
    except (NotApplicable, AuditError):
        return None  # I1 reports why
    rows = [row for row, index in enumerate(maps.index) if int(index) in drawn]
    if not rows:
        return None
    regions = np.stack([drawn[int(maps.index[row])] for row in rows])
    lift = relevance_mass(maps.arrays["maps"][rows], regions) / area_share(regions)
    pairs = [(int(maps.index[r]), float(v)) for r, v in zip(rows, lift, strict=True)]
    label = f"relevance mass lift in readers' outlines, {method}"
    mean = _mean(pairs, cell, source, label)
    return None if mean is None else mean.placed(method=method)


def filled(polygons: Sequence[Outline], size: tuple[int, ...]) -> NDArray[np.bool_]:
    """The pixels inside closed outlines.

    Args:
        polygons: Corners (x, y) as shares of width and height.
        size: Height and width in pixels.

    Returns:
        Shape ``size``.
    """
    height, width = size
    canvas = Image.new("1", (width, height))
    for polygon in polygons:
        if len(polygon) > 2:
            corners = [(x * (width - 1), y * (height - 1)) for x, y in polygon]
            ImageDraw.Draw(canvas).polygon(corners, fill=1, outline=1)
    return np.array(canvas, np.bool_)


def _outlines(cell: Cell, source: EvidenceSource) -> dict[int, list[Outline]]:
    """Outlines of all readers on unmasked images, by row of the data set."""
    study = readings_of(cell, source)
    outlines: dict[int, list[Outline]] = {}
    for reading in study.readings:
        for answer in reading.answers:
            item = study.key.items[answer.code]
            polygons = answer.contours.get(cell.target, ())
            if polygons and item.masking == "full" and not item.method:
                outlines.setdefault(item.index, []).extend(polygons)
    return outlines


def _mean(
    pairs: Sequence[tuple[int, float]],
    cell: Cell,
    source: EvidenceSource,
    label: str,
    bounds: tuple[float, float] | None = None,
) -> Estimate | None:
    """The patient-clustered mean of one number per image; None for fewer than two patients."""
    dataset = source.dataset(cell.dataset)
    known = [(index, value) for index, value in pairs if np.isfinite(value)]
    patients = dataset.patients[[index for index, _ in known]]
    if how_many(patients) < 2:
        return None
    return estimate_mean([value for _, value in known], patients, dataset.digest, label, bounds)
