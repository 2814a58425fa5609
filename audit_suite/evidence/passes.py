"""How much work evidence takes: forward passes, in all and still to be done."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from audit_suite.errors import AuditError
from audit_suite.evidence.source import EvidenceSource, Request, plan


def passes(requests: Iterable[Request[Any]], source: EvidenceSource) -> int:
    """Forward passes that some requests take, about, whether they are stored or not.

    Args:
        requests: Any kinds of evidence; those of an extension that do not say count as none.
        source: The data sets. Where one cannot be read, its requests count as none.
    """
    return sum(_of(request, source) for request in plan(requests))


def passes_left(requests: Iterable[Request[Any]], source: EvidenceSource) -> int:
    """The same for the parts that are not stored yet."""
    left = 0.0
    for request in plan(requests):
        try:
            keys = request.keys(source)
            missing = sum(not source.store.has(key) for key in keys)
        except AuditError:
            continue
        left += _of(request, source) * missing / max(1, len(keys))
    return round(left)


def _of(request: Request[Any], source: EvidenceSource) -> int:
    count = getattr(request, "passes", None)
    try:
        return 0 if count is None else count(source)
    except AuditError:
        return 0
