"""One error level for a release: which share of it each check has for a fail."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import replace

from audit_suite.audit.plan import CheckCase
from audit_suite.audit.policy import Policy

_HALVES = 2  # the policy's main checks share one half of the level, all other checks the other


def share_level(cases: Iterable[CheckCase], policy: Policy) -> list[CheckCase]:
    """Divide the level at which the release of one model may fail wrongly among its cases.

    Closing needs one fail, so for the gate Holm's procedure is Bonferroni's, and only weights
    matter: the main checks have more, because they find most of what there is to find. What fails
    then fails at .05 / (2 x main checks x places), or .05 / (2 x all other cases).

    Args:
        cases: Everything that was collected, before any of it is deselected.
        policy: Names the main checks.

    Returns:
        The same cases, each with its number of shares (`CheckCase.shares`).
    """
    cases = list(cases)
    places: dict[str, set[tuple[str, ...]]] = {}
    others: Counter[str] = Counter()
    for case in cases:
        model = case.cell.model.name
        place = case.cell.model_name, case.cell.dataset.name, case.cell.target
        places.setdefault(model, set()).add(place)
        others[model] += case.check.id not in policy.main
    return [
        replace(
            case,
            shares=_HALVES
            * (
                len(policy.main) * len(places[case.cell.model.name])
                if case.check.id in policy.main
                else others[case.cell.model.name]
            ),
        )
        for case in cases
    ]
