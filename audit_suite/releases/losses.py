"""How much worse one estimate is than another, and whether that is shown.

A loss is positive where the later release is worse: less of what must be large, more of what must
be small, farther from where it must be near. With the influences of both it is a paired difference
of estimates. Without them it is shown only where the intervals do not overlap: the standard error
is then the sum of both, which is enough however the two are correlated.
"""

from __future__ import annotations

import math

from audit_suite.record import ComparisonRecord, EstimateRecord
from audit_suite.statistics import Comparison, DecisionRule, Estimate, Margin, recording
from audit_suite.statistics.decision import judge_below
from audit_suite.statistics.influence import Influence
from audit_suite.statistics.scale import Scale


def judge_loss(
    before: ComparisonRecord,
    now: ComparisonRecord,
    influences: tuple[Influence | None, Influence | None],
    margin: Margin,
    rule: DecisionRule,
) -> Comparison:
    """Judge whether a loss is below a margin: it fails where it is shown to be larger.

    Args:
        before: A comparison of the earlier record; it has an interval.
        now: The same comparison in the later one.
        influences: Of every patient on both estimates; None where they are not known.
        margin: The largest loss that is not a regression.
        rule: The error levels.
    """
    label = _label(now)
    first, second = influences
    if first is None or second is None:
        return _apart(before, now, label, margin, rule)
    loss = _paired(_estimate(before, first), _estimate(now, second), now)
    with recording(rule):
        return loss.named(label).compare("<", margin)


def _label(now: ComparisonRecord) -> str:
    if now.centre is not None:
        return f"increase of the distance of {now.estimate.label} to {now.centre:g}"
    return f"{'loss' if now.relation == '>' else 'increase'} of {now.estimate.label}"


def _paired(earlier: Estimate, later: Estimate, rule: ComparisonRecord) -> Estimate:
    centre = rule.centre
    if centre is None:
        return earlier - later if rule.relation == ">" else later - earlier
    before, now = _side(earlier.value, centre), _side(later.value, centre)
    if before == now:  # the centre cancels, and AUROCs keep the scale of their differences
        return later - earlier if now > 0 else earlier - later
    return (later + earlier - 2 * centre) * now


def _apart(
    before: ComparisonRecord,
    now: ComparisonRecord,
    label: str,
    margin: Margin,
    rule: DecisionRule,
) -> Comparison:
    """The loss where both estimates are known by their intervals alone."""
    assert before.basis is not None
    assert now.basis is not None
    earlier, later = before.estimate.value, now.estimate.value
    if now.centre is not None:
        earlier, later = abs(earlier - now.centre), abs(later - now.centre)
    elif now.relation == ">":
        earlier, later = -earlier, -later
    infinite = math.inf
    se = sum(infinite if b.se is None else b.se for b in (before.basis, now.basis))
    df = min(infinite if b.df is None else b.df for b in (before.basis, now.basis))
    scale = Scale(later - earlier, se, df, None, 0.0)
    low, high = scale.interval(0.95)
    estimate = EstimateRecord(
        label=label,
        value=later - earlier,
        low=low,
        high=high,
        n_patients=min(before.estimate.n_patients, now.estimate.n_patients),
        n_images=min(before.estimate.n_images, now.estimate.n_images),
        n_positives=now.estimate.n_positives,
        at=now.estimate.at,
    )
    fewest = min(before.basis.fewest, now.basis.fewest)
    return judge_below(estimate, scale, fewest, "<", margin, rule)


def _estimate(comparison: ComparisonRecord, influence: Influence) -> Estimate:
    recorded, basis = comparison.estimate, comparison.basis
    assert basis is not None
    return Estimate(
        label=recorded.label,
        value=recorded.value,
        influence=influence,
        n_images=recorded.n_images,
        n_positives=recorded.n_positives,
        fewest=basis.fewest,
        bounds=basis.bounds,
        edge=basis.edge,
        at=recorded.at,
    )


def _side(value: float, centre: float) -> int:
    return 1 if value >= centre else -1
