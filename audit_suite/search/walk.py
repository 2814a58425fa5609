"""hypothesis as an engine in batches: draw everything, score it at once, replay, make smaller.

hypothesis calls a property once per try, and a model wants full batches. So the strategy is first
run with a property that always holds (the dry pass), all that it drew is scored in batches, and the
same seed is run again with a property that looks the effects up. Both runs draw the same until the
first failure; what shrinking tries then is scored one by one, each a batch of images.
"""

from __future__ import annotations

import math
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import hypothesis
import hypothesis.configuration
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis.internal.conjecture import engine
from hypothesis.reporting import with_reporter
from hypothesis.strategies import SearchStrategy

from audit_suite.search.change import Change
from audit_suite.search.strategy import Strategy

Score = Callable[[Sequence[Any]], Sequence[float]]
"""Effects of changes, in order; NaN for one that leaves most images as they were."""

KEPT = 0.7  # of the largest effect: "just above the limit" ends at two pixels and few flips
_STEPS = (-4, -2, 0, 2, 4)  # percent by which a found place is moved
_STRIPS = (8, 4, 2)  # percent of the frame, cut from one side of a rectangle at a time


@dataclass(frozen=True)
class Budget:
    """How far a search goes; in tries, as seconds would make it depend on the machine.

    Attributes:
        limit: Effect from which on a change is made smaller.
        tries: Changes that are scored before.
        shrinking: Changes that are scored to make it smaller and to place it.
        seed: Decides what is drawn.
    """

    limit: float
    tries: int
    shrinking: int
    seed: int


@dataclass(frozen=True)
class Found:
    """What a search met.

    Attributes:
        tries: Changes scored at first, and their effects.
        whole: The largest change, if it is beyond the limit, and its effect.
        place: The smaller change, if any is beyond the limit, and its effect.
        best: Largest effect of a try but the whole; NaN if none counts.
        floor: What the smaller change had to keep.
        shrinking: Changes scored to make it smaller and to place it.
    """

    tries: dict[Any, float]
    whole: tuple[Any, float] | None
    place: tuple[Any, float] | None
    best: float
    floor: float
    shrinking: int

    @property
    def idle(self) -> int:
        """Tries that do not count."""
        return sum(math.isnan(effect) for effect in self.tries.values())


def search(strategy: Strategy, score: Score, budget: Budget) -> Found:
    """Search for the smallest change with most of the largest effect.

    Args:
        strategy: What is drawn.
        score: Effects of changes.
        budget: How far.

    Raises:
        AuditError: If the strategy of a user raises, or draws what is not a change.
    """
    extras = strategy.extras()
    first = ([extras.whole] if extras.whole is not None else []) + list(extras.grid)
    first = first[: budget.tries]
    with _quiet():
        source = strategy.drawn()
        left = budget.tries - len(first)
        drawn = _dry_pass(source, left, budget.seed, strategy.check)
        tries = list(dict.fromkeys([*first, *drawn]))
        known = dict(zip(tries, score(tries), strict=True))
        whole = None
        if extras.whole is not None and known.get(extras.whole, 0.0) > budget.limit:
            whole = extras.whole, known[extras.whole]
        smaller = {c: e for c, e in known.items() if c != extras.whole and not math.isnan(e)}
        best = max(smaller, key=lambda change: smaller[change], default=None)
        if best is None or not smaller[best] > budget.limit:
            top = float("nan") if best is None else smaller[best]
            return Found(known, whole, None, top, budget.limit, 0)
        if len(tries) == 1:  # repeated, not searched
            return Found(known, whole, (best, smaller[best]), smaller[best], budget.limit, 0)
        floor = max(budget.limit, KEPT * smaller[best])  # fixed before anything is made smaller
        lookup = _Lookup(dict(smaller), score, floor, 2 * budget.shrinking // 3, extras.whole)
        change = lookup.shrunk(source, left, budget.seed) if drawn else None
        lookup.allow(budget.shrinking)
        change = lookup.strongest_near(lookup.trimmed(best if change is None else change))
    return Found(known, whole, (change, lookup.known[change]), smaller[best], floor, lookup.spent)


class _Lookup:
    """Effects that are known, and a budget of further ones.

    Attributes:
        known: Effects by change.
        spent: Further changes that were scored.
    """

    def __init__(
        self, known: dict[Any, float], score: Score, floor: float, budget: int, whole: Change | None
    ) -> None:
        self.known = known
        self.spent = 0
        self._score, self._floor, self._budget, self._whole = score, floor, budget, whole

    def allow(self, budget: int) -> None:
        """Set how many changes may be scored in all."""
        self._budget = budget

    def score_all(self, changes: Sequence[Any]) -> None:
        """Score those that are not known, as far as the budget goes, in one batch."""
        new = list(dict.fromkeys(c for c in changes if c not in self.known))
        new = new[: self._budget - self.spent]
        self.spent += len(new)
        self.known.update(zip(new, self._score(new), strict=True))

    def shrunk(self, source: SearchStrategy[Any], tries: int, seed: int) -> Any | None:
        """The simplest change that keeps the floor; None if the replay meets none."""
        failed: list[Any] = []

        def keeps_below(change: Any) -> None:
            if change == self._whole:
                return
            if change not in self.known:
                self.score_all([change])
            if self.known.get(change, 0.0) >= self._floor:  # unseen once the budget is spent
                failed.append(change)
                raise _Beyond

        try:
            _run(source, keeps_below, (Phase.generate, Phase.shrink), tries, seed)
        except _Beyond:
            return failed[-1]  # hypothesis calls the simplest last
        return None

    def trimmed(self, change: Any) -> Any:
        """A rectangle without the strips that it can do without; any other change as it is.

        hypothesis makes smaller only what it drew, one number at a time: never one of the grid, and
        not a rectangle whose centre would have to move with its size.
        """
        if not {"height", "width", "down", "right"} <= set(vars(change)):
            return change
        inside = replace(
            change,
            down=_within(change.down, change.height),
            right=_within(change.right, change.width),
        )
        self.score_all([inside])  # the same box, unless rounding moves it by a pixel
        if self._effect(inside) >= self._floor:
            change = inside
        for strip in _STRIPS:
            while True:
                sides = _without_a_strip(change, strip)
                self.score_all(sides)
                kept = [side for side in sides if self._effect(side) >= self._floor]
                if not kept:
                    break
                change = max(kept, key=self._effect)
        return change

    def strongest_near(self, change: Any) -> Any:
        """The change, or it moved a little: the smallest is often a little beside."""
        if not {"down", "right"} <= set(vars(change)):
            return change
        moved = [
            replace(change, down=change.down + down, right=change.right + right)
            for down in _STEPS
            for right in _STEPS
            if 0 <= change.down + down <= 100 and 0 <= change.right + right <= 100
        ]
        self.allow(self.spent + len(moved))  # the scan is always made
        self.score_all(moved)
        return max([change, *moved], key=self._effect)

    def _effect(self, change: Any) -> float:
        """The effect where it is known and counts, else -1."""
        effect = self.known.get(change, -1.0)
        return -1.0 if math.isnan(effect) else effect


def _without_a_strip(area: Any, strip: int) -> list[Any]:
    """A rectangle without its upper, lower, left or right strip, where something is left."""
    cut = []
    for half in (strip // 2, -strip // 2):
        if area.height > strip:
            cut.append(replace(area, height=area.height - strip, down=area.down + half))
        if area.width > strip:
            cut.append(replace(area, width=area.width - strip, right=area.right + half))
    return [one for one in cut if 0 <= one.down <= 100 and 0 <= one.right <= 100]


def _within(centre: int, extent: int) -> int:
    """The centre of a box that was moved into the frame, in percent."""
    half = -(-extent // 2)
    return max(half, min(100 - half, centre))


class _Beyond(AssertionError):
    """A change that keeps the floor."""


def _dry_pass(
    source: SearchStrategy[Any], tries: int, seed: int, check: Callable[[object], None]
) -> list[Any]:
    """What is drawn in so many tries, in order, each once; nothing is scored."""
    drawn: list[Any] = []

    def note(change: Any) -> None:
        check(change)
        drawn.append(change)

    if tries > 0:
        _run(source, note, (Phase.generate,), tries, seed)
    return list(dict.fromkeys(drawn))


def _run(
    source: SearchStrategy[Any],
    body: Callable[[Any], None],
    phases: Sequence[Phase],
    tries: int,
    seed: int,
) -> None:
    quiet = settings(
        phases=phases,
        max_examples=max(1, tries),
        database=None,
        deadline=None,
        derandomize=False,
        report_multiple_bugs=False,
        print_blob=False,
        suppress_health_check=list(HealthCheck),
        backend="hypothesis",
    )
    hypothesis.seed(seed)(quiet(given(source)(body)))()


@contextmanager
def _quiet() -> Iterator[None]:
    """Write nothing beside the user's files, and shrink by tries, not by seconds."""
    seconds = engine.MAX_SHRINKING_SECONDS
    with tempfile.TemporaryDirectory() as folder, with_reporter(lambda text: None):
        hypothesis.configuration.set_hypothesis_home_dir(Path(folder))
        engine.MAX_SHRINKING_SECONDS = 10**9
        try:
            yield
        finally:
            engine.MAX_SHRINKING_SECONDS = seconds
            hypothesis.configuration.set_hypothesis_home_dir(None)
