"""Equal values that are kept once: what many images share takes memory for one."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping
from typing import Any, TypeVar

_Value = TypeVar("_Value")
_MOST = 4096  # values remembered: where nearly all differ, remembering them would cost more


def kept_once(key: Callable[[_Value], Hashable]) -> Callable[[_Value], _Value]:
    """A function that returns the first of all equal values that it is given.

    Args:
        key: What is equal for equal values; two that differ must not have the same.
    """
    seen: dict[Hashable, _Value] = {}

    def once(value: _Value) -> _Value:
        known = key(value)
        if len(seen) < _MOST:
            return seen.setdefault(known, value)
        return seen.get(known, value)

    return once


def content(table: Mapping[str, Any]) -> tuple[tuple[str, Any], ...]:
    """What makes two tables of labels or tags equal, in this order; a key for `kept_once`."""
    return tuple(table.items())
