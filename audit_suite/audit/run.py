"""An audit from Python, without pytest: the same findings, byte for byte outside `environment`."""

from __future__ import annotations

import importlib.util
import inspect
import sys
from collections.abc import Callable, Collection, Iterator, Sequence
from pathlib import Path
from typing import Any

from audit_suite.audit.assemble import assemble
from audit_suite.audit.full_run import full_passes, full_run
from audit_suite.audit.judge import judge
from audit_suite.audit.keeping import keep
from audit_suite.audit.levels import share_level
from audit_suite.audit.obtain import Obtained, obtain
from audit_suite.audit.opening import Audit, open_audit
from audit_suite.audit.plan import (
    CheckCase,
    cases_of,
    refuse_conflicts,
    shown_requests,
)
from audit_suite.audit.resolve import OnDemand, admit, resolve, rule_for
from audit_suite.audit.settings import OFF, Settings
from audit_suite.audit.suites import suite_files
from audit_suite.audit.vetting import unusable_models
from audit_suite.checks import ATTRIBUTE, Check
from audit_suite.errors import AuditError
from audit_suite.evidence.address import is_address
from audit_suite.evidence.measured import Log
from audit_suite.record import Finding, Record, natural_order
from audit_suite.statistics import recording

Function = Callable[..., object]
_AUDIT = "audit"  # the argument that asks for estimates on demand


def run(
    models: Sequence[str | Path],
    datasets: Sequence[str | Path],
    suites: Sequence[str] = (),
    *,
    checks: Sequence[str | Path] = (),
    progress: Callable[[str], None] = lambda line: None,
    **settings: Any,
) -> Record:
    """Audit models on data sets.

    The record is the one that ``pytest --audit`` writes for the same cards and settings. Checks
    that use fixtures or their own parametrization need pytest.

    Args:
        models: Model cards.
        datasets: Data set cards.
        suites: Shipped suites by name; without ``suites`` and ``checks`` all but those that run
            only by name (`suites.suite_files`).
        checks: Your own files of checks; by default the files ``test_*.py`` of the folder
            ``audits`` if the working directory has one.
        progress: Called with a line of text now and then: how far the computing is, at most every
            ten seconds, what it took, and what else must be said.
        **settings: Any further field of `audit.settings.Settings`, for example ``seed=7`` or
            ``evidence="evidence"``.

    Returns:
        The record; ``record.save(PATH)`` writes it, ``record.report(PATH)`` writes the HTML report.

    Raises:
        AuditError: If a card, a suite, a check or a setting is wrong.
    """
    for key in ("evidence", "cache", "policy", "waivers", "baseline", "ledger", "readings"):
        if isinstance(settings.get(key), str) and not is_address(settings[key]):
            settings[key] = Path(settings[key])
    if settings.get("cache") == Path(OFF):
        settings["cache"] = None
    elif is_address(settings.get("cache") or ""):
        settings["shared_cache"] = settings.pop("cache")
    try:
        chosen = Settings(_paths(models), _paths(datasets), tuple(suites), **settings)
    except TypeError as error:
        raise AuditError(
            f"run: {error}", f"settings: {', '.join(inspect.signature(Settings).parameters)}"
        ) from None
    audit = open_audit(chosen)
    try:
        return _run(audit, tuple(suites), [Path(path) for path in checks], progress)
    finally:
        audit.source.close()


def _run(
    audit: Audit, suites: tuple[str, ...], checks: list[Path], progress: Callable[[str], None]
) -> Record:
    audit.source.executor.start(audit.models[0])
    functions = _collected(suites, checks)
    record, rate = judged(audit, _planned(functions, audit), progress)
    if audit.settings.profile == "first-look":
        declared = [getattr(function, ATTRIBUTE) for _, _, function in functions]
        progress(full_run(full_passes(declared, audit), rate))
    return record


def judged(
    audit: Audit,
    planned: Sequence[tuple[CheckCase, Function]],
    progress: Callable[[str], None],
) -> tuple[Record, float | None]:
    """Compute the evidence of some cases and judge them.

    Args:
        audit: The cards, its executor started.
        planned: The cases, as of `planned_checks`.
        progress: As of `run`.

    Returns:
        The record, and the passes a second in this run; None if all evidence was stored.
    """
    for problem in unusable_models(audit):
        progress(problem)
    done = Obtained()
    if not audit.settings.offline:
        cases = (case for case, _ in planned)
        done = obtain(cases, audit.source, Log(progress), Log(progress))
    ordered = sorted(planned, key=lambda one: done.waits(one[0]))
    findings = sorted((_judged(case, f, audit) for case, f in ordered), key=natural_order)
    audit.source.beside.wait()
    shown = shown_requests(audit.cells, ((case.planned(), case.shown()) for case, _ in planned))
    return assemble(audit, findings, shown), done.rate


def planned_checks(
    audit: Audit,
    suites: Sequence[str] = (),
    checks: Sequence[Path] = (),
    only: Collection[str] = (),
) -> list[tuple[CheckCase, Function]]:
    """Every case of an audit with its test function; computes nothing.

    Args:
        audit: The cards.
        suites: As of `run`.
        checks: As of `run`.
        only: Ids of the checks; none named, all.

    Raises:
        AuditError: If a suite or a file of checks is wrong.
    """
    functions = _collected(tuple(suites), list(checks))
    asked = [each for each in functions if not only or getattr(each[2], ATTRIBUTE).id in only]
    return _planned(asked, audit)


def _collected(suites: tuple[str, ...], checks: list[Path]) -> list[tuple[Path, str, Function]]:
    """The test functions of all checks, with their files and names."""
    return [
        (file, name, function)
        for file in _files(suites, checks)
        for name, function in _functions(file)
    ]


def _planned(
    functions: list[tuple[Path, str, Function]], audit: Audit
) -> list[tuple[CheckCase, Function]]:
    planned = [
        (case.repeated_by(file, name, Path.cwd()), function)
        for file, name, function in functions
        for case in cases_of(getattr(function, ATTRIBUTE), audit)
    ]
    cases = share_level((case for case, _ in planned), audit.policy)
    refuse_conflicts(cases)
    return [(case, function) for case, (_, function) in zip(cases, planned, strict=True)]


def _judged(case: CheckCase, function: Function, audit: Audit) -> Finding:
    raised: Exception | None = None
    with recording(rule_for(case, audit)) as recorded:
        try:
            admit(case, audit)
            arguments = resolve(case, audit)
            if _AUDIT in inspect.signature(function).parameters:
                arguments[_AUDIT] = OnDemand(case.cell, audit)
            function(**arguments)
        except Exception as error:
            raised = error
    finding = judge(case, raised, recorded, audit.waivers)
    keep(case.cell, finding, recorded, audit)
    return finding


def _paths(cards: Sequence[str | Path]) -> tuple[Path, ...]:
    if isinstance(cards, str | Path):
        raise AuditError(f"run: expected a list of cards, got {cards!r}", "write [card]")
    return tuple(Path(card).resolve() for card in cards)


def _files(suites: tuple[str, ...], own: list[Path]) -> list[Path]:
    if own:
        return [*(suite_files(suites) if suites else ()), *own]
    return [*suite_files(suites), *sorted(Path("audits").rglob("test_*.py"))]


def _functions(file: Path) -> Iterator[tuple[str, Function]]:
    """The checks of a file, in their order.

    Raises:
        AuditError: If it cannot be imported, or one of them needs a fixture.
    """
    name = f"audit_checks_{file.stem}_{abs(hash(file.resolve()))}"
    spec = importlib.util.spec_from_file_location(name, file)
    if spec is None or spec.loader is None or not file.is_file():
        raise AuditError(f"{file} is not a Python file", "name a file of checks")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module  # dataclasses look a module up by its name
    try:
        spec.loader.exec_module(module)
    except AuditError:
        raise
    except Exception as error:
        raise AuditError(
            f"{file} cannot be imported: {type(error).__name__}: {error}", "correct the file"
        ) from error
    for key, function in vars(module).items():
        check: Check | None = getattr(function, ATTRIBUTE, None)
        if check is None or not key.startswith("test"):
            continue
        parameters = inspect.signature(function).parameters
        if unknown := sorted(set(parameters) - set(check.needs) - {_AUDIT}):
            raise AuditError(
                f"{file}: {key} takes the argument '{unknown[0]}', which @check does not declare",
                "declare it, or run this check with `pytest --audit`, which supports fixtures",
            )
        yield key, function
