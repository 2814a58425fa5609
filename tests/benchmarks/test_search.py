"""The benchmark of searches counts tries alike for every method."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path

import pytest

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"
if not BENCHMARKS.exists():
    pytest.skip("runs in a checkout, not beside an installed wheel", allow_module_level=True)
_SPEC = importlib.util.spec_from_file_location("search_benchmark", BENCHMARKS / "search.py")
search = sys.modules["search_benchmark"] = importlib.util.module_from_spec(_SPEC)
_SPEC.loader.exec_module(search)


@pytest.mark.parametrize("method", search.METHODS)
def test_every_method_keeps_to_the_budget_and_finds_what_lies_in_the_middle(method):
    def covered(changes):
        effects = []
        for change in changes:
            x0, y0, x1, y1 = change.box(100, 100)
            inside = max(0, min(x1, 54) - max(x0, 46)) * max(0, min(y1, 54) - max(y0, 46))
            effects.append(inside / 64)
        return effects

    counted = search.Counted(covered)
    search.METHODS[method](counted, 3)
    assert 0 < len(counted.effects) <= search.TRIES + 1
    assert counted.until(0.25) <= search.TRIES
    assert counted.until(2.0) == search.TRIES + 1
    assert counted.seconds > 0
