"""Estimates and comparisons as the record holds them."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from audit_suite.record.part import RecordPart
from audit_suite.verdict import Verdict


class EstimateRecord(RecordPart):
    """A number with its 95 % interval and the data behind it."""

    label: str
    value: float
    low: float
    high: float
    n_patients: int
    n_images: int
    n_positives: int | None = Field(description="patients with a positive image")
    folds: list[float] = Field(
        default_factory=list, description="the value in each fold, where this is their mean"
    )
    at: dict[str, float | str] = Field(
        default_factory=dict,
        description="place on the axes of a curve or matrix: masking, radius, visible share",
    )


class PairBasis(RecordPart):
    """Two paired estimates by whose contrast their difference, share or ratio is judged."""

    form: Literal["difference", "share", "ratio"]
    first: float
    second: float
    edge: float = Field(description="distance from 0 and 1 that counts as the end")
    strata: list[tuple[int, float, float, float]] = Field(
        description="by stratum: patients, sum of squared influences on the first, of products, "
        "of squared influences on the second"
    )


class Basis(RecordPart):
    """What the verdict on an estimate is computed from, besides its value and the limit."""

    se: float | None = Field(description="standard error; null if it is infinite")
    df: float | None = Field(description="degrees of freedom of its t; null for the normal")
    bounds: tuple[float, float] | None = Field(description="its range, for the logit scale")
    edge: float = Field(description="share of the range that counts as the end of it")
    fewest: int = Field(description="patients of the rarer class")
    alpha: float = Field(description="error level of a single decision")
    cases: int = Field(description="shares of the error level; a fail must hold at alpha / cases")
    chances: int = Field(
        description="estimates of which one suffices, times declared looks; a pass: alpha / chances"
    )
    pair: PairBasis | None = Field(
        default=None, description="for what is judged by a contrast of two estimates"
    )


class ComparisonRecord(RecordPart):
    """One application of a decision rule to one estimate."""

    estimate: EstimateRecord
    basis: Basis | None = Field(description="null for a measured number, which has no interval")
    group: int = Field(description="comparisons of one group share a joint verdict")
    jointly: Literal["most", "one"] = Field(
        description="how its group is judged: most: all pass, or fail together by their p values; "
        "one: a single pass is enough"
    )
    alone: Verdict = Field(description="the verdict of this comparison by itself")
    rule: str = Field(description="the claim as a formula, e.g. '|AUROC - 0.5| < 0.05'")
    relation: Literal["<", "<=", ">"]
    centre: float | None = Field(description="what a distance is to; null for a one-sided claim")
    margin: float
    margin_source: str
    verdict: Verdict
    pass_low: float = Field(description="lower end of the 90 % interval a pass is judged by")
    pass_high: float
    fail_level: float = Field(description="error level a fail had to hold at: alpha / cases")
    bound: float | None = Field(
        description="end of the interval that decided; null without an interval"
    )
    bound_words: str = Field(description="what that end is: 'upper 95 % bound'")
    p_raw: float = Field(description="p value of a fail, before correction for many checks")
    p_holm: float | None = Field(description="Holm-adjusted over the cases of the test function")
    smallest_effect: float | None = Field(
        description="smallest margin these data could have shown with 90 % power"
    )
    message: str = Field(description="the comparison in one sentence")
