"""Subgroups: skill, decisions and region sensitivity of each group of patients, side by side."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from audit_suite.record import EstimateRecord, Finding, Record
from audit_suite.report.places import Place, by_place
from audit_suite.report.section import Section, findings_of, register_section

NAME, TAGS, PAIRS = "subgroups", "tags", "pairs"
_MOST_PAIRS = 5  # pairs of tags that are listed, the largest gaps first


@dataclass(frozen=True)
class GroupRow:
    """One group of patients.

    Attributes:
        name: The group in words.
        known: Its estimates by statistic: ``auroc``, ``auroc gap``, ``sensitivity``, ``kept`` ...
        judged: Verdicts by statistic.
        undecided: Why it is not judged; empty if it is.
    """

    name: str
    known: dict[str, EstimateRecord]
    judged: dict[str, str]
    undecided: str


@dataclass(frozen=True)
class PlaceGroups:
    """The groups of one place: of single tags, and the pairs of tags with the largest gaps."""

    place: Place
    rows: tuple[GroupRow, ...]
    pairs: tuple[GroupRow, ...]
    points: bool


def view(_record: Record, findings: Sequence[Finding]) -> tuple[PlaceGroups, ...]:
    """One table per place with at least one group."""
    tables = []
    for place, here in by_place(findings).items():
        rows = _rows(findings_of(here, f"{NAME}.{TAGS}"))
        pairs = sorted(_rows(findings_of(here, f"{NAME}.{PAIRS}")), key=_by_gap)
        if rows or pairs:
            points = any("sensitivity" in row.known for row in rows)
            tables.append(PlaceGroups(place, rows, tuple(pairs[:_MOST_PAIRS]), points))
    return tuple(tables)


def shows(finding: Finding, _record: Record) -> bool:
    """Whether the finding only reports, and all of it stands in the table."""
    return bool(finding.observations) and not finding.comparisons


def _rows(findings: Sequence[Finding]) -> tuple[GroupRow, ...]:
    groups: dict[str, GroupRow] = {}
    for estimate, verdict in _estimates(findings):
        at = estimate.at
        if "group" not in at:
            continue
        name, statistic = str(at["group"]), str(at.get("statistic", "prevalence"))
        row = groups.setdefault(name, GroupRow(name, {}, {}, str(at.get("undecided", ""))))
        before = row.known.get(statistic)
        if before is None or abs(estimate.value) > abs(before.value):  # of three fills the most
            row.known[statistic] = estimate
        if verdict:
            row.judged[statistic] = verdict
    return tuple(groups.values())


def _estimates(findings: Sequence[Finding]) -> Iterator[tuple[EstimateRecord, str]]:
    """What was observed and what was judged, with the verdict."""
    for finding in findings:
        for estimate in finding.observations:
            yield estimate, ""
        for comparison in finding.comparisons:
            yield comparison.estimate, comparison.verdict.value


def _by_gap(row: GroupRow) -> float:
    gap = row.known.get("auroc gap")
    return -gap.value if gap else 0.0


register_section(
    Section(
        name=NAME,
        title="Groups of patients",
        parts=(TAGS, PAIRS),
        rank=300,
        view=view,
        shows=shows,
    )
)
