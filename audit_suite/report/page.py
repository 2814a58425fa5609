"""The page: findings in the order in which a reader needs them, and the sections around them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from audit_suite.record import CausesRecord, Finding, Record
from audit_suite.report.charts import MANY, too_many_to_draw
from audit_suite.report.charts.forest import Forest, forest_of
from audit_suite.report.coverage import Coverage, coverage
from audit_suite.report.data import CaseMixRow, case_mix_rows
from audit_suite.report.places import Place, by_place
from audit_suite.report.rendering import RenderedSection
from audit_suite.report.section import AFTER_LISTS
from audit_suite.signoff import SignOff
from audit_suite.verdict import Verdict

_SEVERITY = (Verdict.ERROR, Verdict.FAIL, Verdict.NONE, Verdict.INCONCLUSIVE)


@dataclass(frozen=True)
class Problem:
    """A finding that keeps the gate from opening, with its plot."""

    finding: Finding
    chart: Forest | None


@dataclass(frozen=True)
class Page:
    """Everything the templates show.

    Attributes:
        record: The record.
        signoff: A reviewer's decision on it.
        waived: Findings that somebody has taken responsibility for.
        causes: Causes, by place.
        problems: Findings that did not pass, the most severe first.
        more_problems: Those beyond `MANY`, which are listed alone.
        coverage: What was asked where.
        estimates: One plot per place.
        sections: Sections above the lists of findings.
        passed: Findings that passed.
        reported: Findings without a verdict whose numbers stand in no section.
        not_applicable: Findings without numbers.
        later_sections: Sections below the lists.
        case_mix: Declared tags of the data sets side by side.
    """

    record: Record
    signoff: SignOff | None
    waived: tuple[Finding, ...]
    causes: tuple[CausesRecord, ...]
    problems: tuple[Problem, ...]
    more_problems: tuple[Finding, ...]
    coverage: Coverage
    estimates: tuple[tuple[Place, Forest], ...]
    sections: tuple[RenderedSection, ...]
    passed: tuple[Finding, ...]
    reported: tuple[Finding, ...]
    not_applicable: tuple[Finding, ...]
    later_sections: tuple[RenderedSection, ...]
    case_mix: tuple[CaseMixRow, ...]


def page_of(record: Record, sections: Sequence[RenderedSection], signoff: SignOff | None) -> Page:
    """Sort and group a record.

    Args:
        record: What to show.
        sections: Its sections, in order.
        signoff: What a reviewer decided on it.
    """
    findings = record.findings
    shown = {id for section in sections for id in section.finding_ids}
    unpassed = [f for f in findings if f.verdict in _SEVERITY]
    unpassed.sort(key=lambda finding: _SEVERITY.index(finding.verdict))
    listed = [f for f in findings if f.verdict is Verdict.NOT_APPLICABLE and f.id not in shown]
    return Page(
        record=record,
        signoff=signoff,
        waived=tuple(f for f in findings if f.verdict is Verdict.WAIVED),
        causes=tuple(cause for cause in record.causes if cause.flags),
        problems=tuple(Problem(f, forest_of([f])) for f in unpassed[:MANY]),
        more_problems=tuple(unpassed[MANY:]),
        coverage=coverage(record),
        estimates=() if too_many_to_draw(record) else tuple(_estimates(findings)),
        sections=tuple(s for s in sections if s.rank < AFTER_LISTS),
        passed=tuple(f for f in findings if f.verdict is Verdict.PASS),
        reported=tuple(f for f in listed if f.observations),
        not_applicable=tuple(f for f in listed if not f.observations),
        later_sections=tuple(s for s in sections if s.rank >= AFTER_LISTS),
        case_mix=case_mix_rows(record.provenance.datasets),
    )


def _estimates(findings: Sequence[Finding]) -> Iterator[tuple[Place, Forest]]:
    for place, here in by_place(findings).items():
        if (chart := forest_of(here)) is not None:
            yield place, chart
