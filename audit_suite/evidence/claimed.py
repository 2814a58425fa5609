"""Evidence whose unit is a whole request: made once, by the process that claims it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from audit_suite.errors import AuditError
from audit_suite.evidence.source import EvidenceSource, Request
from audit_suite.evidence.store import Arrays

Asked = TypeVar("Asked", bound=Request[Any])


def compute_claimed(
    requests: Sequence[Asked], source: EvidenceSource, make: Callable[[Asked], Arrays]
) -> None:
    """Make and store what is missing; safe for several processes with one store.

    A request that fails is recorded in ``source.failures``, and the rest is still made.

    Args:
        requests: As planned.
        source: Where they are stored.
        make: What is stored of one.
    """
    for wait in (False, True):  # first what no other process computes, then wait for the rest
        for request in requests:
            if request in source.failures:
                continue
            try:
                for key in source.missing(request):
                    with source.store.claim(key[:32], wait) as granted:
                        if granted and not source.store.has(key):
                            source.store.write(key, make(request), source.subject(request))
            except AuditError as error:
                source.failures[request] = error
