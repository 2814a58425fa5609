"""What `audit-suite plan` predicts for a design, to be held against what was observed."""

from __future__ import annotations

from audit_suite.statistics.opening_chance import Cohort, chance_to_open
from decisions.binormal import Design


def planned_to_open(design: Design) -> float:
    """The predicted chance that R1 and R8-box open the gate for one target."""
    return chance_to_open(
        design.auroc,
        Cohort(design.positives, design.patients - design.positives, design.images),
        fills=design.fills,
        share=design.kept,
        between_fills=design.between_fills,
    )
