"""Where the answer comes from: shares of regions, and maps beside the tests of their methods."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from audit_suite.errors import AuditError
from audit_suite.record import (
    AttributionRecord,
    EstimateRecord,
    Finding,
    Overlay,
    PlayerRecord,
    Record,
)
from audit_suite.report.charts.bars import HALF, Bars, bars
from audit_suite.report.places import by_place, place_of
from audit_suite.report.room import Room
from audit_suite.report.section import Gathered, Section, findings_of, register_section
from audit_suite.verdict import NotApplicable, Verdict

if TYPE_CHECKING:
    from audit_suite.evidence import Cell, EvidenceSource
    from audit_suite.evidence.attributions.request import Attributions

REGIONS, MAPS, TESTS = "regions", "maps", "tests"
_CASES = ("positive 1", "positive 2", "negative 1")


@dataclass(frozen=True)
class MethodTest:
    """One test of a method on this model: which, how it ended, and the number behind it."""

    name: str
    result: str
    estimate: EstimateRecord | None


@dataclass(frozen=True)
class MethodMaps:
    """Maps of one method, and how it did in its own tests on this model."""

    name: str
    overlays: tuple[Overlay, ...]
    tests: tuple[MethodTest, ...]


@dataclass(frozen=True)
class PlaceAttributions:
    """What is shown of one place."""

    record: AttributionRecord
    bars: Bars | None
    methods: tuple[MethodMaps, ...]
    sentence: str


def collect(gathered: Gathered) -> list[AttributionRecord]:
    """One record per place whose attributions were asked for and are stored; computes nothing."""
    from audit_suite.evidence.attributions.request import REGION_SHAPLEY

    asked: dict[tuple[str, str, str], set[str]] = {}
    for finding in findings_of(gathered.findings, f"attributions.{REGIONS}"):
        asked.setdefault(place_of(finding), set()).add(REGION_SHAPLEY)
    for finding in findings_of(gathered.findings, f"attributions.{MAPS}"):
        asked.setdefault(place_of(finding), set()).add(finding.case)
    records = []
    room = Room()
    for cell in gathered.cells:
        methods = asked.get((cell.model_name, cell.dataset.name, cell.target), set())
        one = cell.each()[0]  # of several folds, audited by their mean, the first is shown
        tables = dict(_stored(one, gathered.source, sorted(methods)))
        if tables:
            regions = tables.pop(REGION_SHAPLEY, None)
            sample = regions or next(iter(tables.values()))
            overlays = [
                overlay
                for method, maps in tables.items()
                if room.is_left
                for overlay in _overlays(method, maps, cell, gathered.source)
            ]
            room.take(overlay.png for overlay in overlays)
            records.append(
                AttributionRecord(
                    model=cell.model_name,
                    dataset=cell.dataset.name,
                    target=cell.target,
                    n_images=len(sample.index),
                    players=list(_players(regions, cell, gathered.source)) if regions else [],
                    overlays=overlays,
                )
            )
    return records


def _stored(
    cell: Cell, source: EvidenceSource, methods: Sequence[str]
) -> Iterator[tuple[str, Attributions]]:
    from audit_suite.needs.maps.attribution import explained_in

    for method in methods:
        try:
            if not any(source.missing(request) for request in cell.explanations(method)):
                yield method, explained_in(cell, source, method)
        except (NotApplicable, AuditError):
            continue  # the findings say why


def _players(regions: Attributions, cell: Cell, source: EvidenceSource) -> Iterator[PlayerRecord]:
    from audit_suite.statistics import estimate_mean

    dataset = source.dataset(cell.dataset)
    cases = [dataset.cases[i] for i in regions.index]
    patients = dataset.patients[regions.index]
    positive = np.array([case.labels.get(cell.target) == 1 for case in cases])
    values, area, inside = (regions.arrays[name] for name in ("values", "area", "inside"))
    size = np.abs(values)
    share = size / np.maximum(size.sum(axis=1, keepdims=True), 1e-12)
    for number, name in enumerate(regions.players):
        if not area[:, number].any() or len(set(patients[positive])) < 2:
            continue
        of_all = estimate_mean(
            share[:, number], patients, dataset.digest, f"share of {name}", (0.0, 1.0)
        )
        signed = estimate_mean(
            values[positive, number], patients[positive], dataset.digest, f"Shapley value of {name}"
        )
        yield PlayerRecord(
            name=name,
            inside=float(np.average(inside[:, number], weights=area[:, number])),
            area=float(area[:, number].mean()),
            share=of_all.to_record(),
            value=signed.to_record(),
        )


def _overlays(
    method: str, maps: Attributions, cell: Cell, source: EvidenceSource
) -> Iterator[Overlay]:
    from audit_suite.pictures.overlay import explained_image

    for name, row in shown_rows(maps, cell, source).items():
        png = explained_image(maps, row, source, cell.dataset, cell.model)
        yield Overlay(case=name, method=method, png=png)


def shown_rows(maps: Attributions, cell: Cell, source: EvidenceSource) -> dict[str, int]:
    """Which of the explained images are shown: two with the finding, one without.

    Args:
        maps: The maps of one method.
        cell: Model, data set and target.
        source: Data sets by card.

    Returns:
        By name, the place among `maps.index`.
    """
    dataset = source.dataset(cell.dataset)
    cases = [dataset.cases[index] for index in maps.index]
    rows = {
        label: [
            r
            for r, case in enumerate(cases)
            if case.shown and case.labels.get(cell.target) == label
        ]
        for label in (0, 1)
    }
    left = {name: rows[1 if name.startswith("positive") else 0] for name in _CASES}
    return {name: here.pop(0) for name, here in left.items() if here}


def explained_image_of(cell: Cell, source: EvidenceSource, methods: Sequence[str]) -> int | None:
    """The image of the first sick patient whose map is shown; None where none is stored.

    Args:
        cell: Model, data set and target.
        source: Stored evidence; nothing is computed.
        methods: Explainers that were asked.
    """
    for _, maps in _stored(cell.each()[0], source, sorted(methods)):
        rows = shown_rows(maps, cell, source)
        return int(maps.index[rows[_CASES[0]]]) if _CASES[0] in rows else None
    return None


def view(record: Record, findings: Sequence[Finding]) -> tuple[PlaceAttributions, ...]:
    """The attributions of each place, with the findings on their regions and methods."""
    here = by_place(findings)
    return tuple(_place(one, here.get(place_of(one), [])) for one in record.attributions)


def _place(record: AttributionRecord, findings: Sequence[Finding]) -> PlaceAttributions:
    tests = findings_of(findings, f"attributions.{TESTS}")
    methods = tuple(
        MethodMaps(
            name,
            tuple(overlay for overlay in record.overlays if overlay.method == name),
            tuple(_tests(name, tests)),
        )
        for name in dict.fromkeys(overlay.method for overlay in record.overlays)
    )
    verdicts = findings_of(findings, f"attributions.{REGIONS}")
    return PlaceAttributions(record, bars(record.players), methods, _sentence(record, verdicts))


def _tests(method: str, findings: Sequence[Finding]) -> Iterator[MethodTest]:
    """The first finding of each check on a method; a case may name more after the method."""
    seen = set()
    for finding in findings:
        if finding.check not in seen and f"{finding.case}-".startswith(f"{method}-"):
            seen.add(finding.check)
            yield MethodTest(
                f"{finding.title} ({finding.check})",
                finding.reason.removeprefix("reported only: "),
                finding.observations[-1] if finding.observations else None,
            )


def _sentence(record: AttributionRecord, verdicts: Sequence[Finding]) -> str:
    """What a clinician can take from the bars; and where no verdict rests on them, why."""
    if not record.players:
        return ""
    area = sum(p.area * p.inside for p in record.players)
    inside = sum(p.share.value * p.inside for p in record.players)
    outer = max(
        (p for p in record.players if p.inside < HALF), key=lambda p: p.share.value, default=None
    )
    text = (
        f"On average {100 * inside:.0f} % of what moves the model's answer on {record.target} "
        f"comes from the region of interest, on {100 * area:.0f} % of the image"
    )
    if outer is not None:
        text += (
            f"; outside it, most comes from “{outer.name}” ({100 * outer.share.value:.0f} % of the "
            f"whole, on {100 * outer.area:.0f} % of the image)"
        )
    for finding in verdicts[:1]:
        if finding.verdict is Verdict.NOT_APPLICABLE:
            text += f". {finding.check} gives no verdict: {finding.reason}"
    return f"{text}."


register_section(
    Section(
        name="attributions",
        title="Where the answer comes from",
        parts=(REGIONS, MAPS, TESTS),
        rank=100,
        collect=collect,
        fills="attributions",
        view=view,
    )
)
