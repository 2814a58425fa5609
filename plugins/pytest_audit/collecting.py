"""Collection: cases of declared checks over the cells, and the plan before any deselection."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from audit_suite.checks import ATTRIBUTE, Check, Declared, margin_for
from audit_suite.evidence import Cell, Request, plan
from audit_suite.evidence.request import Explanation
from audit_suite.maskings import Masking
from audit_suite.needs import Expanding, Explaining, Need, requests_in
from audit_suite.record import Finding
from audit_suite.statistics import Margin
from audit_suite.verdict import NotApplicable, Verdict
from pytest_audit.exchange import Exchange, Planned
from pytest_audit.session import SUITES

if TYPE_CHECKING:
    from pytest_audit.session import Audit

Argument = Need | tuple[Need, ...] | Margin


@dataclass(frozen=True)
class Asked:
    """One argument of one case, as it travels through parametrization."""

    cell: Cell
    argument: Argument | None
    suffix: str
    cases: int


@dataclass(frozen=True)
class Case:
    """One check in one cell.

    Attributes:
        check: The declared check.
        cell: Model, data set and target.
        suffix: What tells the cases of the check in this cell apart; may be empty.
        cases: Cases of the test function before any deselection (m of the level .05/m).
        arguments: What each argument asks for.
        command: Command line that repeats the case.
    """

    check: Check
    cell: Cell
    suffix: str
    cases: int
    arguments: dict[str, Argument]
    command: str

    @property
    def id(self) -> str:
        """Identity of the finding: check, model, data set, target and suffix; no path."""
        cell = self.cell
        parts = [self.check.id, cell.model_name, cell.dataset.name, cell.target, self.suffix]
        return "/".join(part for part in parts if part)

    def planned(self) -> Planned:
        """The case before it ran: a finding with verdict ``none``."""
        finding = Finding(
            check=self.check.id,
            id=self.id,
            title=self.check.title,
            model=self.cell.model_name,
            dataset=self.cell.dataset.name,
            target=self.cell.target,
            case=self.suffix,
            verdict=Verdict.NONE,
            question=self.check.question,
            claim="",
            estimate=None,
            margin=None,
            margin_source=None,
            comparisons=[],
            observations=[],
            reason="planned, not run",
            would_pass="",
            command=self.command,
            section=self.check.section,
        )
        here = (self.cell.model, self.cell.dataset)  # not those of a control or of other data
        own = (request for request in self.requests() if (request.model, request.dataset) == here)
        maskings = dict.fromkeys(request.masking.id for request in own)
        return Planned(finding=finding, maskings=list(maskings))

    def requests(self) -> Iterator[Request]:
        """The evidence the case declared, nothing where a need does not apply."""
        for need in self._needs():
            with suppress(NotApplicable):
                yield from requests_in(need, self.cell)

    def explanations(self) -> Iterator[Explanation]:
        """The attributions the case declared, nothing where a need does not apply."""
        for need in self._needs():
            if isinstance(need, Explaining):
                for cell in self.cell.each():
                    with suppress(NotApplicable):
                        yield from need.explanations(cell)

    def _needs(self) -> Iterator[Need]:
        for argument in self.arguments.values():
            for need in argument if isinstance(argument, tuple) else (argument,):
                if isinstance(need, Need):
                    yield need


CASE = pytest.StashKey[Case]()


class Collecting:
    """Parametrizes checks over the cells and notes what was planned."""

    def __init__(self, config: pytest.Config, audit: Audit) -> None:
        self._config = config
        self._audit = audit

    def pytest_generate_tests(self, metafunc: pytest.Metafunc) -> None:
        """Give each declared argument its need, in every cell."""
        check: Check | None = getattr(metafunc.function, ATTRIBUTE, None)
        if check is None:
            return
        combinations = [
            (cell, suffix, arguments)
            for cell in self._audit.cells
            for suffix, arguments in _combinations(check, cell, self._audit)
        ]
        total = len(combinations)
        names = list(check.needs) or ["audit"]
        values, ids = [], []
        for cell, suffix, arguments in combinations:
            bound = [
                margin_for(cell, check.id, argument) if isinstance(argument, Margin) else argument
                for argument in map(arguments.get, names)
            ]
            values.append([Asked(cell, argument, suffix, total) for argument in bound])
            parts = [cell.model_name, cell.dataset.name, cell.target, suffix]
            ids.append("-".join(part for part in parts if part))
        metafunc.parametrize(names, values, ids=ids, indirect=[n for n in names if n == "audit"])

    def pytest_itemcollected(self, item: pytest.Item) -> None:
        """Recognise the cases of checks."""
        check = getattr(getattr(item, "function", None), ATTRIBUTE, None)
        params: dict[str, Any] = getattr(getattr(item, "callspec", None), "params", {})
        asked = {name: value for name, value in params.items() if isinstance(value, Asked)}
        if check is None or not asked:
            return
        first = next(iter(asked.values()))
        item.stash[CASE] = Case(
            check=check,
            cell=first.cell,
            suffix=first.suffix,
            cases=first.cases,
            arguments={n: a.argument for n, a in asked.items() if a.argument is not None},
            command=self._command(item, first.cell),
        )

    @pytest.hookimpl(tryfirst=True)
    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        """Leave out what is no check; note the plan before `-k` and the like deselect."""
        checks = [item for item in items if CASE in item.stash]
        others = [item for item in items if CASE not in item.stash]
        if others:
            self._config.hook.pytest_deselected(items=others)
            items[:] = checks
        for item in checks:
            _refuse_idle_margin(item.stash[CASE])
        ids = Counter(item.stash[CASE].id for item in checks)
        if twice := [id for id, count in ids.items() if count > 1]:
            raise pytest.UsageError(
                f"two checks have the same identity '{twice[0]}': give one another id, "
                f'@check("...")'
            )
        self._config.stash[Exchange.KEY].note_plan(
            {item.nodeid: item.stash[CASE].planned() for item in checks}
        )

    def _command(self, item: pytest.Item, cell: Cell) -> str:
        root = self._config.rootpath
        parts = ["pytest --audit"]
        if item.path.parent == SUITES:
            name = item.path.stem.removeprefix("test_").replace("_", "-")
            parts.append(f"--audit-suite {name}")
        else:
            parts.append(_relative(item.path, root))
        parts.append(f"--audit-model {_relative(cell.model.path, root)}")
        parts.append(f"--audit-dataset {_relative(cell.dataset.path, root)}")
        parts.append(f'-k "{item.name}"')
        return " ".join(parts)


def planned_requests(items: Sequence[pytest.Item]) -> tuple[Request, ...]:
    """The union of what the selected cases declared."""
    cases = (item.stash[CASE] for item in items if CASE in item.stash)
    return plan(request for case in cases for request in case.requests())


def planned_explanations(items: Sequence[pytest.Item]) -> tuple[Explanation, ...]:
    """The union of the attributions that the selected cases declared, in the order of the tests."""
    cases = (item.stash[CASE] for item in items if CASE in item.stash)
    return tuple(dict.fromkeys(one for case in cases for one in case.explanations()))


def _combinations(
    check: Check, cell: Cell, audit: Audit
) -> Iterator[tuple[str, dict[str, Argument]]]:
    """Every choice among the alternatives a check lists, with the id that tells it apart."""
    names = list(check.needs)
    maskings = audit.maskings(cell.dataset)
    choices = [_choices(declared, cell, maskings) for declared in check.needs.values()]
    for chosen in itertools.product(*choices):
        suffix = "-".join(id for id, _ in chosen if id)
        yield suffix, dict(zip(names, (need for _, need in chosen), strict=True))


def _choices(
    declared: Declared, cell: Cell, maskings: Sequence[Masking]
) -> list[tuple[str, Argument]]:
    if isinstance(declared, Margin | Need):
        return [("", declared)]
    together = isinstance(declared, tuple)
    needs: list[Need] = []
    for one in [declared] if isinstance(declared, Expanding) else declared:
        needs += one.expand(cell, maskings) if isinstance(one, Expanding) else [one]
    return [("", tuple(needs))] if together else [(need.id, need) for need in needs]


def _refuse_idle_margin(case: Case) -> None:
    """Say so where a card sets a margin for a check that has none, rather than pass over it.

    Raises:
        pytest.UsageError: Names card, key and check.
    """
    check, cell = case.check, case.cell
    if any(isinstance(need, Margin) for need in check.needs.values()):
        return
    for card in (cell.dataset, cell.model):
        if check.id in card.margins:
            raise pytest.UsageError(
                f"{card.path}: key 'margins.{check.id}': the check {check.id} ({check.title}) "
                f"takes no margin from a card\nremove the key: it would decide nothing"
            )


def _relative(path: Path, root: Path) -> str:
    return str(path.relative_to(root)) if path.is_relative_to(root) else path.name
