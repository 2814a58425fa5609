"""How declared tags are distributed in a data set, without values that only few patients share."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from itertools import groupby

import numpy as np

from audit_suite.datasets.dataset import Case
from audit_suite.record import CaseMix

FEWEST = 5  # patients who must share a value before it is shown
MOST = 12  # values listed
LONGEST = 32  # characters


def case_mix(cases: Sequence[Case], names: Sequence[str]) -> dict[str, CaseMix]:
    """Quartiles of numeric tags, counts of the values of others.

    Args:
        cases: Images.
        names: Tags to describe.
    """
    return {name: _one(cases, name) for name in names}


def _one(cases: Sequence[Case], name: str) -> CaseMix:
    known = [case for case in cases if str(case.metadata[name])]
    counts = Counter(str(case.metadata[name]) for case in known)
    numbers = _numbers(known, name) if len(counts) > MOST else []
    if len(numbers) >= 4 * FEWEST:
        quartiles = np.percentile(numbers, (25, 50, 75))
        return CaseMix(known=len(known), quartiles=[float(q) for q in quartiles], levels={})
    patients: dict[str, set[str]] = {
        value: set() for value, count in counts.items() if count >= FEWEST
    }
    for case in known:
        of_value = patients.get(str(case.metadata[name]))
        if of_value is not None and len(of_value) < FEWEST:
            of_value.add(case.patient)
    shown = [
        value
        for value, _ in counts.most_common()
        if len(patients.get(value, ())) >= FEWEST and len(value) <= LONGEST
    ][:MOST]
    levels = {value: counts[value] for value in sorted(shown)}
    if other := len(known) - sum(levels.values()):
        levels["other"] = levels.get("other", 0) + other
    return CaseMix(known=len(known), quartiles=None, levels=levels)


def _numbers(known: Sequence[Case], name: str) -> list[float]:
    """One mean per patient: otherwise a patient with many images could set all three quartiles."""
    means = []
    for _, images in groupby(sorted(known, key=_patient), _patient):
        try:
            means.append(float(np.mean([float(str(case.metadata[name])) for case in images])))
        except ValueError:
            return []
    return means if np.isfinite(means).all() else []


def _patient(case: Case) -> str:
    return case.patient
