"""Masked cases: a few images as the models were shown them, and the scores of each."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from audit_suite.errors import AuditError
from audit_suite.record import Finding, GalleryImage, Record
from audit_suite.report.first.rows import SHOWN
from audit_suite.report.first.strip import SECTION, score_in_words
from audit_suite.report.places import Place, by_place
from audit_suite.report.room import ROOM, Room
from audit_suite.report.section import APPENDIX, Gathered, Section, register_section

if TYPE_CHECKING:
    from audit_suite.evidence import Cell, Request
    from audit_suite.maskings import Masking

MOST = 6
"""Maskings of a case that are shown."""

_DRAW = "audit_suite.pictures.masked_cases:draw"


@dataclass(frozen=True)
class GalleryRow:
    """One case: the picture under each masking, with the model's score of it in words."""

    case: str
    images: tuple[tuple[GalleryImage, str], ...]


@dataclass(frozen=True)
class Gallery:
    """The cases of one place."""

    place: Place
    rows: tuple[GalleryRow, ...]


@dataclass(frozen=True)
class GalleryView:
    """What the section shows.

    Attributes:
        galleries: The places that were drawn.
        n_left_out: Data sets and targets for which there was no room.
    """

    galleries: tuple[Gallery, ...]
    n_left_out: int


def collect(gathered: Gathered) -> list[GalleryImage]:
    """Cases of each data set and target under the plainest maskings that were planned.

    Models that share an input geometry share the pictures; they stand under the first of them.
    Where there are more than a page can hold, the first are drawn.
    """
    from audit_suite.evidence.scores.geometry import geometry

    planned = planned_maskings(gathered.requests)
    images: list[GalleryImage] = []
    room = Room()
    done = set()
    for cell in gathered.cells:
        key = cell.dataset, cell.target, geometry(cell.model.input)
        maskings = plainest(cell, planned)
        if key in done or not maskings or not room.is_left:
            continue
        done.add(key)
        try:
            drawn = gathered.source.call(_DRAW, cell, maskings)
        except AuditError:
            continue  # the findings on this data set say what is wrong with it
        images += [GalleryImage.model_validate(picture) for picture in drawn]
        room.take(picture["png"] for picture in drawn)
    return images


def planned_maskings(requests: Sequence[Request[Any]]) -> dict[object, set[Masking]]:
    """The maskings whose scores were planned, by model, fold and data set."""
    from audit_suite.evidence.scores.request import ScoreRequest

    planned: dict[object, set[Masking]] = defaultdict(set)
    for request in requests:
        if isinstance(request, ScoreRequest):
            planned[request.pair].add(request.masking)
    return planned


def plainest(cell: Cell, planned: Mapping[object, Iterable[Masking]]) -> list[Masking]:
    """Six maskings at most: those of the first screen, then a hole elsewhere, then by rank.

    Args:
        cell: Its target's region is the one meant.
        planned: What `planned_maskings` gives.
    """
    from audit_suite.maskings import WithoutROI

    roi = cell.dataset.targets[cell.target].roi
    first = [m for some in SHOWN.values() for m in some] + [WithoutROI(whose="elsewhere")]
    order = [masking.of(roi) for masking in first]
    most = len(order)
    maskings = planned.get((cell.model, cell.folds[0], cell.dataset), ())
    ordered = sorted(maskings, key=lambda m: (order.index(m) if m in order else most, m.rank))
    return sorted(ordered[:MOST], key=lambda masking: masking.rank)


def view(record: Record, _findings: Sequence[Finding]) -> GalleryView | None:
    """The cases of each place, one row each; None where nothing was drawn."""
    cases = by_place(image for image in record.gallery if not image.is_extreme)
    scores = {
        (one["model"], one["dataset"], one["target"]): one.get("pictures", {})
        for one in record.sections.get(SECTION, [])
    }
    galleries = tuple(
        Gallery(place, _rows(images, scores.get(place, {}))) for place, images in cases.items()
    )
    drawn = {place[1:] for place in cases}
    asked = {(finding.dataset, finding.target) for finding in record.findings}
    full = sum(len(image.png) for image in record.gallery) >= ROOM
    return GalleryView(galleries, len(asked - drawn) if full else 0) if galleries else None


def _rows(
    images: Sequence[GalleryImage], scores: Mapping[str, Mapping[str, Any]]
) -> tuple[GalleryRow, ...]:
    rows: dict[str, list[tuple[GalleryImage, str]]] = defaultdict(list)
    for image in images:
        score = scores.get(image.case, {}).get(image.masking)
        rows[image.case].append((image, score_in_words(score)))
    return tuple(GalleryRow(case, tuple(row)) for case, row in rows.items())


register_section(
    Section(
        name="gallery",
        title="Masked cases",
        rank=APPENDIX + 40,
        collect=collect,
        fills="gallery",
        view=view,
    )
)
