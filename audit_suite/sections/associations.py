"""What else predicts the label: tags and image properties, each taken as if it were a score."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from audit_suite.record import EstimateRecord, Finding, GalleryImage, Record
from audit_suite.report.bounds import decided_by
from audit_suite.report.places import Place, by_place
from audit_suite.report.room import Room
from audit_suite.report.section import Gathered, Section, findings_of, register_section
from audit_suite.report.words import VERDICTS


@dataclass(frozen=True)
class PropertyRow:
    """One tag or image property.

    Attributes:
        name: Of the tag or property.
        auroc: How well it predicts the label; None for what is made of several properties.
        following: How the model's score follows it among positives and among negatives, as far as
            known.
        share: How much of what separates the classes it explains, as far as known.
        verdict: Whether that is less than a quarter, in words; empty where it is not judged.
        by: The end of the interval that decided, and what else it depends on.
    """

    name: str
    auroc: EstimateRecord | None
    following: tuple[EstimateRecord, ...]
    share: EstimateRecord | None
    verdict: str
    by: str


@dataclass(frozen=True)
class PropertyTable:
    """Tags and properties of one place, the strongest first, and images with extreme values."""

    place: Place
    rows: tuple[PropertyRow, ...]
    extremes: tuple[GalleryImage, ...]


def collect(gathered: Gathered) -> list[GalleryImage]:
    """The images of each data set and target with extremes of the property that predicts best."""
    from audit_suite.datasets.properties import PROPERTIES
    from audit_suite.pictures.extremes import extremes

    cells = {(c.model_name, c.dataset.name, c.target): c for c in gathered.cells}
    images: list[GalleryImage] = []
    done = set()
    room = Room()
    for place, rows in _rows_by_place(findings_of(gathered.findings, "associations")):
        measured = [row.name for row in rows if row.auroc and row.name in PROPERTIES]
        if place[1:] not in done and measured and room.is_left:
            done.add(place[1:])
            drawn = extremes(cells[place], measured[0], gathered.source)
            images += drawn
            room.take(image.png for image in drawn)
    return images


def view(record: Record, findings: Sequence[Finding]) -> tuple[PropertyTable, ...]:
    """One table per place."""
    images = by_place(image for image in record.gallery if image.is_extreme)
    return tuple(
        PropertyTable(place, rows, tuple(images.get(place, ())))
        for place, rows in _rows_by_place(findings)
    )


def shows(finding: Finding, _record: Record) -> bool:
    """Whether the finding is a row; one that has a verdict stays in the general lists too."""
    return bool(finding.observations) and not finding.comparisons


def _rows_by_place(findings: Sequence[Finding]) -> Iterator[tuple[Place, tuple[PropertyRow, ...]]]:
    for place, here in by_place(f for f in findings if f.observations or f.comparisons).items():
        shares = {f.case: f for f in here if _is_share(f)}
        told = {f.case: f for f in here if not _is_share(f)}
        names = dict.fromkeys((*told, *shares))
        rows = [_row(name, told.get(name), shares.get(name)) for name in names]
        yield place, tuple(sorted(rows, key=_strength))


def _is_share(finding: Finding) -> bool:
    """Whether it is on how much of the skill a cue explains, not on what predicts the label."""
    return finding.estimate is not None and "cue" in finding.estimate.at


def _row(name: str, told: Finding | None, share: Finding | None) -> PropertyRow:
    auroc, *following = told.observations if told else (None,)
    place = str(auroc.at.get("property", name)) if auroc else name
    verdict = VERDICTS[share.verdict][1] if share and share.comparisons else ""
    by = decided_by(share) if share else ""
    explains = share.estimate if share else None
    return PropertyRow(place, auroc, tuple(following), explains, verdict, by)


def _strength(row: PropertyRow) -> float:
    return -abs(row.auroc.value - 0.5) if row.auroc else 0.0


register_section(
    Section(
        name="associations",
        title="What else predicts the label",
        rank=510,
        collect=collect,
        fills="gallery",
        view=view,
        shows=shows,
    )
)
