"""The shipped suites by name, and the checks that they hold."""

from __future__ import annotations

import ast
import re
from functools import cache
from pathlib import Path

import audit_suite.suites
from audit_suite.errors import AuditError

SUITES = Path(audit_suite.suites.__file__).parent
_ON_REQUEST = re.compile(r"^ON_REQUEST = (.+)$", re.MULTILINE)

_ALWAYS = "input"  # what it says of the masks, all other answers rest on


def suite_files(names: tuple[str, ...] = ()) -> list[Path]:
    """The files of some shipped suites; the suite `input` is always among them.

    Without names, of all but those with an ``ON_REQUEST``: ``True`` for suites that decode every
    image once more, or take as many forward passes as all others together; a command's name for
    those that this command asks.

    Raises:
        AuditError: If a name is unknown; lists the known ones.
    """
    shipped = shipped_suites()
    for name in names:
        if name not in shipped:
            raise AuditError(
                f"--audit-suite={name}: there is no such suite", f"known: {', '.join(shipped)}"
            )
    chosen = dict.fromkeys((_ALWAYS, *names)) if names else _unasked(shipped)
    return [shipped[name] for name in chosen]


def shipped_suites() -> dict[str, Path]:
    """The files of all shipped suites, by name."""
    return {suite_name(path): path for path in sorted(SUITES.glob("test_*.py"))}


def _unasked(shipped: dict[str, Path]) -> list[str]:
    """The suites that an audit asks without being told to."""
    return [name for name, file in shipped.items() if not _request(file)]


def suites_of_audits() -> list[str]:
    """The shipped suites that an audit can ask: all but those of a command, such as a watch."""
    return [name for name, file in shipped_suites().items() if not isinstance(_request(file), str)]


@cache
def _request(file: Path) -> str | bool:
    """A suite's ``ON_REQUEST``, read from the source: importing it costs time."""
    line = _ON_REQUEST.search(file.read_text(encoding="utf-8"))
    value: str | bool = ast.literal_eval(line[1]) if line else False
    return value


def suite_name(file: Path) -> str:
    """``region-sensitivity`` for ``test_region_sensitivity.py``."""
    return file.stem.removeprefix("test_").replace("_", "-")


def suite_of(check: str) -> str:
    """The shipped suite that holds a check, by the check's id; empty for a check of one's own."""
    return _shipped_checks().get(check, "")


@cache
def _shipped_checks() -> dict[str, str]:
    """Suites by the ids of their checks, read from the source: importing them costs a second."""
    return {
        decorator.args[0].value: suite_name(file)
        for file in shipped_suites().values()
        for function in ast.parse(file.read_text(encoding="utf-8")).body
        if isinstance(function, ast.FunctionDef)
        for decorator in function.decorator_list
        if isinstance(decorator, ast.Call)
        and decorator.args
        and isinstance(decorator.args[0], ast.Constant)
        and isinstance(decorator.args[0].value, str)
    }
