"""Sections of the report, one per file, each of which `@check(section=...)` may name."""

from __future__ import annotations

import json
from functools import partial
from typing import Any

from audit_suite.errors import AuditError
from audit_suite.record import printable
from audit_suite.registry import SECTIONS, SHIPPED
from audit_suite.report.section import Gathered, Section, attempt


def check_section(path: str, check: str) -> None:
    """Refuse a check whose section, or part of one, does not exist.

    Args:
        path: What the check names: ``""``, ``name`` or ``name.part``.
        check: Its id, for the message.

    Raises:
        AuditError: Names the check and lists the sections there are.
    """
    known = [path for section in SECTIONS.values() for path in section.paths]
    if path and path not in known:
        raise AuditError(
            f'@check("{check}", section="{path}"): the report has no section \'{path}\'',
            f"known: {', '.join(sorted(known))}; leave it out to have the findings in the general "
            f"lists alone, or register a section (audit_suite.extend.register_section)",
        )


def collect_sections(gathered: Gathered) -> dict[str, Any]:
    """What all sections put into the record, by the record's fields.

    An extension's section that breaks costs nothing but its own content: the error is kept in
    ``broken_sections``, for the caller to report and the page to show.
    """
    fields: dict[str, Any] = {"sections": {}, "broken_sections": {}}
    # From the end of the page: pictures of the gallery come before those of single properties.
    for section in sorted(SECTIONS.values(), key=lambda s: (-s.rank, s.name)):
        if section.collect is None:
            continue
        content = attempt(section, partial(_collect, section, gathered))
        if isinstance(content, AuditError):
            fields["broken_sections"][section.name] = str(content)
        elif content is not None and _has_own_list(section):
            fields.setdefault(section.fills, []).extend(content)
        elif content is not None:
            fields["sections"][section.name] = content
    return fields


def _collect(section: Section, gathered: Gathered) -> Any:
    assert section.collect is not None
    content = section.collect(gathered)
    if content is None or _has_own_list(section):
        return content
    try:
        # As it is read back from the file.
        return printable(json.loads(json.dumps(content, allow_nan=False)))
    except (TypeError, ValueError) as error:
        raise TypeError(f"collect() must return JSON: {error}") from None


def _has_own_list(section: Section) -> bool:
    """Whether the record has a list of its own for what the section collects."""
    return bool(section.fills) and SECTIONS.origin(section.name) == SHIPPED
