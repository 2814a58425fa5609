"""`@check`: a test function whose needs are declared, so that they are known at collection."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, NoReturn, TypeVar

from audit_suite.evidence import Cell
from audit_suite.needs import Expanding, Listing, Need
from audit_suite.statistics import Estimate, Margin, observe
from audit_suite.verdict import NotApplicable

Declarable = Need | Listing | Expanding
Declared = Declarable | list[Declarable] | tuple[Need | Expanding, ...] | Margin

ATTRIBUTE = "__audit_check__"

_Test = TypeVar("_Test", bound=Callable[..., Any])


@dataclass(frozen=True)
class Check:
    """What the decorator noted of one test function.

    Attributes:
        id: Short id, for example ``R2``; findings, waivers and margins are keyed by it.
        title: The function's name in words.
        question: What the check asks, for the report.
        section: Section of the report that shows it, and its part there (``embeddings.probe``).
        needs: Needs, alternatives (list, or each of the maskings: one case each), families
            (tuple: handed over together) and margins by argument name.
    """

    id: str
    title: str
    question: str
    section: str
    needs: dict[str, Declared]


def check(
    id: str | None = None,
    /,
    *,
    question: str = "",
    section: str = "",
    **needs: Declared | Sequence[Declarable],
) -> Callable[[_Test], _Test]:
    """Declare a pytest test function to be a check of the audit.

    Each keyword names an argument of the function and says what it gets: a need (its `Estimate`,
    or what a `Listing` gives), a list of needs (one case each), a tuple of needs of one estimate
    each (a `Family`, judged together) or a `Margin` (the limit, which a card's ``margins`` may
    override under the check's id).

    Args:
        id: Short stable id; the function's name if none is given.
        question: What is asked, in plain words; the docstring's first line if none is given.
        section: Name of a report section that shows what is found, with the check's part in it
            after a dot where the section has parts; none named: the general lists.
        **needs: What the function's arguments get.

    Raises:
        TypeError: If a need is of no known kind or the function has no such argument.
    """

    def decorate(function: _Test) -> _Test:
        arguments = inspect.signature(function).parameters
        for name, need in needs.items():
            if name not in arguments:
                raise TypeError(f"@check({name}=...): {function.__name__} has no argument '{name}'")
            _validate(name, need)
        summary = (inspect.getdoc(function) or "").split("\n\n")[0].replace("\n", " ")
        title = function.__name__.removeprefix("test_")
        setattr(
            function,
            ATTRIBUTE,
            Check(
                id=id or title,
                title=title.replace("_", " "),
                question=question or summary or title.replace("_", " "),
                section=section,
                needs=dict(needs),  # type: ignore[arg-type]  # validated above
            ),
        )
        return function

    return decorate


def report_only(*estimates: Estimate, because: str) -> NoReturn:
    """End a check without a verdict, its estimates in the report.

    Args:
        *estimates: What to show.
        because: Why no decision rule is applied.

    Raises:
        NotApplicable: Always: what is not judged is no pass.
    """
    observe(*estimates)
    raise NotApplicable(f"reported only: {because}")


def require_skill(full: Estimate, least: float = 0.60) -> None:
    """Leave a check that asks for a loss of skill where there is none to lose.

    Args:
        full: AUROC on full images.
        least: What its one-sided 95 % bound must exceed.

    Raises:
        NotApplicable: If it does not.
    """
    low, _ = full.interval(0.90)
    if low <= least:
        raise NotApplicable(
            f"skill on full images is not shown to exceed AUROC {least:.2f} (lower bound "
            f"{low:.3f}): there is too little to lose"
        )


def margin_for(cell: Cell, id: str, default: Margin) -> Margin:
    """A check's margin in a place: the one its cards pre-registered, the data set's first.

    Args:
        cell: Where.
        id: Of the check.
        default: What holds where no card says otherwise.
    """
    for kind, card in (("data set", cell.dataset), ("model", cell.model)):
        if id in card.margins:
            entry = card.margins[id]
            return Margin(entry.value, source=f"{kind} card '{card.name}': {entry.source}")
    return default


def _validate(name: str, declared: object) -> None:
    """Refuse what is not a need where it is written: at collection the line is not known."""
    if _is_need(declared) or isinstance(declared, Margin):
        return
    several = list(declared) if isinstance(declared, list | tuple) else []
    if isinstance(declared, tuple):
        for one in several:
            if _is_need(one) and not isinstance(one, Need | Expanding):
                raise TypeError(
                    f"@check({name}=...): a tuple is a family of estimates, and {one!r} does not "
                    f"give one estimate: declare it as an argument of its own, or in a list"
                )
    if several and all(_is_need(one) for one in several):
        return
    for one in several or [declared]:
        if isinstance(one, type):
            raise TypeError(
                f"@check({name}=...): expected a need, got the class {one.__name__}: call it, "
                f"{one.__name__}(...)"
            )
    raise TypeError(
        f"@check({name}=...): expected a need such as auroc(), a non-empty list of needs, a "
        f"non-empty tuple of needs that give one estimate each, or a Margin, got {declared!r}"
    )


def _is_need(declared: object) -> bool:
    # A class has the methods too, so that the protocols alone would let it pass.
    return isinstance(declared, Need | Listing | Expanding) and not isinstance(declared, type)
