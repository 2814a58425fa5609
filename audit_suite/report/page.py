"""The page: findings in the order in which a reader needs them, and the sections around them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from audit_suite.record import CauseFlag, CausesRecord, Finding, Record
from audit_suite.report.charts import MANY, too_many_to_draw
from audit_suite.report.charts.forest import Forest, by_unit
from audit_suite.report.claims import Claims, claims
from audit_suite.report.coverage import Coverage, coverage
from audit_suite.report.data import CaseMixRow, case_mix_rows
from audit_suite.report.first import FirstScreen, first_screen
from audit_suite.report.glossary import Code, glossary
from audit_suite.report.places import Place, by_place
from audit_suite.report.rendering import RenderedSection
from audit_suite.report.section import APPENDIX
from audit_suite.report.severity import OPEN, severity
from audit_suite.report.signals import Signal, signals
from audit_suite.signoff import SignOff
from audit_suite.verdict import Verdict

Charts = tuple[tuple[str, Forest], ...]
"""Plots with the unit of each."""

_CARDS = 40  # cards that the page holds


@dataclass(frozen=True)
class Explanations:
    """What could explain the skill of one place.

    Attributes:
        cause: The record's causes there.
        open: Explanations that hold or are not known, those that hold first.
        ruled_out: Explanations that these data speak against.
    """

    cause: CausesRecord
    open: tuple[CauseFlag, ...]
    ruled_out: tuple[CauseFlag, ...]


@dataclass(frozen=True)
class Page:
    """Everything the templates show, in order.

    Attributes:
        record: The record.
        first: What stands at the top.
        signoff: A reviewer's decision on it.
        waived: Findings that somebody has taken responsibility for.
        signals: What did not pass, one card for each question.
        more_signals: Those beyond what a page holds, which are listed alone.
        explanations: Other explanations, by place.
        sections: Sections before the coverage.
        case_mix: Declared tags of the data sets side by side.
        coverage: What was asked where.
        claims: From claims to evidence.
        estimates: One plot for each place and unit.
        later_sections: Sections of the appendix.
        unpassed: Findings that did not pass, in full, the most severe first.
        more_unpassed: Those beyond `MANY`, which are listed alone.
        passed: Findings that passed.
        reported: Findings without a verdict whose numbers stand in no section.
        shown: Findings all of whose numbers stand in a section.
        not_applicable: Findings without numbers.
        glossary: Every check that was asked.
    """

    record: Record
    first: FirstScreen
    signoff: SignOff | None
    waived: tuple[Finding, ...]
    signals: tuple[Signal, ...]
    more_signals: tuple[Signal, ...]
    explanations: tuple[Explanations, ...]
    sections: tuple[RenderedSection, ...]
    case_mix: tuple[CaseMixRow, ...]
    coverage: Coverage
    claims: Claims
    estimates: tuple[tuple[Place, Charts], ...]
    later_sections: tuple[RenderedSection, ...]
    unpassed: tuple[Finding, ...]
    more_unpassed: tuple[Finding, ...]
    passed: tuple[Finding, ...]
    reported: tuple[Finding, ...]
    shown: tuple[Finding, ...]
    not_applicable: tuple[Finding, ...]
    glossary: tuple[Code, ...]


def page_of(record: Record, sections: Sequence[RenderedSection], signoff: SignOff | None) -> Page:
    """Sort and group a record.

    Args:
        record: What to show.
        sections: Its sections, in order.
        signoff: What a reviewer decided on it.
    """
    findings = record.findings
    in_sections = {id for section in sections for id in section.finding_ids}
    cards = signals(findings)
    unpassed = sorted((f for f in findings if f.verdict in OPEN), key=severity)
    unjudged = [f for f in findings if f.verdict is Verdict.NOT_APPLICABLE]
    listed = [f for f in unjudged if f.id not in in_sections]
    return Page(
        record=record,
        first=first_screen(record),
        signoff=signoff,
        waived=tuple(f for f in findings if f.verdict is Verdict.WAIVED),
        signals=cards[:_CARDS],
        more_signals=cards[_CARDS:],
        explanations=tuple(_explanations(record.causes)),
        sections=tuple(s for s in sections if s.rank < APPENDIX),
        case_mix=case_mix_rows(record.provenance.datasets),
        coverage=coverage(record),
        claims=claims(findings),
        estimates=() if too_many_to_draw(record) else tuple(_estimates(findings)),
        later_sections=tuple(s for s in sections if s.rank >= APPENDIX),
        unpassed=tuple(unpassed[:MANY]),
        more_unpassed=tuple(unpassed[MANY:]),
        passed=tuple(f for f in findings if f.verdict is Verdict.PASS),
        reported=tuple(f for f in listed if f.observations),
        shown=tuple(f for f in unjudged if f.id in in_sections),
        not_applicable=tuple(f for f in listed if not f.observations),
        glossary=glossary(record),
    )


def _explanations(causes: Sequence[CausesRecord]) -> Iterator[Explanations]:
    for cause in causes:
        if cause.flags:
            ruled_out = [flag for flag in cause.flags if _ruled_out(flag)]
            open_ones = [flag for flag in cause.flags if not _ruled_out(flag)]
            open_ones.sort(key=lambda flag: flag.holds != "yes")
            yield Explanations(cause, tuple(open_ones), tuple(ruled_out))


def _ruled_out(flag: CauseFlag) -> bool:
    """Whether the data speak against it, and do not show that it contributes all the same."""
    return flag.holds == "no" and not (flag.effect and flag.effect.contributes)


def _estimates(
    findings: Sequence[Finding],
) -> Iterator[tuple[Place, tuple[tuple[str, Forest], ...]]]:
    for place, here in by_place(findings).items():
        if charts := by_unit(here):
            yield place, charts
