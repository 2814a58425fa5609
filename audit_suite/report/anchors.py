"""Where a finding stands on the page: an anchor that stays the same from one audit to the next."""

from __future__ import annotations

import hashlib
import re

from audit_suite.record import Finding

_READABLE, _DIGITS = 40, 8


def anchor(finding: Finding) -> str:
    """The id of a finding's element, from its identity alone: ``f-R2-lung-net-site-b-1f0c9a3e``.

    Whatever the names of a record hold, it has letters, digits and hyphens alone.
    """
    return f"f-{_shortened(finding.id)}"


def check_anchor(check: str) -> str:
    """The id of a check's entry in the glossary."""
    if len(check) <= _READABLE and re.fullmatch(r"[A-Za-z0-9-]+", check):
        return f"check-{check}"
    return f"check-{_shortened(check)}"


def _shortened(text: str) -> str:
    words = re.sub(r"[^A-Za-z0-9]+", "-", text)[:_READABLE].strip("-")
    digest = hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:_DIGITS]
    return f"{words}-{digest}"
