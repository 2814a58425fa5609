"""How declared tags are distributed in a data set, without values that only few patients share."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence

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
    values = [(str(case.metadata[name]), case.patient) for case in cases]
    known = [(value, patient) for value, patient in values if value]
    numbers = _numbers(known)
    if len({value for value, _ in known}) > MOST and len(numbers) >= 4 * FEWEST:
        quartiles = np.percentile(numbers, (25, 50, 75))
        return CaseMix(known=len(known), quartiles=[float(q) for q in quartiles], levels={})
    patients = defaultdict(set)
    for value, patient in known:
        patients[value].add(patient)
    counts = Counter(value for value, _ in known)
    shown = [
        value
        for value, _ in counts.most_common()
        if len(patients[value]) >= FEWEST and len(value) <= LONGEST
    ][:MOST]
    levels = {value: counts[value] for value in sorted(shown)}
    if other := len(known) - sum(levels.values()):
        levels["other"] = levels.get("other", 0) + other
    return CaseMix(known=len(known), quartiles=None, levels=levels)


def _numbers(known: Sequence[tuple[str, str]]) -> list[float]:
    """One mean per patient: otherwise a patient with many images could set all three quartiles."""
    by_patient = defaultdict(list)
    for value, patient in known:
        try:
            by_patient[patient].append(float(value))
        except ValueError:
            return []
    means = [float(np.mean(numbers)) for numbers in by_patient.values()]
    return means if np.isfinite(means).all() else []
