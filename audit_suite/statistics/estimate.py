"""`Estimate`: a value with its uncertainty and every patient's influence on it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, Literal, NamedTuple, NoReturn

from numpy.typing import NDArray

from audit_suite.discreet import Discreet
from audit_suite.errors import AuditError
from audit_suite.record import EstimateRecord
from audit_suite.statistics.decision import (
    Comparison,
    Relation,
    estimate_in_words,
    judge_below,
    judge_distance,
)
from audit_suite.statistics.influence import Influence
from audit_suite.statistics.pair_scale import Form, PairScale
from audit_suite.statistics.recording import active_rule, conclude
from audit_suite.statistics.scale import Scale

Keys = Mapping[str, NDArray[Any]]
"""Patients by data set."""

_SHARES = 0.0, 1.0  # the range of AUROCs, whose differences are judged on the logit scale


class Pair(NamedTuple):
    """The two estimates that another one is made of, and how."""

    form: Form
    first: Estimate
    second: Estimate


@dataclass(frozen=True, eq=False, repr=False)
class Estimate(Discreet):
    """A value with the influence of every patient on it; never a bare number.

    Differences subtract influences over the union of patients, so the difference of two AUCs on
    the same cases is paired, and on different data sets independent; with one image per patient it
    is the test of DeLong et al. (Biometrics 44, 1988), with several that of Obuchowski (1997).
    ``<`` and ``>`` pass, fail or raise `Inconclusive` by the interval, and record themselves.

    Attributes:
        label: Its name in messages and in the report.
        value: The point estimate.
        influence: Influence of each patient.
        n_images: Number of images (the larger number, for a difference).
        n_positives: Patients with a positive image; None if no label is involved.
        fewest: Patients of the rarer class (of positive and negative patients for an AUC), counted
            by their shares of the images: with too few the interval cannot be trusted.
        bounds: Ends of its range, if it has one.
        edge: See `Scale`.
        rebuild: Computes it again on some patients only.
        folds: Its value in each fold of a model, if it is the mean over folds.
        at: Its place on the axes of a curve or matrix, by axis.
        pair: The estimates it is a difference, share or ratio of, where it is judged by a contrast
            of these rather than by a t distribution around its value.
    """

    label: str
    value: float
    influence: Influence
    n_images: int
    n_positives: int | None
    fewest: int
    bounds: tuple[float, float] | None = None
    edge: float = 0.0
    rebuild: Callable[[Keys], Estimate] | None = None
    folds: tuple[float, ...] = ()
    at: dict[str, float | str] = field(default_factory=dict)
    pair: Pair | None = None

    @property
    def n_patients(self) -> int:
        """Number of patients."""
        return self.influence.n_patients

    @property
    def se(self) -> float:
        """Standard error, clustered by patient."""
        return float(self.influence.variance**0.5)

    @property
    def df(self) -> float:
        """Satterthwaite's degrees of freedom."""
        return self.influence.degrees_of_freedom

    @cached_property
    def scale(self) -> Scale | PairScale:
        """The t distribution of its intervals and p values."""
        if self.pair is None:
            return Scale(self.value, self.se, self.df, self.bounds, self.edge)
        form, first, second = self.pair
        strata = first.influence.strata_with(second.influence)
        edge = max(first.edge, second.edge)
        return PairScale(form, first.value, second.value, edge, strata)

    def interval(self, confidence: float = 0.95) -> tuple[float, float]:
        """Two-sided interval at a confidence between 0 and 1."""
        return self.scale.interval(confidence)

    def named(self, label: str) -> Estimate:
        """The same estimate under another label."""
        return replace(self, label=label)

    def placed(self, **at: float | str) -> Estimate:
        """The same estimate with its place on the axes of a curve or matrix."""
        return replace(self, at={**self.at, **at})

    def with_influence(self, influence: Influence) -> Estimate:
        """The same value with another uncertainty; a difference is then judged by that alone."""
        return replace(self, influence=influence, pair=None)

    def __add__(self, other: float | Estimate) -> Estimate:
        return self._combine(other, 1.0, "+")

    def __sub__(self, other: float | Estimate) -> Estimate:
        return self._combine(other, -1.0, "-")

    def __radd__(self, other: float) -> Estimate:
        return (self + other).named(f"{other:g} + {self.label}")

    def __rsub__(self, other: float) -> Estimate:
        return (-self + other).named(f"{other:g} - {self.label}")

    def __neg__(self) -> Estimate:
        return (self * -1.0).named(f"-({self.label})")

    def __mul__(self, factor: float) -> Estimate:
        if isinstance(factor, Estimate):
            raise TypeError(
                "the product of two estimates is not defined; use a sum, a difference or a number"
            )
        ends = None
        if self.bounds is not None and factor != 0:
            low, high = sorted(bound * factor for bound in self.bounds)
            ends = low, high
        return replace(
            self,
            label=f"{factor:g} x ({self.label})",
            value=self.value * factor,
            influence=self.influence.times(factor),
            bounds=ends,
            folds=tuple(value * factor for value in self.folds),
            rebuild=self._derived(lambda again: again * factor),
            pair=self._turned() if factor == -1 else None,
        )

    __rmul__ = __mul__

    def distance_to(self, centre: float) -> Distance:
        """Its distance to a value; keeps the signed interval and allows only ``<``."""
        return Distance(self, float(centre))

    def compare(self, relation: Relation, limit: float | Estimate) -> Comparison:
        """Judge ``self < limit`` or ``self > limit`` without raising or recording."""
        if isinstance(limit, Estimate):
            return (self - limit).compare(relation, 0.0)
        judged = judge_below(
            self.to_record(), self.scale, self.fewest, relation, limit, active_rule()
        )
        return replace(judged, influence=self.influence)

    def __lt__(self, limit: float | Estimate) -> bool:
        __tracebackhide__ = True
        return conclude([self.compare("<", limit)])

    def __gt__(self, limit: float | Estimate) -> bool:
        __tracebackhide__ = True
        return conclude([self.compare(">", limit)])

    __le__ = __lt__
    __ge__ = __gt__

    def restrict_to_shared(self, other: Estimate) -> tuple[Estimate, Estimate]:
        """Both estimates, computed again on the patients they share.

        Raises:
            AuditError: If they share none.
        """
        shared = self.influence.shared_with(other.influence)
        if not shared or self.rebuild is None or other.rebuild is None:
            raise AuditError(
                f"'{self.label}' and '{other.label}' share no patient",
                "compare them on the same data set, or as independent estimates",
            )
        return self.rebuild(shared), other.rebuild(shared)

    def to_record(self) -> EstimateRecord:
        """Its value, 95 % interval and counts, for the record."""
        low, high = self.interval(0.95)
        return EstimateRecord(
            label=self.label,
            value=self.value,
            low=low,
            high=high,
            n_patients=self.n_patients,
            n_images=self.n_images,
            n_positives=self.n_positives,
            folds=list(self.folds),
            at=self.at,
        )

    def __repr__(self) -> str:
        return estimate_in_words(self.label, self.value, *self.interval(0.95), self.n_patients)

    def __eq__(self, other: object) -> bool:
        _refuse("==", "an estimate equals nothing exactly; assert a.distance_to(b) < margin")

    def __ne__(self, other: object) -> bool:
        _refuse("!=", "assert on an interval: a.distance_to(b) < margin, or a < limit")

    def __bool__(self) -> bool:
        _refuse("bool()", "compare it with a limit: assert estimate < 0.6")

    def __float__(self) -> float:
        _refuse("float()", "a bare number loses the interval; use .value if you must")

    __hash__ = object.__hash__

    def _combine(self, other: float | Estimate, sign: float, symbol: Literal["+", "-"]) -> Estimate:
        if not isinstance(other, Estimate):
            shift = sign * float(other)
            bounds = self.bounds and (self.bounds[0] + shift, self.bounds[1] + shift)
            return replace(
                self,
                label=f"{self.label} {symbol} {float(other):g}",
                value=self.value + shift,
                bounds=bounds,
                folds=tuple(value + shift for value in self.folds),
                rebuild=self._derived(lambda again: again + shift),
                pair=None,
            )
        positives = [n for n in (self.n_positives, other.n_positives) if n is not None]
        mine, theirs = self.rebuild, other.rebuild
        return Estimate(
            label=f"{self.label} {symbol} {other.label}",
            value=self.value + sign * other.value,
            influence=self.influence.plus(other.influence, sign),
            n_images=max(self.n_images, other.n_images),
            n_positives=min(positives) if positives else None,
            fewest=min(self.fewest, other.fewest),
            folds=(
                tuple(a + sign * b for a, b in zip(self.folds, other.folds, strict=True))
                if len(self.folds) == len(other.folds)
                else ()
            ),
            rebuild=(
                None
                if mine is None or theirs is None
                else lambda keys: mine(keys)._combine(theirs(keys), sign, symbol)
            ),
            pair=Pair("difference", self, other)
            if sign < 0 and self.bounds == other.bounds == _SHARES
            else None,
        )

    def _turned(self) -> Pair | None:
        """The pair of the negative of a difference."""
        if self.pair is None or self.pair.form != "difference":
            return None
        return Pair("difference", self.pair.second, self.pair.first)

    def _derived(self, change: Callable[[Estimate], Estimate]) -> Callable[[Keys], Estimate] | None:
        again = self.rebuild
        return None if again is None else lambda keys: change(again(keys))


@dataclass(frozen=True, eq=False)
class Distance:
    """The distance of an estimate to a value; ``distance < margin`` is a test of equivalence."""

    estimate: Estimate
    centre: float

    def compare(self, relation: Relation, limit: float) -> Comparison:
        """Judge ``|estimate - centre| < limit`` without raising or recording."""
        if relation != "<" or isinstance(limit, Estimate):
            _refuse(relation, "a distance can only be shown to be small: distance < margin")
        estimate = self.estimate
        judged = judge_distance(
            estimate.to_record(), estimate.scale, estimate.fewest, self.centre, limit, active_rule()
        )
        return replace(judged, influence=estimate.influence)

    def __lt__(self, limit: float) -> bool:
        __tracebackhide__ = True
        return conclude([self.compare("<", limit)])

    def __gt__(self, limit: float) -> bool:
        _refuse(">", "to show that it is large, compare the estimate itself: estimate > 0.55")

    def __eq__(self, other: object) -> bool:
        _refuse("==", "a distance can only be shown to be small: distance < margin")

    def __bool__(self) -> bool:
        _refuse("bool()", "compare it with a margin: distance < margin")

    def __float__(self) -> float:
        _refuse("float()", "a bare number loses the interval; compare the distance with a margin")

    __le__ = __lt__
    __ge__ = __gt__
    __hash__ = object.__hash__


def _refuse(operation: str, advice: str) -> NoReturn:
    raise TypeError(f"{operation} is not defined for an estimate: {advice}")
