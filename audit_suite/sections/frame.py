"""What needs no mask: the parts of the frame and their shares, and what such checks can show."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from audit_suite.errors import AuditError
from audit_suite.record import Finding, FrameCell, FrameRecord, Record
from audit_suite.report.places import place_of
from audit_suite.report.room import Room
from audit_suite.report.section import Gathered, Section, findings_of, register_section
from audit_suite.report.words import lacks_region
from audit_suite.verdict import NotApplicable

if TYPE_CHECKING:
    from audit_suite.evidence import Cell, EvidenceSource

CELLS, EDGE, SHUFFLED = "cells", "edge", "shuffled"
_DRAW = "audit_suite.pictures.frame_cells:draw"


@dataclass(frozen=True)
class FrameView:
    """What the section shows.

    Attributes:
        places: The parts of the frame by place.
        no_region: Whether a target has no region, so that these checks stand alone.
    """

    places: tuple[FrameRecord, ...]
    no_region: bool


def collect(gathered: Gathered) -> list[FrameRecord]:
    """The shares of the parts of the frame by place, where they were asked for and are stored."""
    asked = {place_of(finding) for finding in findings_of(gathered.findings, f"frame.{CELLS}")}
    places: list[FrameRecord] = []
    room = Room()
    for cell in gathered.cells:
        if (cell.model_name, cell.dataset.name, cell.target) in asked:
            try:
                places.append(_place(cell, gathered.source, drawn=room.is_left))
                room.take([places[-1].png or ""])
            except (NotApplicable, AuditError):
                continue  # the findings say why
    return places


def _place(cell: Cell, source: EvidenceSource, *, drawn: bool) -> FrameRecord:
    from audit_suite.needs.maps.grid import CellShare, EdgeShare, cells_of

    one = cell.each()[0]  # of several folds, audited by their mean, the first is shown
    if any(source.missing(request) for request in EdgeShare().requests(one)):
        raise NotApplicable("the shares are not stored")
    explained = cells_of(one, source)
    areas = explained.arrays["area"].mean(axis=0)
    shares = {
        name: CellShare(name).estimate(one, source)
        for name, area in zip(explained.players, areas, strict=True)
        if area > 0
    }
    cases = source.dataset(cell.dataset).cases
    shown = [int(index) for index in explained.index if cases[index].shown]
    values = {name: share.value for name, share in shares.items()}
    return FrameRecord(
        model=cell.model_name,
        dataset=cell.dataset.name,
        target=cell.target,
        n_images=len(explained.index),
        png=source.call(_DRAW, cell.dataset, shown, cell.model.input, values) if drawn else None,
        cells=[
            FrameCell(
                name=_plain(name),
                area=float(areas[explained.players.index(name)]),
                share=share.to_record(),
            )
            for name, share in shares.items()
        ],
    )


def _plain(name: str) -> str:
    """``frame.upper-left`` as ``upper left``; tiles of the background are padding."""
    return name.removeprefix("frame.").replace("-", " ").replace("background", "padding")


def view(record: Record, findings: Sequence[Finding]) -> FrameView | None:
    """The pictures and tables, and whether these checks stand alone; None if none was asked."""
    if not findings:
        return None
    return FrameView(tuple(record.frames), lacks_region(record))


register_section(
    Section(
        name="frame",
        title="What needs no mask",
        parts=(CELLS, EDGE, SHUFFLED),
        rank=110,
        collect=collect,
        fills="frames",
        view=view,
    )
)
