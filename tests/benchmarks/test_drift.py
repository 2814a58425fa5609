"""The simulation of drift: no false alarms without one, and a shift that is found."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path

import numpy as np
import pytest

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"
if not BENCHMARKS.exists():
    pytest.skip("runs in a checkout, not beside an installed wheel", allow_module_level=True)
_SPEC = importlib.util.spec_from_file_location("drift_benchmark", BENCHMARKS / "drift.py")
drift = sys.modules["drift_benchmark"] = importlib.util.module_from_spec(_SPEC)
_SPEC.loader.exec_module(drift)


def test_false_alarms_are_rare_and_a_shift_is_found():
    still = drift.rates(0.5, 100, 25)
    assert still["chance50_patients100_watch_alarm"] == 0
    assert 0.02 <= still["chance50_patients100_p_below_05"] <= 0.09
    edge = drift.rates(0.6, 100, 25)
    assert edge["chance60_patients100_watch_alarm"] <= 3 / 25
    moved = drift.rates(0.7, 400, 4)
    assert moved["chance70_patients400_fail"] > 0.7
    found, p_values = drift.verdicts(drift.drawn(np.random.default_rng(0), 60, 0.5))
    assert len(found) == len(p_values) == drift.NUMBERS
