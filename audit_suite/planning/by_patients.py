"""Open, undecided and closed against the number of patients, for a model whose truth is known."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict

from audit_suite.statistics.design import Cohort, Levels, Spread
from audit_suite.statistics.opening_chance import (
    FILLS,
    chance_below_floor,
    chance_to_close,
    chance_to_open,
)

PATIENTS = (100, 200, 350, 500, 750, 1000, 1500, 2000, 3000, 5000)
"""Numbers of patients at which the chances are given, beside the number at hand."""

TRUTHS = (0, 25, 50)
"""Percentages of the skill that are left with the box hidden; 0: the model is honest."""


class Chances(BaseModel):
    """The chances with so many patients; what neither opens nor closes stays undecided.

    Attributes:
        patients: Patients with a label of the target, at the prevalence of the data at hand.
        opens: Chance that R1 and R8-box pass, by the percentage of the skill that is left.
        closes: Chance that R1, R8-box or R3 fails, by the same.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    patients: int
    opens: dict[int, float]
    closes: dict[int, float]


def by_patients(
    auroc: float, cohort: Cohort, floor: float, spread: Spread, levels: Levels
) -> tuple[Chances, ...]:
    """The chances at `PATIENTS` and at the number at hand, in ascending order.

    Args:
        auroc: AUROC on full images that the chances are for.
        cohort: The patients at hand; others have the same prevalence and images per patient.
        floor: What R1 requires the AUROC to exceed.
        spread: How the AUROCs vary.
        levels: Error levels.
    """
    numbers = sorted({*PATIENTS, round(cohort.patients)})
    return tuple(
        _chances(number, auroc, cohort.times(number / cohort.patients), floor, spread, levels)
        for number in numbers
    )


def _chances(
    patients: int, auroc: float, cohort: Cohort, floor: float, spread: Spread, levels: Levels
) -> Chances:
    opens, closes = {}, {}
    unskilled = chance_below_floor(auroc, cohort, floor, spread=spread, levels=levels)
    for kept in TRUTHS:
        shares = (kept / 100,) * FILLS
        opened = chance_to_open(auroc, cohort, floor, shares=shares, spread=spread, levels=levels)
        closed = chance_to_close(auroc, cohort, shares, spread=spread, levels=levels)
        opens[kept] = opened
        closes[kept] = min(max(closed, unskilled), 1 - opened)
    return Chances(patients=patients, opens=opens, closes=closes)
