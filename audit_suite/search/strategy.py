"""Strategies: what a search draws from, by name and plain arguments, so that they can be keyed."""

from __future__ import annotations

import functools
import hashlib
import inspect
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, ParamSpec, overload

from audit_suite.errors import AuditError
from audit_suite.registry import STRATEGIES
from audit_suite.search.change import Change, change_fault

if TYPE_CHECKING:
    from hypothesis.strategies import SearchStrategy

Draw = Callable[..., "SearchStrategy[Any]"]
_Given = ParamSpec("_Given")
_EXTRAS = "__audit_extras__"


@dataclass(frozen=True)
class Extras:
    """What a strategy may give beyond what it draws.

    Attributes:
        whole: The largest change, confirmed by itself and never made smaller.
        grid: Rectangles that are tried before any is drawn, and trimmed if one is the best.
    """

    whole: Change | None = None
    grid: Sequence[Change] = ()


@dataclass(frozen=True, repr=False)
class Strategy:
    """A registered strategy with its arguments; the key under which its tries are stored.

    Attributes:
        name: Its name.
        arguments: By name.
        swapped: Whether the content of other patients is put there, not what the change paints.
        outside: Whether pixels of the region are left as they are.
    """

    name: str
    arguments: tuple[tuple[str, Any], ...] = ()
    swapped: bool = False
    outside: bool = False

    @property
    def id(self) -> str:
        """A slug for case ids: the name, behind ``swapped`` where content is put there."""
        name = self.name.replace("_", "-")
        return f"swapped-{name}" if self.swapped else name

    @property
    def kind(self) -> str:
        """What a find means: ``donor contrast``, or ``painted``."""
        return "donor contrast" if self.swapped else "painted"

    def __repr__(self) -> str:
        given = ", ".join(f"{name}={value!r}" for name, value in self.arguments)
        text = f"{self.name}({given})"
        text = f"swapped({text})" if self.swapped else text
        return f"outside_roi({text})" if self.outside else text

    @property
    def fingerprint(self) -> str:
        """Hashes of the sources of what extensions bring to it, for store keys; may be empty."""
        hashes = [STRATEGIES.fingerprint(self.name)]
        for _, given in self.arguments:
            for each in given if isinstance(given, tuple) else (given,):
                if isinstance(each, Strategy):
                    hashes.append(each.fingerprint)
                elif isinstance(each, Change):
                    hashes.append(_source_of(each))
        return " ".join(filter(None, hashes))

    def drawn(self) -> SearchStrategy[Any]:
        """What hypothesis draws from.

        Raises:
            AuditError: If an extension's function raises or returns no strategy; names it.
        """
        from hypothesis.strategies import SearchStrategy

        with STRATEGIES.blaming(self.name):
            made = STRATEGIES.find(self.name)(**dict(self.arguments))
        if not isinstance(made, SearchStrategy):
            raise STRATEGIES.misbehaved(self.name, f"returned {made!r}, not a strategy")
        return made

    def extras(self) -> Extras:
        """Its grid, if it has one."""
        extras: Extras = getattr(STRATEGIES.find(self.name), _EXTRAS, Extras())
        return extras

    def check(self, change: object) -> None:
        """Refuse what cannot be a change.

        Raises:
            AuditError: Names the strategy and what it drew.
        """
        if fault := change_fault(change, painted=not self.swapped):
            raise STRATEGIES.misbehaved(self.name, fault)


@overload
def register_strategy(
    draw: Callable[_Given, SearchStrategy[Any]], /
) -> Callable[_Given, Strategy]: ...


@overload
def register_strategy(
    *, whole: Change | None = None, grid: Sequence[Change] = ()
) -> Callable[[Callable[_Given, SearchStrategy[Any]]], Callable[_Given, Strategy]]: ...


def register_strategy(
    draw: Draw | None = None, /, *, whole: Change | None = None, grid: Sequence[Change] = ()
) -> Any:
    """Make a function that returns a hypothesis strategy known to searches, by its name.

    Args:
        draw: The function; its arguments must be plain values, or changes.
        whole: As in `Extras`, like all that follow.
        grid: Tried first.

    Returns:
        A function of the same arguments that returns a `Strategy`.

    Raises:
        AuditError: If the name is taken.
    """
    if draw is None:
        return functools.partial(register_strategy, whole=whole, grid=grid)
    signature, name = inspect.signature(draw), draw.__name__
    setattr(draw, _EXTRAS, Extras(whole, grid))
    STRATEGIES.register(name, draw)

    @functools.wraps(draw)
    def make(*args: Any, **kwargs: Any) -> Strategy:
        given = signature.bind(*args, **kwargs)
        given.apply_defaults()
        made = Strategy(name, tuple(given.arguments.items()))
        try:
            hash(made)
        except TypeError:
            raise AuditError(
                f"{made}: an argument cannot be part of a key",
                "give whole numbers, texts, tuples of these, or a change",
            ) from None
        return made

    return make


def _source_of(change: Change) -> str:
    """SHA-256 of the file of a user's change; empty for a shipped one."""
    kind = type(change)
    if kind.__module__.startswith("audit_suite."):
        return ""
    return hashlib.sha256(Path(inspect.getfile(kind)).read_bytes()).hexdigest()


def swapped(strategy: Strategy) -> Strategy:
    """Fill what a strategy draws with other patients' content, with and without the finding.

    The effect is the rank of the score with the content of a patient who has the finding, minus
    the rank with that of one who has not: same image, same pixels.
    """
    return replace(strategy, swapped=True)


def outside_roi(strategy: Strategy) -> Strategy:
    """Leave the region as it is: the recipient's, those of the donors, and the card's margin."""
    return replace(strategy, outside=True)


def refuse_foreign(strategy: object) -> None:
    """Refuse what is not a strategy of this package, such as one of hypothesis itself.

    Raises:
        TypeError: Says what to write.
    """
    if not isinstance(strategy, Strategy):
        raise TypeError(
            f"expected a strategy such as outside_roi(swapped(areas())), got {strategy!r}; make "
            f"one of your own with audit_suite.strategies.register_strategy"
        )
    if not strategy.outside:
        raise TypeError(
            f"{strategy}: a change inside the region tells nothing of what lies outside it: "
            f"outside_roi({strategy})"
        )
