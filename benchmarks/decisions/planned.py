"""What `audit-suite plan` predicts for a design, to be held against what was observed."""

from __future__ import annotations

from audit_suite.statistics.design import Cohort, Levels, Spread
from audit_suite.statistics.opening_chance import chance_to_close, chance_to_open
from decisions.binormal import Design
from decisions.rule import FLOOR


def planned_to_open(design: Design) -> float:
    """The predicted chance that R1 and R8-box open the gate for one target."""
    return chance_to_open(
        design.auroc, _cohort(design), FLOOR, shares=_shares(design), spread=_spread(design)
    )


def planned_to_close(design: Design, targets: int = 1) -> float:
    """The predicted chance that R8-box or R3 fails, at the level of so many targets."""
    return chance_to_close(
        design.auroc,
        _cohort(design),
        _shares(design),
        spread=_spread(design),
        levels=Levels.shared(places=targets),
    )


def _cohort(design: Design) -> Cohort:
    return Cohort(design.positives, design.patients - design.positives, design.images)


def _shares(design: Design) -> tuple[float, ...]:
    skill = design.auroc - 0.5
    return tuple(float((hidden - 0.5) / skill) for hidden in design.hidden)


def _spread(design: Design) -> Spread:
    return Spread(between_fills=design.between_fills)
