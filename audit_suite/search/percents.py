"""Percents: whole numbers whose draws do not depend on what else is imported."""

from __future__ import annotations

from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy


def percents(least: int = 0, most: int = 100) -> SearchStrategy[int]:
    """Whole percents from ``least`` to ``most``; smaller ones are simpler.

    hypothesis mixes numbers beyond 100, texts and fractions that it finds in the sources of
    imported modules into what it draws: within 0 to 100 the tries stay the same.

    Args:
        least: 0 or more.
        most: 100 or less.

    Raises:
        ValueError: If they are beyond, or in the wrong order.
    """
    if not 0 <= least <= most <= 100:
        raise ValueError(f"percents({least}, {most}): give 0 <= least <= most <= 100")
    return st.integers(least, most)
