"""The decision rule: a comparison passes, fails or is inconclusive.

It uses an estimate's recorded numbers, the scale of its interval and the number of patients of the
rarer class, not the estimate itself.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from audit_suite.discreet import Discreet
from audit_suite.errors import AuditError
from audit_suite.record import Basis, ComparisonRecord, EstimateRecord, PairBasis
from audit_suite.statistics.influence import Influence, Stratum
from audit_suite.statistics.pair_scale import PairScale
from audit_suite.statistics.power import smallest_effect
from audit_suite.statistics.scale import Scale
from audit_suite.verdict import Verdict

_ALL = 5e-5  # at this error level, and at smaller ones, four digits say 100 %

Relation = Literal["<", "<=", ">"]
AnyScale = Scale | PairScale

FEWEST_PATIENTS = 20
"""With fewer patients of either class there is no verdict: a nominal 95 % interval covered 85 %
with 6 positive patients, and 93 to 97 % from 20 on (benchmarks/coverage.py). Patients are counted
by their shares of the images (`influence.patients_for_verdict`)."""


class Margin(float):
    """A limit with its source.

    Attributes:
        source: The protocol, guideline or card it comes from.
    """

    source: str

    def __new__(cls, value: float, source: str) -> Margin:
        """Make a margin.

        Args:
            value: The limit.
            source: Where it comes from.
        """
        margin = super().__new__(cls, value)
        margin.source = source
        return margin

    def __getnewargs__(self) -> tuple[float, str]:  # type: ignore[override]  # floats pickle by value
        return float(self), self.source


@dataclass(frozen=True)
class DecisionRule:
    """Error levels: a pass must hold at ``alpha / chances``, a fail at ``alpha / cases``.

    All cases must pass, so a pass needs no correction for their number (intersection-union test).
    One fail closes the gate, so a fail holds at a share of the level of the release (Bonferroni).
    If one of several estimates is enough for a pass, or a test set is looked at several times, each
    must hold at its share too.

    Attributes:
        alpha: Error level of a single decision, in (0, 1).
        cases: Shares into which the level is divided for a fail, 1 or more.
        chances: Shares into which it is divided for a pass, 1 or more.
    """

    alpha: float = 0.05
    cases: int = 1
    chances: int = 1


@dataclass(frozen=True, repr=False)
class Comparison(Discreet):
    """A comparison with its verdict.

    Its fields are those of `ComparisonRecord`, but for ``influence``: of every patient on the
    estimate, which stays with the evidence.
    """

    estimate: EstimateRecord
    basis: Basis | None
    jointly: Literal["most", "one"]
    alone: Verdict
    rule: str
    relation: Relation
    centre: float | None
    margin: float
    margin_source: str
    verdict: Verdict
    pass_low: float
    pass_high: float
    fail_level: float
    bound: float | None
    bound_words: str
    p_raw: float
    smallest_effect: float | None
    message: str
    group: int = 0
    influence: Influence | None = field(default=None, repr=False, compare=False)

    def to_record(self) -> ComparisonRecord:
        """The comparison for the record; Holm's p value is added once all cases are known."""
        content: dict[str, Any] = {**vars(self), "p_holm": None}
        del content["influence"]
        return ComparisonRecord(**content)


def estimate_in_words(label: str, value: float, low: float, high: float, n_patients: int) -> str:
    """An estimate in words, with the ends of its 95 % interval and its number of patients."""
    return f"{label} {value:.3f} [{low:.3f}, {high:.3f}] (n={n_patients} patients)"


def judge_below(
    estimate: EstimateRecord,
    scale: AnyScale,
    fewest: int,
    relation: Relation,
    limit: float,
    levels: DecisionRule,
) -> Comparison:
    """Judge ``estimate < limit`` or ``estimate > limit``.

    Pass by the one-sided bound at alpha, fail by the opposite one-sided bound at alpha / cases.

    Args:
        estimate: The estimate's recorded numbers.
        scale: Gives its intervals and p values.
        fewest: Patients of the rarer class.
        relation: ``<`` or ``>``.
        limit: What it is compared with; a `Margin` names its source.
        levels: The error levels.

    Raises:
        TypeError: If the limit is not a number.
    """
    margin = _finite(limit)
    above, below = scale.p_above(margin), scale.p_below(margin)
    p_pass, p_fail = (below, above) if relation == "<" else (above, below)
    return _judge(
        estimate,
        scale,
        fewest,
        levels,
        rule=f"{estimate.label} {relation} {margin:g}",
        claim=f"{'below' if relation == '<' else 'above'} {margin:g}",
        subject=_subject(estimate),
        limit=limit,
        p_pass=p_pass,
        p_fail=p_fail,
        relation=relation,
        centre=None,
    )


def judge_distance(
    estimate: EstimateRecord,
    scale: AnyScale,
    fewest: int,
    centre: float,
    limit: float,
    levels: DecisionRule,
) -> Comparison:
    """Judge ``|estimate - centre| < limit``.

    Pass if the 1 - 2 alpha interval lies inside the margins (two one-sided tests, Schuirmann
    1987), fail if the 1 - alpha / cases interval lies wholly outside.

    Args:
        estimate: The estimate's recorded numbers.
        scale: Gives its intervals and p values.
        fewest: Patients of the rarer class.
        centre: The value from which the distance is measured.
        limit: The margin, above 0; a `Margin` names its source.
        levels: The error levels.

    Raises:
        AuditError: If the margin is 0 or less.
        TypeError: If it is not a number.
    """
    margin = _finite(limit)
    if margin <= 0:
        raise AuditError(
            f"a distance cannot be below {margin:g}", "give a margin above 0 to distance_to(...)"
        )
    p_pass = max(scale.p_below(centre + margin), scale.p_above(centre - margin))
    p_fail = min(1.0, 2 * min(scale.p_above(centre + margin), scale.p_below(centre - margin)))
    return _judge(
        estimate,
        scale,
        fewest,
        levels,
        rule=f"|{estimate.label} - {centre:g}| < {margin:g}",
        claim=f"below {margin:g}",
        subject=f"the distance of {_subject(estimate)} to {centre:g}",
        limit=limit,
        p_pass=p_pass,
        p_fail=p_fail,
        relation="<",
        centre=centre,
    )


def _judge(
    estimate: EstimateRecord,
    scale: AnyScale,
    fewest: int,
    levels: DecisionRule,
    *,
    rule: str,
    claim: str,
    subject: str,
    limit: float,
    p_pass: float,
    p_fail: float,
    relation: Relation,
    centre: float | None,
) -> Comparison:
    two_sided = centre is not None
    level = levels.alpha / levels.cases
    passing = levels.alpha / levels.chances
    pass_low, pass_high = scale.interval(1 - 2 * passing)
    effect = smallest_effect(scale.se, scale.df, passing, two_sided)
    bound: float | None = None
    bound_words = ""
    if fewest < FEWEST_PATIENTS:
        verdict = Verdict.INCONCLUSIVE
        message = (
            f"{subject} rests on {fewest} patients of the rarer class, counted by their shares "
            f"of the images; no verdict is drawn on fewer than {FEWEST_PATIENTS}"
        )
    elif p_pass < passing or p_fail >= level:
        ends = pass_low, pass_high
        verdict = Verdict.PASS if p_pass < passing else Verdict.INCONCLUSIVE
        upper = relation != ">" if centre is None else _is_upper_end_farther(ends, centre)
        bound, bound_words = ends[upper], _bound_in_words(upper, passing)
        message = f"{subject} is {claim}"
    else:
        ends = scale.interval(1 - level if two_sided else 1 - 2 * level)
        verdict = Verdict.FAIL
        upper = relation == ">" if centre is None else scale.value < centre
        bound, bound_words = ends[upper], _bound_in_words(upper, level / (2 if two_sided else 1))
        message = f"{subject} is not {claim}"
    if bound is not None:
        limits = (
            [float(limit)] if centre is None else [centre + float(limit), centre - float(limit)]
        )
        message += f" ({bound_words} {_apart(bound, limits)})"
    if verdict is Verdict.INCONCLUSIVE and bound is not None:
        message = f"it is undecided whether {message}"
        if p_fail < levels.alpha:
            message += (
                f"; p = {p_fail:.2g} alone, but a fail must hold at {level:.2g}, its share of the "
                f"level"
            )
        if effect is not None:
            message += f"; the smallest margin these data could show is {effect:.2g}"
    return Comparison(
        estimate=estimate,
        basis=_basis(scale, fewest, levels),
        jointly="most",
        alone=verdict,
        rule=rule,
        relation=relation,
        centre=centre,
        margin=float(limit),
        margin_source=limit.source if isinstance(limit, Margin) else "written in the check",
        verdict=verdict,
        pass_low=pass_low,
        pass_high=pass_high,
        fail_level=level,
        bound=bound,
        bound_words=bound_words,
        p_raw=p_fail,
        smallest_effect=effect,
        message=message,
    )


def judge_again(comparison: ComparisonRecord) -> Comparison:
    """The same comparison, judged from the numbers that were recorded.

    Args:
        comparison: From a record; its estimate has an interval (``basis`` is not null).
    """
    basis = comparison.basis
    assert basis is not None
    scale: AnyScale
    if (pair := basis.pair) is not None:
        strata = [Stratum(*stratum) for stratum in pair.strata]
        scale = PairScale(pair.form, pair.first, pair.second, pair.edge, strata)
    else:
        scale = Scale(
            comparison.estimate.value,
            math.inf if basis.se is None else basis.se,
            math.inf if basis.df is None else basis.df,
            basis.bounds,
            basis.edge,
        )
    levels = DecisionRule(basis.alpha, basis.cases, basis.chances)
    limit = Margin(comparison.margin, comparison.margin_source)
    estimate, fewest = comparison.estimate, basis.fewest
    low, high = scale.interval(0.95)
    estimate = estimate.model_copy(update={"low": low, "high": high})
    if comparison.centre is None:
        return judge_below(estimate, scale, fewest, comparison.relation, limit, levels)
    return judge_distance(estimate, scale, fewest, comparison.centre, limit, levels)


def _basis(scale: AnyScale, fewest: int, levels: DecisionRule) -> Basis:
    pair = None
    if isinstance(scale, PairScale):
        pair = PairBasis(
            form=scale.form,
            first=scale.first,
            second=scale.second,
            edge=scale.edge,
            strata=[(s.patients, s.first, s.product, s.second) for s in scale.strata],
        )
    return Basis(
        se=scale.se if math.isfinite(scale.se) else None,
        df=scale.df if math.isfinite(scale.df) else None,
        bounds=scale.bounds if isinstance(scale, Scale) else None,
        edge=scale.edge,
        pair=pair,
        fewest=fewest,
        alpha=levels.alpha,
        cases=levels.cases,
        chances=levels.chances,
    )


def _is_upper_end_farther(ends: tuple[float, float], centre: float) -> bool:
    return ends[1] - centre >= centre - ends[0]


def _bound_in_words(upper: bool, level: float) -> str:
    """The one-sided bound at an error level: ``upper 95 % bound``."""
    digits = 4 if level > _ALL else 1 - math.floor(math.log10(level))
    return f"{'upper' if upper else 'lower'} {100 * (1 - level):.{digits}g} % bound"


def _apart(bound: float, limits: Sequence[float]) -> str:
    """A number with as many digits as show on which side of the limits it lies."""
    for digits in (3, 4, 5):
        text = f"{bound:.{digits}f}"
        if all(float(text) != round(limit, 9) for limit in limits):
            return text
    return f"{bound:.6f}"


def _subject(estimate: EstimateRecord) -> str:
    return estimate_in_words(
        estimate.label, estimate.value, estimate.low, estimate.high, estimate.n_patients
    )


def _finite(limit: float) -> float:
    if isinstance(limit, bool) or not isinstance(limit, int | float) or math.isnan(limit):
        raise TypeError(f"an estimate is compared with a number or another estimate, not {limit!r}")
    return float(limit)
