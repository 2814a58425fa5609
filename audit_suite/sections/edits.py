"""Counterfactual edits: how the score answers, beside the same edit elsewhere, and one case."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from audit_suite.evidence.scores.edited import EditedRequest
from audit_suite.png import png
from audit_suite.record import EstimateRecord, Finding, Record
from audit_suite.report.places import Place, place_of
from audit_suite.report.room import Room
from audit_suite.report.section import Gathered, Section, findings_of, register_section
from audit_suite.report.words import word

if TYPE_CHECKING:
    from audit_suite.evidence import Cell, EvidenceSource

NAME = "edits"


@dataclass(frozen=True)
class EditedCase:
    """What is shown of one editor in one place.

    Attributes:
        place: Model, data set, target.
        editor: Its name.
        verdict: In words.
        arms: The responses by arm, as far as they are known.
        told: How many edits were tried and count; or why nothing is said.
        pictures: A case near the median response; None if there is none to show.
    """

    place: Place
    editor: str
    verdict: str
    arms: dict[str, EstimateRecord]
    told: str
    pictures: dict[str, Any] | None


def collect(gathered: Gathered) -> list[dict[str, Any]] | None:
    """A case of each editor in each place, from stored evidence alone."""
    cells = {(c.model_name, c.dataset.name, c.target): c for c in gathered.cells}
    cases, room = [], Room()
    for finding in findings_of(gathered.findings, NAME):
        editor = _editor_of(finding)
        if not editor or not room.is_left:
            continue
        case = _shown(editor, cells[place_of(finding)], gathered.source)
        if case is not None:
            room.take(case["pictures"])
            place = {"model": finding.model, "dataset": finding.dataset, "target": finding.target}
            cases.append({**place, "editor": editor, **case})
    return cases or None


def _shown(editor: str, cell: Cell, source: EvidenceSource) -> dict[str, Any] | None:
    request = EditedRequest(cell.model, cell.folds[0], cell.dataset, cell.target, editor)
    table = source.read_stored(request)
    if table is None or table.case is None:
        return None
    case = source.dataset(cell.dataset).cases[int(table.index[table.case])]
    return {
        "row": case.row,
        "scores": table.scores[table.case].tolist(),
        "boxes": table.boxes.tolist(),
        "frame": [table.pictures.shape[3], table.pictures.shape[2]],
        "pictures": [png(picture.astype(np.float32) / 255) for picture in table.pictures],
    }


def view(record: Record, findings: Sequence[Finding]) -> tuple[EditedCase, ...]:
    """One part per editor and place."""
    drawn = {
        (each["model"], each["dataset"], each["target"], each["editor"]): each
        for each in record.sections.get(NAME, ())
    }
    return tuple(_case(finding, drawn) for finding in findings)


def _case(finding: Finding, drawn: dict[tuple[str, str, str, str], Any]) -> EditedCase:
    arms = {str(one.at["arm"]): one for one in _known(finding)}
    told = next((str(one.at["kept"]) for one in arms.values()), finding.reason)
    editor, where = _editor_of(finding) or finding.case, place_of(finding)
    return EditedCase(where, editor, word(finding), arms, told, drawn.get((*where, editor)))


def _known(finding: Finding) -> list[EstimateRecord]:
    known = [*finding.observations, *([finding.estimate] if finding.estimate else [])]
    return [one for one in known if "arm" in one.at]


def _editor_of(finding: Finding) -> str:
    """Empty where nothing is said of the model."""
    return next((str(one.at["editor"]) for one in _known(finding)), "")


register_section(
    Section(name=NAME, title="Counterfactual edits", rank=478, collect=collect, view=view)
)
