"""The plan of an audit's evidence in words."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import groupby
from typing import Any

from audit_suite.errors import AuditError
from audit_suite.evidence.source import EvidenceSource, Request, plan


def describe_plan(requests: Iterable[Request[Any]], source: EvidenceSource) -> list[str]:
    """The plan in lines of text, by kind of evidence, data set and model."""
    lines = []
    for (kind, dataset, model, fold), group in groupby(
        plan(requests), key=lambda r: (type(r), r.dataset, r.model, r.fold)
    ):
        name = model.fold_name(fold)
        try:
            described = kind.describe(list(group), source)
        except AuditError as error:
            described = [str(error)]
        lines += [f"{name} on {dataset.name}: {line}" for line in described]
    return lines
