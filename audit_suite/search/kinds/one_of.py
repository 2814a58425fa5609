"""One of several strategies."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

from audit_suite.search.strategy import Strategy, register_strategy


@register_strategy
def one_of(strategies: tuple[Strategy, ...]) -> SearchStrategy[Any]:
    """Changes of several kinds in one search; the first kind is the simplest.

    Args:
        strategies: What is drawn from, two or more.
    """
    return st.one_of([strategy.drawn() for strategy in strategies])
