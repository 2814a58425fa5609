"""The benchmark of the statistics measures what it says."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest

ROOT = Path(__file__).parents[2]

if not (ROOT / "benchmarks").is_dir():
    pytest.skip("runs in a checkout, not beside an installed wheel", allow_module_level=True)
sys.path.append(str(ROOT / "benchmarks"))

from engine import statistics  # noqa: E402


def test_figures_of_the_statistics():
    found = statistics.figures(quick=True)
    assert found.keys() == {"statistics_ratio", "statistics_seconds_200k"}
    assert found["statistics_ratio"] > 300
    assert 0 < found["statistics_seconds_200k"] < 10


def test_a_cohort_has_two_images_of_every_patient():
    labels, patients, scores = statistics._cohort(50, 3)
    assert np.bincount(patients).tolist() == [2] * 50
    assert all(len(set(labels[patients == number])) == 1 for number in range(50))
    assert {len(labels)} == {len(each) for each in scores} == {100}
