"""From declared checks to cases: which needs in which cell, and which evidence they read."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

from audit_suite.audit.baseline_checks import TITLES
from audit_suite.audit.opening import Audit
from audit_suite.audit.suites import SUITES, suite_name, suite_of
from audit_suite.checks import Check, Declared, margin_for
from audit_suite.errors import AuditError
from audit_suite.evidence import Cell, Request, plan
from audit_suite.evidence.scores.request import ScoreRequest
from audit_suite.maskings import Full, Masking
from audit_suite.needs import Expanding, Listing, Need, requests_in
from audit_suite.record import Finding, Role
from audit_suite.sections import check_section
from audit_suite.statistics import Margin

AnyNeed = Need | Listing
Argument = AnyNeed | tuple[Need, ...] | Margin


@dataclass(frozen=True)
class CheckCase:
    """One check in one cell.

    Attributes:
        check: The declared check.
        cell: Model, data set and target.
        suffix: Distinguishes the cases of the check in this cell; may be empty.
        shares: A fail must hold at the level divided by this (`levels.share_level`).
        role: What the check is for the gate, by the policy.
        arguments: What each argument asks for.
        command: Command line that repeats the case.
        shipped: Whether a shipped suite holds the check.
    """

    check: Check
    cell: Cell
    suffix: str
    role: Role
    arguments: dict[str, Argument]
    command: str = ""
    shipped: bool = False
    shares: int = 1

    @property
    def name(self) -> str:
        """Model, data set, target and suffix: the text in brackets after the function's name."""
        return "-".join(self._parts)

    @property
    def id(self) -> str:
        """Identity of the finding: check, model, data set, target and suffix; no path."""
        return "/".join([self.check.id, *self._parts])

    @property
    def _parts(self) -> list[str]:
        cell = self.cell
        parts = [cell.model_name, cell.dataset.name, cell.target, self.suffix]
        return [part for part in parts if part]

    def planned(self) -> Finding:
        """The case before it ran: a finding with verdict ``none``."""
        return Finding.planned(
            check=self.check.id,
            id=self.id,
            title=self.check.title,
            model=self.cell.model_name,
            dataset=self.cell.dataset.name,
            target=self.cell.target,
            case=self.suffix,
            role=self.role,
            question=self.check.question,
            advice=self.check.advice,
            reason="planned, not run",
            command=self.command,
            section=self.check.section,
            risk=self.check.risk,
        )

    def requests(self) -> Iterator[Request[Any]]:
        """The evidence that the case declared; skips needs that do not apply or raise.

        `resolve` meets the same error again when the case is judged.
        """
        for argument in self.arguments.values():
            for need in argument if isinstance(argument, tuple) else (argument,):
                if not isinstance(need, Margin):
                    with suppress(Exception):
                        yield from requests_in(need, self.cell)

    def shown(self) -> list[str]:
        """Ids of the maskings it declared for its own model and data set, for the pictures."""
        here = self.cell.model, self.cell.dataset  # not those of a control or of other data
        return list(
            dict.fromkeys(
                request.masking.id
                for request in self.requests()
                if isinstance(request, ScoreRequest) and (request.model, request.dataset) == here
            )
        )

    def repeated_by(self, file: Path, function: str, here: Path) -> CheckCase:
        """The same case with the command line that repeats it.

        Args:
            file: Where the check is.
            function: Name of the test function.
            here: The folder from which the audit was started.
        """
        parts = ["pytest --audit"]
        if file.parent == SUITES:
            parts.append(f"--audit-suite {suite_name(file)}")
        else:
            parts.append(_relative(file, here))
        parts.append(f"--audit-model {_relative(self.cell.model.path, here)}")
        parts.append(f"--audit-dataset {_relative(self.cell.dataset.path, here)}")
        parts.append(f'-k "{function}[{self.name}]"')
        return replace(self, command=" ".join(parts), shipped=file.parent == SUITES)


def cases_of(check: Check, audit: Audit) -> list[CheckCase]:
    """Every case of a check: its alternatives in every cell, margins as the cards set them.

    A first look has only the cases that the policy needs.
    """
    return [
        CheckCase(
            check=check,
            cell=cell,
            suffix=suffix,
            role=audit.policy.role(check.id, cell.target),
            arguments={
                name: margin_for(cell, check.id, argument)
                if isinstance(argument, Margin)
                else argument
                for name, argument in arguments.items()
            },
        )
        for cell in audit.cells
        for suffix, arguments in _combinations(check, cell, audit.maskings(cell.dataset))
        if audit.settings.profile == "full" or audit.policy.needs(check.id, cell.target)
    ]


def refuse_conflicts(cases: Iterable[CheckCase]) -> None:
    """Refuse taken ids, cases with the same identity, idle margins and unknown sections.

    Raises:
        AuditError: Names the check, and the card and key where one is wrong.
    """
    cases = list(cases)
    for section, id in dict.fromkeys((case.check.section, case.check.id) for case in cases):
        check_section(section, id)
    ids: Counter[str] = Counter()
    for case in cases:
        ids[case.id] += 1
        taken = suite_of(case.check.id) or (case.check.id in TITLES and "--audit-baseline")
        if taken and not case.shipped:
            raise AuditError(
                f"the check {case.check.title!r} has the id {case.check.id}, which is that of a "
                f"shipped check ({taken})",
                "give it another id: findings, waivers and the policy are keyed by it",
            )
        _refuse_idle_margin(case)
    if twice := [id for id, count in ids.items() if count > 1]:
        raise AuditError(
            f"two checks have the same identity '{twice[0]}'",
            'give one another id, @check("...")',
        )


def planned_requests(cases: Iterable[CheckCase]) -> tuple[Request[Any], ...]:
    """The union of the requests of some cases, and the scores of full images in their cells.

    By these models are tried before they are judged (`scores.rescore`, `resolve.admit`).
    """
    asked: list[Request[Any]] = []
    for case in cases:
        if requests := list(case.requests()):
            asked += [*requests, *case.cell.requests(Full())]
    return plan(asked)


def shown_requests(
    cells: Iterable[Cell], shown: Iterable[tuple[Finding, Sequence[str]]]
) -> tuple[ScoreRequest, ...]:
    """The scores that cases declared for their own model and data set.

    Args:
        cells: Cells of the audit.
        shown: Each planned case, as a finding, with `CheckCase.shown`.
    """
    places = {(c.model_name, c.dataset.name, c.target): c for c in cells}
    asked = dict.fromkeys(
        (finding.model, finding.dataset, finding.target, id)
        for finding, maskings in shown
        for id in maskings
    )
    requests: set[ScoreRequest] = set()
    for *place, id in asked:
        model, dataset, target = place
        requests.update(places[model, dataset, target].requests(Masking.parse(id)))
    return tuple(sorted(requests, key=lambda request: request.rank))


def _combinations(
    check: Check, cell: Cell, maskings: Sequence[Masking]
) -> Iterator[tuple[str, dict[str, Argument]]]:
    """Every combination of the alternatives that a check lists, with its distinguishing id."""
    names = list(check.needs)
    choices = [_choices(declared, cell, maskings) for declared in check.needs.values()]
    for chosen in itertools.product(*choices):
        suffix = "-".join(id for id, _ in chosen if id)
        yield suffix, dict(zip(names, (need for _, need in chosen), strict=True))


def _choices(
    declared: Declared, cell: Cell, maskings: Sequence[Masking]
) -> list[tuple[str, Argument]]:
    if isinstance(declared, tuple):
        together: list[Need] = []
        for each in declared:
            together += each.expand(cell, maskings) if isinstance(each, Expanding) else (each,)
        return [("", tuple(together))]
    if not isinstance(declared, list | Expanding):
        return [("", declared)]
    choices: list[tuple[str, Argument]] = []
    for one in declared if isinstance(declared, list) else [declared]:
        needs = one.expand(cell, maskings) if isinstance(one, Expanding) else (one,)
        choices += [(need.id, need) for need in needs]
    return choices


def _refuse_idle_margin(case: CheckCase) -> None:
    """Refuse a card's margin for a check that has none, rather than ignore it."""
    check, cell = case.check, case.cell
    if any(isinstance(need, Margin) for need in check.needs.values()):
        return
    for card in (cell.dataset, cell.model):
        if check.id in card.margins:
            raise AuditError(
                f"{card.path}: key 'margins.{check.id}': the check {check.id} ({check.title}) "
                f"takes no margin from a card",
                "remove the key: it has no effect",
            )


@cache
def _relative(path: Path, here: Path) -> str:
    return str(path.relative_to(here)) if path.is_relative_to(here) else path.name
