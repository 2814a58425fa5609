"""What `audit-suite plan` predicts for a design, to be held against what was observed."""

from __future__ import annotations

from audit_suite.statistics.design import Cohort, Spread
from audit_suite.statistics.opening_chance import chance_to_open
from audit_suite.suites.test_region_sensitivity import LEAST_SKILL
from decisions.binormal import Design


def planned_to_open(design: Design) -> float:
    """The predicted chance that R1 and R8-box open the gate for one target."""
    return chance_to_open(
        design.auroc,
        Cohort(design.positives, design.patients - design.positives, design.images),
        LEAST_SKILL,
        shares=(design.kept,) * design.fills,
        spread=Spread(between_fills=design.between_fills),
    )
