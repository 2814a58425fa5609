"""When a recorded interval lies off chance, at chance, or leaves it open."""

from __future__ import annotations

from audit_suite.record import ComparisonRecord, EstimateRecord

NEGLIGIBLE = 0.05  # difference of two AUROCs, or of one to 0.5, that is too small to matter


def off_chance(estimate: EstimateRecord, by: float = NEGLIGIBLE) -> bool:
    """Whether an AUROC's 95 % interval lies wholly above ``0.5 + by`` or below ``0.5 - by``."""
    return estimate.low > 0.5 + by or estimate.high < 0.5 - by


def detected(comparison: ComparisonRecord) -> bool:
    """Whether the 95 % interval lies wholly beyond the margin, on either side."""
    centre, margin = comparison.centre or 0.0, comparison.margin
    estimate = comparison.estimate
    return estimate.low > centre + margin or estimate.high < centre - margin


def at_chance(comparison: ComparisonRecord) -> bool:
    """Whether the 95 % interval lies wholly within the margin."""
    centre, margin = comparison.centre or 0.0, comparison.margin
    estimate = comparison.estimate
    return centre - margin < estimate.low <= estimate.high < centre + margin
