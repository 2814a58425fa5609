"""One change alone, to repeat it without a search."""

from __future__ import annotations

from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

from audit_suite.search.change import Change
from audit_suite.search.strategy import register_strategy


@register_strategy
def only(change: Change) -> SearchStrategy[Change]:
    """A single change, as a finding prints it: on other data, or of another model.

    Args:
        change: For example ``Area(height=11, width=9, top=1, left=5)``.
    """
    return st.just(change)
