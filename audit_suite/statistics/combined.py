"""Estimates that are made of others: means over folds, shares of skill, ratios."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from audit_suite.statistics.estimate import Estimate, Pair
from audit_suite.statistics.pair_scale import Form


def mean_of_folds(estimates: Sequence[Estimate]) -> Estimate:
    """The mean of one statistic over the folds of a model, on the same cases.

    Influences are averaged by patient, so the interval accounts for the fact that all folds were
    tested on the same patients. It covers the variation between patients, not between training
    runs; the spread of ``folds`` shows the latter.

    Args:
        estimates: One per fold; at least one.
    """
    first, *rest = estimates
    if not rest:
        return first
    values = tuple(estimate.value for estimate in estimates)
    pairs = [estimate.pair for estimate in estimates if estimate.pair is not None]
    if first.pair is not None and len(pairs) == len(estimates):
        one = mean_of_folds([pair.first for pair in pairs])
        other = mean_of_folds([pair.second for pair in pairs])
        return replace(
            _paired(first.pair.form, one, other), label=first.label, folds=values, at=first.at
        )
    total = first
    for estimate in rest:
        total = total + estimate
    return replace(
        total * (1 / len(estimates)),
        label=first.label,
        bounds=first.bounds,
        edge=first.edge,
        folds=values,
        at=first.at,
    )


def share_kept(hidden: Estimate, full: Estimate) -> Estimate:
    """The share of a model's skill that is kept: (hidden - .5) / (full - .5), judged on logits.

    1: all is kept; 0: at chance; negative: the scores turn round. A limit l is tested by
    logit(hidden) - logit(.5 + l (full - .5)), so that the interval covers also where nothing is
    kept, and where the skill is near its end.

    Args:
        hidden: AUROC where something is hidden.
        full: AUROC on full images, of the same patients.
    """
    return _paired("share", hidden, full).named(f"share of skill kept {_after_auroc(hidden)}")


def from_chance(auroc: Estimate) -> Estimate:
    """The same AUROC, turned to the side of skill: 1 - AUROC where it lies below one half.

    A score that a masking turns round still tells the classes apart.

    Args:
        auroc: Of any scores.
    """
    return auroc if auroc.value >= 0.5 else 1 - auroc


def ratio(numerator: Estimate, denominator: Estimate, label: str) -> Estimate:
    """A ratio of two estimates, with the interval of Fieller (1954).

    Args:
        numerator: Of any unit.
        denominator: Of the same unit; where it may be 0, the interval is wide.
        label: Its name in messages and in the report.
    """
    return _paired("ratio", numerator, denominator).named(label)


def _paired(form: Form, first: Estimate, second: Estimate) -> Estimate:
    if form == "difference":
        return first - second
    shift = 0.5 if form == "share" else 0.0
    below = second.value - shift
    value = (first.value - shift) / below if below else 0.0
    scaled = first.influence.plus(second.influence, -value).times(1 / below if below else 1.0)
    mine, theirs = first.rebuild, second.rebuild
    return replace(
        first - second,
        label=f"{first.label} / {second.label}",
        value=value,
        influence=scaled,
        folds=(),
        at=first.at,
        rebuild=None
        if mine is None or theirs is None
        else lambda keys: _paired(form, mine(keys), theirs(keys)),
        pair=Pair(form, first, second),
    )


def _after_auroc(estimate: Estimate) -> str:
    return estimate.label.removeprefix("AUROC").strip() or estimate.label
