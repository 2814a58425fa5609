"""A number that is measured, not estimated: without sampling there is no interval."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from audit_suite.record import EstimateRecord
from audit_suite.statistics.decision import Comparison, Margin
from audit_suite.statistics.recording import conclude
from audit_suite.verdict import Verdict


@dataclass(frozen=True, eq=False)
class Exact:
    """A deterministic measurement; ``<=`` and ``<`` pass or fail, and record themselves.

    Attributes:
        label: Its name in messages and in the report.
        value: The number.
        n_images: Number of images on which it was measured.
        advice: What to do if it is too large; ends the message of a fail.
    """

    label: str
    value: float
    n_images: int
    advice: str = ""

    def __le__(self, limit: float) -> bool:
        __tracebackhide__ = True
        return conclude([self.compare("<=", limit)])

    def __lt__(self, limit: float) -> bool:
        __tracebackhide__ = True
        return conclude([self.compare("<", limit)])

    def __repr__(self) -> str:
        return f"{self.label} {self.value:g} (on {self.n_images} images)"

    def compare(self, relation: Literal["<", "<="], limit: float) -> Comparison:
        """Judge without raising or recording."""
        holds = self.value < limit or (relation == "<=" and self.value == limit)
        words = "below" if relation == "<" else "at most"
        source = limit.source if isinstance(limit, Margin) else "written in the check"
        return Comparison(
            estimate=EstimateRecord(
                label=self.label,
                value=self.value,
                low=self.value,
                high=self.value,
                n_patients=0,
                n_images=self.n_images,
                n_positives=None,
            ),
            basis=None,
            alone=Verdict.PASS if holds else Verdict.FAIL,
            rule=f"{self.label} {words} {limit:g}",
            relation=relation,
            centre=None,
            margin=float(limit),
            margin_source=source,
            verdict=Verdict.PASS if holds else Verdict.FAIL,
            pass_low=self.value,
            pass_high=self.value,
            fail_level=1.0,
            jointly="most",
            bound=None,
            bound_words="",
            p_raw=1.0 if holds else 0.0,
            smallest_effect=None,
            message=f"{self!r} is {words} {limit:g}" if holds else self._fail(f"{words} {limit:g}"),
        )

    def _fail(self, claim: str) -> str:
        return "; ".join(filter(None, [f"{self!r} is not {claim}", self.advice]))
