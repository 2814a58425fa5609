"""Grouping by place: one model on one data set for one target."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol, TypeVar

Place = tuple[str, str, str]
"""Model, data set, target."""


class Placed(Protocol):
    """Something of the record that was made in one place."""

    model: str
    dataset: str
    target: str


Item = TypeVar("Item", bound=Placed)


def place_of(item: Placed) -> Place:
    """Where something of the record was made."""
    return item.model, item.dataset, item.target


def in_words(item: Placed) -> str:
    """Where something was made, as people read it."""
    return f"{item.model} on {item.dataset}, {item.target}"


def by_place(items: Iterable[Item]) -> dict[Place, list[Item]]:
    """Items grouped by place, in the order in which places first appear."""
    groups: dict[Place, list[Item]] = {}
    for item in items:
        groups.setdefault(place_of(item), []).append(item)
    return groups
