"""What the checks on embeddings (E1 to E4) found, place by place, for one section of the report."""

from __future__ import annotations

from collections.abc import Container, Sequence
from dataclasses import dataclass

from audit_suite.maskings import Masking
from audit_suite.record import EmbeddingRecord, EstimateRecord, Finding
from audit_suite.report.scatter import Scatter, scatter

PLAIN, PROBE, PICTURE, EACH = "E1", "E2", "E3", "E4"
_AMONG = ("all", "positive", "negative")


@dataclass(frozen=True)
class Similar:
    """Cosine similarity under one masking, of all and of either class; None where not known."""

    name: str
    cells: tuple[EstimateRecord | None, ...]


@dataclass(frozen=True)
class Probed:
    """How well one tag, or a masking, is told from the embedding."""

    name: str
    told: EstimateRecord


@dataclass(frozen=True)
class Embeddings:
    """The section of one model, data set and target."""

    place: tuple[str, str, str]
    picture: Scatter | None
    similar: tuple[Similar, ...]
    probed: tuple[Probed, ...]
    notes: tuple[str, ...]


def embeddings(
    findings: Sequence[Finding], pictures: Sequence[EmbeddingRecord]
) -> tuple[Embeddings, ...]:
    """Group what was found by place.

    Args:
        findings: All of the record; others than E1 to E4 are passed over.
        pictures: The record's maps.
    """
    drawn = {(p.model, p.dataset, p.target): p for p in pictures}
    places = [(f.model, f.dataset, f.target) for f in findings if shown(f, drawn)]
    return tuple(
        Embeddings(
            here,
            scatter(drawn[here]) if here in drawn else None,
            _similar(mine := [f for f in findings if (f.model, f.dataset, f.target) == here]),
            _probed(mine),
            tuple(f.reason for f in mine if f.check == PLAIN and f.observations),
        )
        for here in dict.fromkeys([*places, *drawn])
    )


def shown(finding: Finding, drawn: Container[tuple[str, str, str]]) -> bool:
    """Whether a finding's numbers, or its picture, stand in this section.

    Args:
        finding: Any.
        drawn: Places of which there is a map.
    """
    if finding.check == PICTURE:
        return (finding.model, finding.dataset, finding.target) in drawn
    return finding.check in (PLAIN, PROBE, EACH) and bool(finding.observations)


def _similar(findings: Sequence[Finding]) -> tuple[Similar, ...]:
    """One row a masking, and the difference of own region and equal area last."""
    rows: dict[tuple[str, str], dict[str, EstimateRecord]] = {}
    for finding in sorted(findings, key=lambda f: f.check == PLAIN):
        if finding.check in (PLAIN, EACH):
            for estimate in finding.observations:
                key = str(estimate.at["masking"]), str(estimate.at.get("against", ""))
                rows.setdefault(key, {})[str(estimate.at["among"])] = estimate
    return tuple(
        Similar(_name(*key), tuple(cells.get(among) for among in _AMONG))
        for key, cells in rows.items()
    )


def _name(masking: str, against: str) -> str:
    words = Masking.parse(masking).label
    return f"{words}, minus {Masking.parse(against).label}" if against else words


def _probed(findings: Sequence[Finding]) -> tuple[Probed, ...]:
    """The strongest first; the masking, which most models see, last."""
    told = [f.observations[0] for f in findings if f.check == PROBE and f.observations]
    told.sort(key=lambda one: ("tag" not in one.at, -abs(one.value - 0.5)))
    return tuple(
        Probed(
            str(one.at["tag"])
            if "tag" in one.at
            else f"masking: {Masking.parse(str(one.at['masking'])).label} or full",
            one,
        )
        for one in told
    )
