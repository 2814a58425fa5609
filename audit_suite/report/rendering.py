"""Sections of the record as they stand on the page, with a notice in place of a broken one."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import partial

from jinja2 import Environment
from markupsafe import Markup

from audit_suite.errors import AuditError
from audit_suite.record import Record
from audit_suite.registry import SECTIONS, SHIPPED
from audit_suite.report.section import EXTENSIONS, Section, attempt, findings_of


@dataclass(frozen=True)
class RenderedSection:
    """One section in HTML.

    Attributes:
        name: Its anchor.
        title: In the navigation.
        rank: Place on the page.
        html: The whole section, heading and all.
        finding_ids: Findings all of whose numbers stand in it.
        error: Why a notice stands in its place, if it could not be rendered.
    """

    name: str
    title: str
    rank: int
    html: Markup
    finding_ids: frozenset[str] = frozenset()
    error: AuditError | None = None


def render_sections(record: Record, environment: Environment) -> tuple[RenderedSection, ...]:
    """Render the sections that a record has something for, in the order of the page.

    Args:
        record: What to show.
        environment: Where templates and filters are.
    """
    rendered = [*_known(record, environment), *_unknown(record, environment)]
    return tuple(sorted(rendered, key=lambda section: (section.rank, section.name)))


def _known(record: Record, environment: Environment) -> Iterator[RenderedSection]:
    for section in SECTIONS.values():
        if section.name in record.broken_sections:
            error = record.broken_sections[section.name]
            yield _notice(section.name, section.title, section.rank, error, environment)
            continue
        rendered = attempt(section, partial(_render, section, record, environment))
        if isinstance(rendered, AuditError):
            notice = _notice(section.name, section.title, section.rank, str(rendered), environment)
            yield replace(notice, error=rendered)
        elif rendered is not None:
            yield rendered


def _unknown(record: Record, environment: Environment) -> Iterator[RenderedSection]:
    """Sections of extensions that are not installed where the record is rendered."""
    absent = "the extension that shows it is not installed here; its content is in the record"
    for name in record.sections.keys() | record.broken_sections.keys():
        if name not in SECTIONS:
            error = record.broken_sections.get(name, absent)
            yield _notice(name, name, EXTENSIONS, error, environment)


def _render(section: Section, record: Record, environment: Environment) -> RenderedSection | None:
    findings = findings_of(record.findings, section.name)
    content = section.view(record, findings)
    if not content:
        return None
    if section.template or SECTIONS.origin(section.name) != SHIPPED:
        template = environment.from_string(section.template)
    else:
        template = environment.get_template(f"sections/{section.name}.html.j2")
    body = template.render(content=content, findings=findings, record=record)
    shown = frozenset(finding.id for finding in findings if section.shows(finding, record))
    html = _wrapped(section.name, section.title, environment, body=body)
    return RenderedSection(section.name, section.title, section.rank, html, shown)


def _notice(
    name: str, title: str, rank: int, error: str, environment: Environment
) -> RenderedSection:
    return RenderedSection(name, title, rank, _wrapped(name, title, environment, error=error))


def _wrapped(
    name: str, title: str, environment: Environment, body: str = "", error: str = ""
) -> Markup:
    """A section with its heading; ``body`` was escaped when its template was rendered."""
    wrapper = environment.get_template("section.html.j2")
    return Markup(wrapper.render(name=name, title=title, body=Markup(body), error=error))  # noqa: S704
