"""`@check`: a test function whose needs are declared, so that they are known at collection."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, NoReturn, TypeVar

from audit_suite.evidence import Cell
from audit_suite.needs import Expanding, Listing, Need
from audit_suite.risks import OTHER, RISKS
from audit_suite.statistics import Estimate, Margin, observe
from audit_suite.verdict import NO_SKILL, NotApplicable

Declarable = Need | Listing | Expanding
Declared = Declarable | list[Declarable] | tuple[Need | Expanding, ...] | Margin

ATTRIBUTE = "__audit_check__"
_ADVICE = re.compile(r"(If it fails|What to do|How to read it): ")

_Test = TypeVar("_Test", bound=Callable[..., Any])


@dataclass(frozen=True)
class Check:
    """What the decorator recorded about a test function.

    Attributes:
        id: Short id, for example ``R2``; findings, waivers and margins are keyed by it.
        title: The function's name in words.
        question: What the check asks, for the report.
        advice: What a fail means, what to do then, or how to read what is reported: what the
            docstring says after ``If it fails:``, ``What to do:`` and ``How to read it:``.
        section: Section of the report that shows it, and its part there (``embeddings.probe``).
        risk: Name of the kind of fault that it looks for; one of `RISKS`.
        needs: By argument name: needs, alternatives (a list: one case each), families (a tuple:
            handed over together) and margins.
    """

    id: str
    title: str
    question: str
    advice: dict[str, str]
    section: str
    risk: str
    needs: dict[str, Declared]


def check(
    id: str | None = None,
    /,
    *,
    question: str = "",
    section: str = "",
    risk: str = OTHER,
    **needs: Declared | Sequence[Declarable],
) -> Callable[[_Test], _Test]:
    """Declare a pytest test function to be a check of the audit.

    Each keyword names an argument of the function and says what it gets: a need (its `Estimate`,
    or what a `Listing` gives), a list of needs (one case each), a tuple of needs of one estimate
    each (a `Family`, judged together) or a `Margin` (the limit, which a card's ``margins`` may
    override under the check's id).

    Args:
        id: Short stable id; by default the function's name.
        question: Heading of the check in the report; by default the docstring's first paragraph.
            The report also shows what the docstring says after ``If it fails:``, ``What to do:``
            and ``How to read it:``.
        section: Name of the report section that shows the findings, followed by a dot and the
            check's part if the section has parts; by default the general lists.
        risk: Kind of fault that it looks for, under which the report sorts it: ``skill``,
            ``outside``, ``source``, ``making``, ``masking``, ``data``, ``changes``, ``groups``,
            ``probabilities``, ``people``, ``explanations``; by default a question of its own.
        **needs: What each argument of the function gets.

    Raises:
        TypeError: If something declared is not a need, the function has no such argument, or there
            is no such risk.
    """
    if risk not in RISKS:
        raise TypeError(f"@check(risk={risk!r}): known are {', '.join(RISKS)}")

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
                advice=_advice(inspect.getdoc(function) or ""),
                section=section,
                risk=risk,
                needs=dict(needs),  # type: ignore[arg-type]  # validated above
            ),
        )
        return function

    return decorate


def check_on(function: Callable[..., Any]) -> Check | None:
    """What `check` recorded about a test function, above or below hypothesis' ``@given``."""
    inner = getattr(getattr(function, "hypothesis", None), "inner_test", None)
    recorded: Check | None = getattr(function, ATTRIBUTE, None) or getattr(inner, ATTRIBUTE, None)
    return recorded


def report_only(*estimates: Estimate, because: str) -> NoReturn:
    """End a check without a verdict, its estimates in the report.

    Args:
        *estimates: What to show.
        because: Why no decision rule is applied.

    Raises:
        NotApplicable: Always, because what is not judged is not a pass.
    """
    observe(*estimates)
    raise NotApplicable(f"reported only: {because}")


def require_skill(full: Estimate, least: float = 0.60) -> None:
    """End a check on the loss of skill if the model has too little skill to lose.

    Args:
        full: AUROC on full images.
        least: What its one-sided 95 % bound must exceed.

    Raises:
        NotApplicable: If it does not exceed it.
    """
    low, _ = full.interval(0.90)
    if low <= least:
        raise NotApplicable(
            f"{NO_SKILL} to exceed AUROC {least:.2f} (lower bound "
            f"{low:.3f}): there is too little to lose"
        )


def margin_for(cell: Cell, id: str, default: Margin) -> Margin:
    """A check's margin in a cell: that of the data set's card, of the model's card, or the default.

    Args:
        cell: Model, data set and target.
        id: Id of the check.
        default: The margin that the check declares.
    """
    for kind, card in (("data set", cell.dataset), ("model", cell.model)):
        if id in card.margins:
            entry = card.margins[id]
            return Margin(entry.value, source=f"{kind} card '{card.name}': {entry.source}")
    return default


def _advice(docstring: str) -> dict[str, str]:
    """What stands after the question, by the words before the colon, each on one line."""
    text = " ".join(docstring.split("\n\nArgs:", maxsplit=1)[0].replace("``", "'").split())
    parts = _ADVICE.split(text)[1:]
    return {words: said.strip() for words, said in zip(parts[::2], parts[1::2], strict=True)}


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
