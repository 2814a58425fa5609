"""The HTML report: one file, no script, nothing loaded from anywhere."""

from __future__ import annotations

import base64
import hashlib
import re
from functools import cache
from importlib.resources import files
from pathlib import Path

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from audit_suite.errors import AuditError
from audit_suite.files import write_whole
from audit_suite.record import Record
from audit_suite.report import words
from audit_suite.report.anchors import anchor, check_anchor
from audit_suite.report.bounds import bound, decided_by
from audit_suite.report.charts import MANY
from audit_suite.report.first.axis import FULL, LINE
from audit_suite.report.first.decision import FEW
from audit_suite.report.first.groups import first_and_rest
from audit_suite.report.page import page_of
from audit_suite.report.rendering import render_sections
from audit_suite.report.severity import deciding
from audit_suite.signoff import SignOff

_REASONS = 5  # of the first screen, which is also one printed page


def render_html(record: Record, signoff: SignOff | None = None) -> str:
    """Render a record.

    The page carries its one style sheet, allowed by its hash in a strict content security policy,
    and needs neither script nor network. All text of the record is escaped. Where a section of an
    extension breaks, a notice stands in its place.

    Args:
        record: What to show.
        signoff: What a reviewer decided on it.
    """
    return rendered(record, signoff)[0]


def write_report(
    record: Record, path: Path, signoff: SignOff | None = None
) -> tuple[AuditError, ...]:
    """Render a record to a file, written aside, flushed and renamed.

    Args:
        record: What to show.
        path: The file.
        signoff: What a reviewer decided on it.

    Returns:
        Problems to report: one per section of an extension that broke while it was rendered.

    Raises:
        AuditError: If the file cannot be written.
    """
    text, problems = rendered(record, signoff)
    try:
        write_whole(path, text.encode())
    except OSError as error:
        raise AuditError(
            f"the report {path} cannot be written: {error.strerror}",
            "name another path; the record can be rendered again with `audit-suite render`",
        ) from None
    return problems


def style_sheet(record: Record) -> str:
    """The page's style sheet, with the foot of each printed page: the record's digest, the page.

    Args:
        record: Whose digest is printed.
    """
    digest = record.digest if re.fullmatch("[0-9a-f]{64}", record.digest) else "without a digest"
    return sheet() + f'@page {{ @bottom-left {{ content: "Record {digest}"; }} }}\n'


def sheet() -> str:
    """The style sheet that all pages share."""
    path = files("audit_suite.report").joinpath("templates/report.css")
    return path.read_text(encoding="utf-8")


def rendered(record: Record, signoff: SignOff | None) -> tuple[str, tuple[AuditError, ...]]:
    """The page, and the errors of sections of extensions that broke."""
    sections = render_sections(record, _environment())
    page = page_of(record, sections, signoff)
    text = render_page("report.html.j2", style_sheet(record), page=page)
    return text, tuple(section.error for section in sections if section.error is not None)


def render_page(template: str, css: str, **shown: object) -> str:
    """A page that holds its style sheet, whose digest its content security policy names.

    Args:
        template: File name of the template.
        css: The style sheet, of our own files and of digits alone.
        **shown: What the template shows.
    """
    digest = base64.b64encode(hashlib.sha256(css.encode()).digest()).decode()
    style = Markup(css)  # noqa: S704 - nothing of a record is in it but its digest
    return _environment().get_template(template).render(css=style, css_digest=digest, **shown)


@cache
def _environment() -> Environment:
    environment = Environment(
        autoescape=True,
        undefined=StrictUndefined,
        loader=PackageLoader("audit_suite.report"),
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {
        "number": words.number,
        "interval": words.interval,
        "p_value": words.p_value,
        "counts": words.counts,
        "word": words.word,
        "symbol": words.symbol,
        "kind": words.kind,
        "allowed": words.allowed,
        "bound": bound,
        "decided_by": decided_by,
        "sentence": words.sentence,
        "masking": words.masking_in_words,
        "anchor": anchor,
        "check_anchor": check_anchor,
        "deciding": deciding,
        "decided": words.decided,
        "lacks_region": words.lacks_region,
    }
    environment.globals |= {
        "VERDICTS": words.VERDICTS,
        "REASONS": _REASONS,
        "FULL": FULL,
        "LINE": LINE,
        "first_and_rest": first_and_rest,
        "FEW": FEW,
        "MANY": MANY,
        "RATES": words.RATES,
        "WITHOUT_MASKS": words.WITHOUT_MASKS,
    }
    return environment
