"""A section of the report: what it takes from the evidence, and what it shows of the record."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

from audit_suite.errors import AuditError
from audit_suite.record import Finding, Record
from audit_suite.registry import SECTIONS, SHIPPED
from audit_suite.verdict import NotApplicable

if TYPE_CHECKING:
    from audit_suite.evidence import Cell, EvidenceSource, Request

EXTENSIONS = 700
"""Rank of extensions' sections: after the shipped ones, before the coverage."""
APPENDIX = 800
"""From this rank on, sections stand in the appendix: what a reader looks up."""

_RESERVED = frozenset(  # ids of the page itself
    {"glance", "one-patient", "why", "not-tested", "to-do"}
    | {"main", "signoff", "waived", "causes", "problems", "coverage", "estimates", "passed"}
    | {"data", "method", "errors", "limits", "provenance", "claims", "appendix", "findings"}
    | {"glossary"}
)

Result = TypeVar("Result")


@dataclass(frozen=True)
class Gathered:
    """What an audit has at hand when its record is assembled.

    Attributes:
        cells: Cells of the audit, in order.
        findings: All findings.
        requests: The evidence that was planned.
        source: Data sets and stored evidence.
    """

    cells: Sequence[Cell]
    findings: Sequence[Finding]
    requests: Sequence[Request[Any]]
    source: EvidenceSource


def shows_nothing(_finding: Finding, _record: Record) -> bool:
    """No finding: all of them stay in the general lists too."""
    return False


@dataclass(frozen=True)
class Section:
    """One section of the report.

    Attributes:
        name: What checks call it, ``@check(section="name")``, and its anchor on the page.
        title: Its heading, also in the navigation.
        view: What the template shows, from the record and the section's own findings; a function of
            these alone. None, or something empty: the section is left out.
        template: Jinja source of what stands below the heading; it sees ``content`` (what ``view``
            returned), ``findings`` (the section's) and ``record``. A shipped section without one
            has the file ``report/templates/sections/NAME.html.j2``.
        parts: Parts a check must name one of, ``@check(section="name.part")``; none: it has none.
        rank: Place among the sections, from the top of the page.
        collect: What goes into the record, from the evidence, when the record is assembled. It
            must be JSON and goes to ``record.sections[name]``. None: nothing.
        fills: The record's list that a shipped section's content is appended to instead, if any.
        shows: Whether all numbers of a finding stand in this section, where it is shown, so that
            the general lists need not repeat them.
    """

    name: str
    title: str
    view: Callable[[Record, Sequence[Finding]], object]
    template: str = ""
    parts: tuple[str, ...] = ()
    rank: int = EXTENSIONS
    collect: Callable[[Gathered], object] | None = None
    fills: str = ""
    shows: Callable[[Finding, Record], bool] = shows_nothing

    def __post_init__(self) -> None:
        for name in (self.name, *self.parts):
            if not re.fullmatch(r"[a-z][a-z0-9-]*", name) or name in _RESERVED:
                raise AuditError(
                    f"a report section or part cannot have the name '{name}'",
                    f"use lower-case letters, digits and '-', and none of the page's own names: "
                    f"{', '.join(sorted(_RESERVED))}",
                )

    @property
    def paths(self) -> tuple[str, ...]:
        """What a check may name: the section, or each of its parts where it has some."""
        return tuple(f"{self.name}.{part}" for part in self.parts) or (self.name,)


def register_section(section: Section) -> Section:
    """Make a section known, so that checks can name it and the report shows it.

    Raises:
        AuditError: If another extension has a section of that name.
    """
    SECTIONS.register(section.name, section)
    return section


def findings_of(findings: Iterable[Finding], section: str) -> list[Finding]:
    """The findings of a section, or of one of its parts.

    Args:
        findings: Any.
        section: ``name``, or ``name.part``.
    """
    return [f for f in findings if f.section == section or f.section.startswith(f"{section}.")]


def attempt(section: Section, step: Callable[[], Result]) -> Result | AuditError | None:
    """What one step of a section returns; where it raises, an error that names the extension.

    Shipped sections' exceptions pass as they are.

    Returns:
        The result; None where the step is not applicable; or the error.
    """
    try:
        return step()
    except NotApplicable:
        return None
    except Exception as error:
        if SECTIONS.origin(section.name) == SHIPPED:
            raise
        kind = "" if isinstance(error, AuditError) else f"{type(error).__name__}: "
        what = error.what if isinstance(error, AuditError) else str(error)
        return SECTIONS.misbehaved(section.name, f"raised {kind}{what}")
