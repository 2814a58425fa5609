"""What the report shows of attributions: bars of regions, and overlays of some images."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

import numpy as np

from audit_suite.errors import AuditError
from audit_suite.evidence import Cell, EvidenceSource
from audit_suite.evidence.explanation import REGION_SHAPLEY, Attributions, is_stored
from audit_suite.evidence.overlay import explained_image
from audit_suite.needs.attribution import explained_in
from audit_suite.record import AttributionRecord, Finding, Overlay, PlayerRecord
from audit_suite.statistics import estimate_mean
from audit_suite.verdict import NotApplicable

REGION_CHECK, MAP_CHECK = "R14", "I1"
_CASES = ("positive 1", "positive 2", "negative 1")


def attribution_records(
    cells: Sequence[Cell], findings: Iterable[Finding], source: EvidenceSource
) -> list[AttributionRecord]:
    """One record a place whose attributions were asked for and are stored; computes nothing.

    Args:
        cells: Cells of the audit, in order.
        findings: Tell which checks were planned where, and by which methods.
        source: Stored evidence.
    """
    methods: dict[tuple[str, str, str], set[str]] = {}
    for finding in findings:
        place = finding.model, finding.dataset, finding.target
        if finding.check == REGION_CHECK:
            methods.setdefault(place, set()).add(REGION_SHAPLEY)
        elif finding.check == MAP_CHECK:
            methods.setdefault(place, set()).add(finding.case)
    found = []
    for cell in cells:
        asked = methods.get((cell.model_name, cell.dataset.name, cell.target), set())
        one = cell.each()[0]  # of several folds, audited by their mean, the first is shown
        tables = dict(_stored(one, source, sorted(asked)))
        if tables:
            regions = tables.pop(REGION_SHAPLEY, None)
            sample = regions or next(iter(tables.values()))
            found.append(
                AttributionRecord(
                    model=cell.model_name,
                    dataset=cell.dataset.name,
                    target=cell.target,
                    n_images=len(sample.index),
                    players=[] if regions is None else list(_players(regions, cell, source)),
                    overlays=[
                        each
                        for method, table in tables.items()
                        for each in _overlays(method, table, cell, source)
                    ],
                )
            )
    return found


def _stored(
    cell: Cell, source: EvidenceSource, methods: Sequence[str]
) -> Iterator[tuple[str, Attributions]]:
    for method in methods:
        try:
            if all(is_stored(request, source) for request in cell.explanations(method)):
                yield method, explained_in(cell, source, method)
        except (NotApplicable, AuditError):
            continue  # the findings say why


def _players(found: Attributions, cell: Cell, source: EvidenceSource) -> Iterator[PlayerRecord]:
    dataset = source.dataset(cell.dataset)
    cases = [dataset.cases[i] for i in found.index]
    patients = np.array([case.patient for case in cases])
    sick = np.array([case.labels[cell.target] == 1 for case in cases])
    values, area, inside = (found.arrays[name] for name in ("values", "area", "inside"))
    size = np.abs(values)
    share = size / np.maximum(size.sum(axis=1, keepdims=True), 1e-12)
    for number, name in enumerate(found.players):
        if not area[:, number].any() or len(set(patients[sick])) < 2:
            continue
        parts = estimate_mean(
            share[:, number], patients, dataset.digest, f"share of {name}", (0.0, 1.0)
        )
        signed = estimate_mean(
            values[sick, number], patients[sick], dataset.digest, f"Shapley value of {name}"
        )
        yield PlayerRecord(
            name=name,
            inside=float(np.average(inside[:, number], weights=area[:, number])),
            area=float(area[:, number].mean()),
            share=parts.to_record(),
            value=signed.to_record(),
        )


def _overlays(
    method: str, found: Attributions, cell: Cell, source: EvidenceSource
) -> Iterator[Overlay]:
    dataset = source.dataset(cell.dataset)
    taken: list[int] = []
    for case in _CASES:
        label = 1 if case.startswith("positive") else 0
        row = next(
            (
                row
                for row, index in enumerate(found.index)
                if row not in taken and dataset.cases[index].labels[cell.target] == label
            ),
            None,
        )
        if row is None:
            continue
        taken.append(row)
        png = explained_image(found, row, dataset, cell.model.input)
        yield Overlay(case=case, method=method, png=png)
