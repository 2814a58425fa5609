"""What a search gave, as a check compares it: it can fail, but never pass."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NoReturn

from audit_suite.discreet import Discreet
from audit_suite.record import Box, CounterexampleRecord
from audit_suite.statistics.decision import Comparison
from audit_suite.statistics.estimate import Estimate
from audit_suite.statistics.recording import conclude, note_counterexample, observe, shares
from audit_suite.verdict import SEVERITY, NotApplicable, Verdict


@dataclass(frozen=True, repr=False)
class Confirmed(Discreet):
    """A change that was found, and its effect on other patients, who decide.

    The rest is as in `record.CounterexampleRecord`.

    Attributes:
        whole: Whether it is the largest change of its strategy, which is never made smaller.
        estimate: The effect on the other patients.
        searched: The effect on those of the search.
    """

    whole: bool
    change: str
    repeat: str
    box: Box
    box_in_file: Box | None
    case: int
    frame: tuple[int, int]
    scores: tuple[float, ...]
    pictures: tuple[str, ...]
    estimate: Estimate
    searched: float
    best: float
    floor: float
    shrinking: int
    flips: float | None
    searched_on: int
    confirmed_on: int
    donors: int
    seed: int
    version: str


@dataclass(frozen=True, eq=False, repr=False)
class Searched(Discreet):
    """The answer of a search; ``found < margin`` fails by the patients who were not searched on.

    A search that finds nothing shows nothing: such a comparison is reported, never a pass.

    Attributes:
        strategy: What was drawn.
        kind: ``donor contrast`` or ``painted``.
        limit: Effect from which on a change was confirmed.
        tries: Changes that were scored before any was made smaller.
        idle: Of these, how many left most images as they were.
        best: Largest effect of a try that can be made smaller.
        confirmed: What was confirmed on other patients, whatever came of it.
    """

    strategy: str
    kind: str
    limit: float
    tries: int
    idle: int
    best: float
    confirmed: tuple[Confirmed, ...]

    def __lt__(self, margin: float) -> bool:
        """Whether no counterexample is confirmed.

        Of several, the most significant must hold at its share of the level, the next at a larger
        share, and so on (Holm).

        Raises:
            Inconclusive: If it is open whether one is beyond the margin.
            NotApplicable: If none is: reported, not passed.
        """
        __tracebackhide__ = True
        judged = self._judged(margin)
        worst = max((each.verdict for _, each in judged), key=SEVERITY.index, default=Verdict.PASS)
        if worst is Verdict.PASS:
            self.report()
        self._note(judged)
        observe(*(one.estimate for one, each in judged if each.verdict is not worst))
        kept = [conclude([each]) for _, each in judged if each.verdict is worst]
        return all(kept)

    __le__ = __lt__

    def __repr__(self) -> str:
        return f"the search {self.strategy} ({self.tries} tries)"

    def explained(self, margin: float) -> list[str]:
        """What each confirmed change says of a comparison, in words."""
        return [each.message for _, each in self._judged(margin)]

    def report(self, because: str = "", margin: float = math.inf) -> NoReturn:
        """Show the effects without a verdict.

        Args:
            because: Why no verdict is drawn.
            margin: A change is shown as a counterexample if its interval lies beyond it.

        Raises:
            NotApplicable: Always; its message says what was tried.
        """
        if math.isfinite(margin):
            self._note(self._judged(margin))
        observe(*(one.estimate for one in self.confirmed))
        why = because or "no counterexample is confirmed"
        raise NotApplicable(f"reported only: {why}; {self.covered}")

    @property
    def covered(self) -> str:
        """What was tried, and that it is no all-clear."""
        idle = f", of which {self.idle} left most images as they were" if self.idle else ""
        largest = f"the largest effect was {self.best:.3f}" if self.best > -1 else "none counts"
        if self.confirmed:
            values = ", ".join(repr(one.estimate) for one in self.confirmed)
            largest += f"; on other patients: {values}"
        return (
            f"{self.tries} tries of {self.strategy}{idle}; {largest}. A search that finds nothing "
            f"is not an all-clear"
        )

    def _note(self, judged: Sequence[tuple[Confirmed, Comparison]]) -> None:
        """Put the strongest confirmed change into the finding, a place before the whole."""
        beyond = [one for one, each in judged if each.verdict is Verdict.FAIL]
        if beyond:
            strongest = max(beyond, key=lambda one: (not one.whole, one.estimate.value))
            note_counterexample(self.to_record(strongest))

    def _judged(self, margin: float) -> list[tuple[Confirmed, Comparison]]:
        """Each with its comparison, judged in the order of p values as Holm does."""
        first = sorted(self.confirmed, key=lambda one: one.estimate.compare("<", margin).p_raw)
        judged: list[tuple[Confirmed, Comparison]] = []
        left = len(first)
        for one in first:
            with shares(cases=left):
                judged.append((one, one.estimate.compare("<", margin)))
            if judged[-1][1].verdict is Verdict.FAIL:
                left -= 1
        return judged

    def to_record(self, one: Confirmed) -> CounterexampleRecord:
        """One change, as the record keeps it."""
        return CounterexampleRecord(
            case=one.case,
            box=one.box,
            box_in_file=one.box_in_file,
            frame=one.frame,
            scores=list(one.scores),
            pictures=list(one.pictures),
            kind=self.kind,
            change=one.change,
            repeat=one.repeat,
            tries=self.tries,
            shrinking=one.shrinking,
            idle=self.idle,
            limit=self.limit,
            best=one.best,
            floor=one.floor,
            shrunk=one.searched,
            held_out=one.estimate.to_record(),
            flips=one.flips,
            searched_on=one.searched_on,
            confirmed_on=one.confirmed_on,
            donors=one.donors,
            seed=one.seed,
            version=one.version,
        )
