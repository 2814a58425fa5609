"""The page: findings in the order in which a reader needs them, and the sections around them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from audit_suite.record import CausesRecord, Finding, Record
from audit_suite.report.charts import MANY, too_many_to_draw
from audit_suite.report.charts.forest import Forest, forest_of
from audit_suite.report.coverage import Coverage, coverage
from audit_suite.report.data import CaseMixRow, case_mix_rows
from audit_suite.report.first import FirstScreen, first_screen
from audit_suite.report.places import Place, by_place, place_of
from audit_suite.report.rendering import RenderedSection
from audit_suite.report.section import AFTER_LISTS
from audit_suite.report.severity import OPEN, severity
from audit_suite.signoff import SignOff
from audit_suite.verdict import Verdict

_DRAWN = 24  # cases of one check that a plot shows


@dataclass(frozen=True)
class Problem:
    """A check that did not pass in one place, with all of its cases and their plot.

    Attributes:
        findings: Its cases that did not pass, the most severe first.
        passed: How many of its cases passed.
        chart: The cases' estimates; None where there are none, or too many on the page.
    """

    findings: tuple[Finding, ...]
    passed: int
    chart: Forest | None

    @property
    def finding(self) -> Finding:
        """The case that says most."""
        return self.findings[0]


@dataclass(frozen=True)
class Page:
    """Everything the templates show.

    Attributes:
        record: The record.
        first: What stands at the top.
        signoff: A reviewer's decision on it.
        waived: Findings that somebody has taken responsibility for.
        causes: Causes, by place.
        problems: Checks that did not pass, the most severe first.
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
    first: FirstScreen
    signoff: SignOff | None
    waived: tuple[Finding, ...]
    causes: tuple[CausesRecord, ...]
    problems: tuple[Problem, ...]
    more_problems: tuple[Problem, ...]
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
    problems = _problems(findings)
    listed = [f for f in findings if f.verdict is Verdict.NOT_APPLICABLE and f.id not in shown]
    return Page(
        record=record,
        first=first_screen(record),
        signoff=signoff,
        waived=tuple(f for f in findings if f.verdict is Verdict.WAIVED),
        causes=tuple(cause for cause in record.causes if cause.flags),
        problems=problems[:MANY],
        more_problems=problems[MANY:],
        coverage=coverage(record),
        estimates=() if too_many_to_draw(record) else tuple(_estimates(findings)),
        sections=tuple(s for s in sections if s.rank < AFTER_LISTS),
        passed=tuple(f for f in findings if f.verdict is Verdict.PASS),
        reported=tuple(f for f in listed if f.observations),
        not_applicable=tuple(f for f in listed if not f.observations),
        later_sections=tuple(s for s in sections if s.rank >= AFTER_LISTS),
        case_mix=case_mix_rows(record.provenance.datasets),
    )


def _problems(findings: Sequence[Finding]) -> tuple[Problem, ...]:
    """One card for each check and place, the most severe first, and then what must pass."""
    cards: dict[tuple[Place, str], list[Finding]] = {}
    passed: dict[tuple[Place, str], int] = {}
    for finding in findings:
        key = place_of(finding), finding.check
        if finding.verdict in OPEN:
            cards.setdefault(key, []).append(finding)
        elif finding.verdict is Verdict.PASS:
            passed[key] = passed.get(key, 0) + 1
    ordered = {key: sorted(cases, key=severity) for key, cases in cards.items()}
    found: list[Problem] = []
    for key, cases in sorted(ordered.items(), key=lambda item: severity(item[1][0])):
        chart = forest_of(cases) if len(found) < MANY and len(cases) <= _DRAWN else None
        found.append(Problem(tuple(cases), passed.get(key, 0), chart))
    return tuple(found)


def _estimates(findings: Sequence[Finding]) -> Iterator[tuple[Place, Forest]]:
    for place, here in by_place(findings).items():
        if (chart := forest_of(here)) is not None:
            yield place, chart
