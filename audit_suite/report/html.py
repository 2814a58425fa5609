"""The HTML report: one file, no script, nothing loaded from anywhere."""

from __future__ import annotations

import base64
import hashlib
from functools import cache
from importlib.resources import files
from pathlib import Path

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from audit_suite.errors import AuditError
from audit_suite.files import write_whole
from audit_suite.record import Record
from audit_suite.report import words
from audit_suite.report.view import view
from audit_suite.signoff import SignOff


def render_html(record: Record, signoff: SignOff | None = None) -> str:
    """Render a record.

    The page carries its one style sheet, allowed by its hash in a strict content security policy,
    and needs neither script nor network. All text of the record is escaped.

    Args:
        record: What to show.
        signoff: What a reviewer decided on it.
    """
    css = files("audit_suite.report").joinpath("templates/report.css").read_text(encoding="utf-8")
    digest = base64.b64encode(hashlib.sha256(css.encode()).digest()).decode()
    template = _environment().get_template("report.html.j2")
    shown = view(record, signoff)
    return template.render(view=shown, css=Markup(css), css_digest=digest)  # noqa: S704 - our own file


def write_report(record: Record, path: Path, signoff: SignOff | None = None) -> None:
    """Render a record to a file, written aside, flushed and renamed.

    Args:
        record: What to show.
        path: The file.
        signoff: What a reviewer decided on it.

    Raises:
        AuditError: If the file cannot be written.
    """
    text = render_html(record, signoff)
    try:
        write_whole(path, text.encode())
    except OSError as error:
        raise AuditError(
            f"the report {path} cannot be written: {error.strerror}",
            "name another path; the record can be rendered again with `audit-suite render`",
        ) from None


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
    }
    environment.globals |= {
        "VERDICTS": words.VERDICTS,
        "DECISIONS": words.DECISIONS,
        "RATES": words.RATES,
    }
    return environment
