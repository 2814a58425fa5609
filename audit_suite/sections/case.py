"""The model's scores of the patients that are shown; the pictures are other sections'."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import numpy as np

from audit_suite.errors import AuditError
from audit_suite.pictures.candidates import CASES, candidates
from audit_suite.record import Finding, Record
from audit_suite.report.first.rows import SHOWN
from audit_suite.report.first.strip import SECTION
from audit_suite.report.places import Place, place_of
from audit_suite.report.section import Gathered, Section, findings_of, register_section
from audit_suite.sections.attributions import MAPS, explained_image_of
from audit_suite.sections.gallery import plainest, planned_maskings
from audit_suite.verdict import NotApplicable

if TYPE_CHECKING:
    from audit_suite.evidence import Cell, EvidenceSource
    from audit_suite.maskings import Masking
    from audit_suite.needs.scores.cell_scores import CellScores

_MOST = 50  # places: the first screen shows one, and tables of hundreds have no such strip


def collect(gathered: Gathered) -> list[dict[str, Any]] | None:
    """By place the scores of the gallery's first sick patient, under each masking shown.

    And of the first sick patient with a map, and of all pictures of the gallery. Of what is stored;
    nothing is computed for a report.
    """
    planned, by_pair = set(gathered.requests), planned_maskings(gathered.requests)
    on_the_first_screen = [masking for some in SHOWN.values() for masking in some]
    methods: dict[Place, list[str]] = {}
    for finding in findings_of(gathered.findings, f"attributions.{MAPS}"):
        methods.setdefault(place_of(finding), []).append(finding.case)
    entries = []
    for cell in gathered.cells[:_MOST]:
        place = cell.model_name, cell.dataset.name, cell.target
        roi, drawn = cell.dataset.targets[cell.target].roi, plainest(cell, by_pair)
        named = {masking.id: masking.of(roi) for masking in on_the_first_screen}
        asked = list(dict.fromkeys([*named.values(), *drawn]))
        pictures = _of_pictures(cell, gathered.source, asked, planned)
        first = pictures.get(CASES[0][0], {})
        if scores := {id: first[m] for id, m in named.items() if m in first}:
            one = {"model": place[0], "dataset": place[1], "target": place[2], "scores": scores}
            if explained := _of_explained(cell, gathered.source, methods.get(place, [])):
                one["explained"] = explained
            shown = {
                case: {m.id: known[m] for m in drawn if m in known}
                for case, known in pictures.items()
            }
            if kept := {case: scores for case, scores in shown.items() if scores}:
                one["pictures"] = kept
            entries.append(one)
    return entries or None


def _stored(
    cell: Cell,
    maskings: Sequence[Masking],
    planned: Collection[object],
    source: EvidenceSource,
) -> list[Masking]:
    """Those whose scores were planned and are there."""
    stored = []
    for masking in maskings:
        with suppress(AuditError, NotApplicable):
            requests = cell.requests(masking)
            if all(request in planned and not source.missing(request) for request in requests):
                stored.append(masking)
    return stored


def _of_pictures(
    cell: Cell,
    source: EvidenceSource,
    maskings: Sequence[Masking],
    planned: Collection[object],
) -> dict[str, dict[Masking, dict[str, Any]]]:
    """By case of the gallery, the score under each masking whose scores are stored."""
    from audit_suite.maskings import Full
    from audit_suite.needs.scores.cell_scores import cell_scores

    try:
        if any(source.missing(request) for request in cell.requests(Full())):
            return {}
        full = cell_scores(cell, source, Full())
        cases = pictured(cell, source, full.readable)
    except (AuditError, NotApplicable):
        return {}  # the findings say why
    by_case: dict[str, dict[Masking, dict[str, Any]]] = {case: {} for case in cases}
    for masking in _stored(cell, maskings, planned, source):
        try:
            shown = cell_scores(cell, source, masking)
        except (AuditError, NotApplicable):
            continue
        for case, index in cases.items():
            if (score := _score(shown, index, full)) is not None:
                by_case[case][masking] = score
    return by_case


def _of_explained(
    cell: Cell, source: EvidenceSource, methods: Sequence[str]
) -> dict[str, Any] | None:
    """The score of the whole image whose map is shown."""
    from audit_suite.maskings import Full
    from audit_suite.needs.scores.cell_scores import cell_scores

    try:
        index, full = explained_image_of(cell, source, methods), cell_scores(cell, source, Full())
        return None if index is None else _score(full, index, full)
    except (AuditError, NotApplicable):
        return None  # the findings say why


def _score(shown: CellScores, index: int, full: CellScores) -> dict[str, Any] | None:
    """An image's score, as a probability and by its place among the whole images' scores."""
    if not shown.used[index]:
        return None
    place = int(shown.used[:index].sum())
    score = float(shown.scores[place])
    probability = None if shown.probabilities is None else float(shown.probabilities[place])
    return {
        "probability": None if probability is None else round(probability, 6),
        "above": round(float(np.mean(full.scores < score)), 4),
    }


def first_sick(cell: Cell, source: EvidenceSource, readable: np.ndarray) -> int | None:
    """The image that `pictures.masked_cases` calls ``positive 1``; None if there is none.

    Args:
        cell: Model, data set and target.
        source: Data sets by card.
        readable: Shape (all images,), true for those that can be read.
    """
    return pictured(cell, source, readable).get(CASES[0][0])


def pictured(cell: Cell, source: EvidenceSource, readable: np.ndarray) -> dict[str, int]:
    """The images that `pictures.masked_cases` draws, by case: of each label, one per patient.

    Args:
        cell: Model, data set and target.
        source: Data sets by card.
        readable: Shape (all images,), true for those that can be read.
    """
    dataset = source.dataset(cell.dataset)
    images = {}
    for name, label, rank in CASES:
        of_patients: dict[str, int] = {}
        for index in candidates(dataset, cell.target, label):
            if len(of_patients) > rank:
                break
            if readable[index]:
                of_patients.setdefault(dataset.cases[index].patient, index)
        if len(of_patients) > rank:
            images[name] = list(of_patients.values())[rank]
    return images


def view(_record: Record, _findings: Sequence[Finding]) -> None:
    """Nothing below the first screen."""


register_section(
    Section(name=SECTION, title="One patient", rank=10, collect=collect, view=view, template="")
)
