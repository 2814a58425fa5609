"""One error level for a release: which share of it each check has for a fail."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import replace
from typing import Literal

from audit_suite.audit.plan import CheckCase
from audit_suite.audit.policy import Policy

_Part = Literal["main", "required", "others"]
_ONE_OVER: dict[_Part, int] = {"main": 2, "required": 4, "others": 4}  # of the level


def share_level(cases: Iterable[CheckCase], policy: Policy) -> list[CheckCase]:
    """Divide the level at which the release of one model may fail wrongly among its cases.

    Closing needs one fail, so for the gate Holm's procedure is Bonferroni's, and only weights
    matter. Half of the level goes to the policy's main checks, which find most of what there is to
    find; a quarter to the other required checks, whose verdict must not depend on the number of
    guards; a quarter to all the rest. Main checks have their share in every place, asked or not.

    Args:
        cases: Everything that was collected, before any of it is deselected.
        policy: Names the main and the required checks.

    Returns:
        The same cases, each with its number of shares (`CheckCase.shares`).
    """
    cases = list(cases)
    places: dict[str, set[tuple[str, str, str]]] = {}
    counts: Counter[tuple[str, _Part]] = Counter()
    for case in cases:
        cell = case.cell
        place = cell.model_name, cell.dataset.name, cell.target
        places.setdefault(cell.model.name, set()).add(place)
        counts[cell.model.name, _part(case, policy)] += 1
    divided = []
    for case in cases:
        model, part = case.cell.model.name, _part(case, policy)
        same = len(policy.main) * len(places[model]) if part == "main" else counts[model, part]
        divided.append(replace(case, shares=_ONE_OVER[part] * same))
    return divided


def _part(case: CheckCase, policy: Policy) -> _Part:
    if case.check.id in policy.main:
        return "main"
    return "required" if case.role == "required" else "others"
