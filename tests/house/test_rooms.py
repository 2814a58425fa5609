"""What ARCHITECTURE.md says a room never does, as far as its source shows it."""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from house.pages import ROOT

PAGE = ROOT / "ARCHITECTURE.md"
PACKAGE = ROOT / "audit_suite"

pytestmark = pytest.mark.skipif(
    not PAGE.exists(), reason="runs in a checkout, not beside an installed wheel"
)

Said = Callable[[ast.Module], Iterator[str]]


def imported(tree: ast.Module) -> Iterator[tuple[str, str]]:
    """Each import, inside functions too: module, and name if one is taken from it."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((name.name, "") for name in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield from ((node.module or "", name.name) for name in node.names)


def of(*packages: str) -> Said:
    """Imports from these packages, or from a module inside them."""

    def found(tree: ast.Module) -> Iterator[str]:
        for module, _ in imported(tree):
            if any(module == each or module.startswith(f"{each}.") for each in packages):
                yield module

    return found


def private(tree: ast.Module) -> Iterator[str]:
    """Names of the package that begin with an underscore."""
    for module, name in imported(tree):
        if module.startswith("audit_suite") and "._" in f".{module}.{name}":
            yield f"{module}.{name}"


def verdicts(tree: ast.Module) -> Iterator[str]:
    """What a verdict is given with; that something does not apply is none."""
    for module, name in imported(tree):
        if module == "audit_suite.verdict" and name != "NotApplicable":
            yield name


def ids(tree: ast.Module) -> Iterator[str]:
    """Ids of shipped checks, written as a text of their own."""
    shipped = {
        name
        for file in files("suites")
        for name in re.findall(r"""@check\(\s*["']([^"']+)""", file.read_text(encoding="utf-8"))
    }
    assert {"R2", "C1", "R8-box"} <= shipped
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and node.value in shipped:
            yield node.value


PICTURES = of("PIL", "torch", "torchvision", "pydicom", "audit_suite.datasets")
NEVER: list[tuple[str, str, Said]] = [
    ("audit", "pytest", of("pytest", "pytest_audit")),
    ("checks.py", "pytest", of("pytest", "pytest_audit")),
    ("suites", "private names", private),
    ("sections", "check ids", ids),
    ("doctor", "verdicts", verdicts),
    ("starting", "verdicts", verdicts),
    ("plausibility", "verdicts", verdicts),
    ("planning", "verdicts", verdicts),
    ("segmentation", "verdicts", verdicts),
    ("pictures", "verdicts", verdicts),
    ("child", "verdicts", verdicts),
    ("causes", "evidence", of("audit_suite.evidence")),
    ("report", "torch", of("torch", "torchvision")),
    ("evidence", "statistics", of("audit_suite.statistics")),
    ("explainers", "data sets", of("audit_suite.datasets")),
    ("explainers", "verdicts", verdicts),
    ("statistics", "images", PICTURES),
    *((room, "numbers", of("numpy", "scipy")) for room in ("record", "cards", "signoff.py")),
    *((room, "torch", of("torch", "torchvision")) for room in ("record", "cards", "readings.py")),
]
"""Room, a word of its column *never*, and what in a source would be against it."""


def files(room: str) -> list[Path]:
    """The sources of a room."""
    path = PACKAGE / room
    return [path] if path.suffix else sorted(path.rglob("*.py"))


def row(room: str) -> str:
    """The last column of the room's row."""
    written = f"{room}/" if (PACKAGE / room).is_dir() else room
    rows = [line for line in PAGE.read_text(encoding="utf-8").splitlines() if line[:1] == "|"]
    (found,) = (line for line in rows if re.search(rf"`(audit_suite/)?{re.escape(written)}`", line))
    return found.split("|")[-2]


@pytest.mark.parametrize(
    ("room", "word", "against"), NEVER, ids=[f"{room} {word}" for room, word, _ in NEVER]
)
def test_a_room_never_does_what_its_row_says(room, word, against):
    assert word in row(room), "the page says so"
    found = {
        f"{file.relative_to(ROOT)}: {what}"
        for file in files(room)
        for what in against(ast.parse(file.read_text(encoding="utf-8")))
    }
    assert not found


@pytest.mark.parametrize(
    ("against", "source"),
    [
        (of("torch"), "def f():\n    from torch.nn import Module\n"),
        (of("pytest"), "import pytest\n"),
        (private, "from audit_suite.audit._inner import x\n"),
        (private, "from audit_suite.audit import _x\n"),
        (verdicts, "from audit_suite.verdict import Inconclusive\n"),
        (ids, "SHOWN = {'R2': 1}\n"),
    ],
)
def test_what_is_against_it_is_seen(against, source):
    assert list(against(ast.parse(source)))
    assert not list(
        against(ast.parse("import json\nfrom audit_suite.verdict import NotApplicable\n"))
    )
