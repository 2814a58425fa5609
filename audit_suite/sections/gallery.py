"""Masked cases: a few images as the models were shown them, under every masking."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

from audit_suite.errors import AuditError
from audit_suite.record import Finding, GalleryImage, Record
from audit_suite.report.places import Place, by_place
from audit_suite.report.section import AFTER_LISTS, Gathered, Section, register_section

_DRAW = "audit_suite.pictures.masked_cases:draw"


@dataclass(frozen=True)
class GalleryRow:
    """One case under every masking."""

    case: str
    images: tuple[GalleryImage, ...]


@dataclass(frozen=True)
class Gallery:
    """The cases of one place."""

    place: Place
    rows: tuple[GalleryRow, ...]


def collect(gathered: Gathered) -> list[GalleryImage]:
    """Cases of each data set and target under every masking that was planned.

    Models that share an input geometry share the pictures; they stand under the first of them.
    """
    from audit_suite.evidence.scores.geometry import geometry
    from audit_suite.evidence.scores.request import ScoreRequest

    planned = [request for request in gathered.requests if isinstance(request, ScoreRequest)]
    images: list[GalleryImage] = []
    done = set()
    for cell in gathered.cells:
        key = cell.dataset, cell.target, geometry(cell.model.input)
        pair = cell.model, cell.folds[0], cell.dataset
        maskings = {request.masking for request in planned if request.pair == pair}
        if key in done or not maskings:
            continue
        done.add(key)
        ordered = sorted(maskings, key=lambda masking: masking.rank)
        try:
            drawn = gathered.source.call(_DRAW, cell, ordered)
        except AuditError:
            continue  # the findings on this data set say what is wrong with it
        images += [GalleryImage.model_validate(picture) for picture in drawn]
    return images


def view(record: Record, _findings: Sequence[Finding]) -> tuple[Gallery, ...]:
    """The cases of each place, one row each."""
    cases = by_place(image for image in record.gallery if not image.is_extreme)
    return tuple(Gallery(place, _rows(images)) for place, images in cases.items())


def _rows(images: Sequence[GalleryImage]) -> tuple[GalleryRow, ...]:
    rows: dict[str, list[GalleryImage]] = defaultdict(list)
    for image in images:
        rows[image.case].append(image)
    return tuple(GalleryRow(case, tuple(row)) for case, row in rows.items())


register_section(
    Section(
        name="gallery",
        title="Masked cases",
        rank=AFTER_LISTS + 100,
        collect=collect,
        fills="gallery",
        view=view,
    )
)
