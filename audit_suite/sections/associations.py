"""What else predicts the label: tags and image properties, each taken as if it were a score."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from audit_suite.record import EstimateRecord, Finding, GalleryImage, Record
from audit_suite.report.places import Place, by_place
from audit_suite.report.section import Gathered, Section, findings_of, register_section


@dataclass(frozen=True)
class PropertyRow:
    """One tag or image property.

    Attributes:
        name: Of the tag or property.
        auroc: How well it predicts the label.
        following: How the model's score follows it among positives and among negatives, as far as
            known.
    """

    name: str
    auroc: EstimateRecord
    following: tuple[EstimateRecord, ...]


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
    for place, rows in _rows_by_place(findings_of(gathered.findings, "associations")):
        measured = [row.name for row in rows if row.name in PROPERTIES]
        if place[1:] not in done and measured:
            done.add(place[1:])
            images += extremes(cells[place], measured[0], gathered.source)
    return images


def view(record: Record, findings: Sequence[Finding]) -> tuple[PropertyTable, ...]:
    """One table per place."""
    images = by_place(image for image in record.gallery if image.is_extreme)
    return tuple(
        PropertyTable(place, rows, tuple(images.get(place, ())))
        for place, rows in _rows_by_place(findings)
    )


def shows(finding: Finding, _record: Record) -> bool:
    """Whether the finding is a row."""
    return bool(finding.observations)


def _rows_by_place(findings: Sequence[Finding]) -> Iterator[tuple[Place, tuple[PropertyRow, ...]]]:
    for place, here in by_place(f for f in findings if f.observations).items():
        rows = [_row(finding) for finding in here]
        yield place, tuple(sorted(rows, key=lambda row: -abs(row.auroc.value - 0.5)))


def _row(finding: Finding) -> PropertyRow:
    auroc, *following = finding.observations
    return PropertyRow(str(auroc.at.get("property", finding.case)), auroc, tuple(following))


register_section(
    Section(
        name="associations",
        title="What else predicts the label",
        rank=300,
        collect=collect,
        fills="gallery",
        view=view,
        shows=shows,
    )
)
