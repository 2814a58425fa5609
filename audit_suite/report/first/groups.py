"""Many places on the first screen: a line each, in groups that are read down a column."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from audit_suite.report.first.decision import FEW
from audit_suite.report.first.rows import Row

DRAWN = 20
"""Lines at most before the others are folded away, with groups kept whole."""
_WORST_FIRST = ("closed", "partial", "undecided", "open")


@dataclass(frozen=True)
class Group:
    """Places that are compared with each other.

    Attributes:
        heading: What they share.
        of: In what they differ: model, target or dataset.
        rows: What each of them is called among these, and its row.
    """

    heading: str
    of: str
    rows: tuple[tuple[str, Row], ...]


def groups(rows: Sequence[Row]) -> tuple[Group, ...]:
    """Rows by what they are compared in, the worst decision first; none of a few rows.

    Models are compared on the same data and target; else targets on the same data; else data sets.

    Args:
        rows: One per model, data set and target.
    """
    if len(rows) <= FEW:
        return ()
    several_models = len({row.decision.model for row in rows}) > 1
    several_targets = len({row.decision.target for row in rows}) > 1
    of = "model" if several_models else "target" if several_targets else "dataset"
    by_heading: dict[str, list[tuple[str, Row]]] = {}
    for row in worst_first(rows):
        place = row.decision
        heading = {
            "model": f"{place.target}, {place.dataset}",
            "target": f"{place.model} on {place.dataset}",
            "dataset": f"{place.model}, {place.target}",
        }[of]
        by_heading.setdefault(heading, []).append((getattr(place, of), row))
    return tuple(Group(heading, of, tuple(here)) for heading, here in by_heading.items())


def first_and_rest(all: Sequence[Group]) -> tuple[Sequence[Group], Sequence[Group]]:
    """The groups that are shown at once, at least one, and those that are folded away."""
    lines = 0
    for number, group in enumerate(all):
        lines += len(group.rows)
        if number and lines > DRAWN:
            return all[:number], all[number:]
    return all, ()


def tally(rows: Sequence[Row]) -> str:
    """How many places have which decision, the worst first: ``1 closed, 13 open``."""
    counts = Counter[str](row.decision.decision for row in rows)
    return ", ".join(f"{counts[word]} {word}" for word in _WORST_FIRST if counts[word])


def worst_first(rows: Sequence[Row]) -> list[Row]:
    """Rows by their decision; among equal ones the order stays."""
    return sorted(rows, key=lambda row: _WORST_FIRST.index(row.decision.decision))
