"""Options, ini files and variables of the environment."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import audit_suite.suites
from tricks.world import Attempt, Call

_SUITES = Path(audit_suite.suites.__file__).parent
_REGION, _DATA = _SUITES / "test_region_sensitivity.py", _SUITES / "test_metadata.py"

_ARGS: tuple[tuple[str, ...], ...] = (
    ("-k", "skill_is_shown"),
    ("-k", "not region and not box"),
    ("-k", "nothing_of_that_name"),
    ("-m", "nothing"),
    ("--deselect", "test_region_sensitivity.py"),
    (f"{_REGION}::test_skill_is_shown",),
    (str(_DATA),),
    ("--audit-suite=metadata",),
    ("--audit-suite=input",),
    ("--audit-suite=generalisation",),
    ("-o", "python_functions=test_skill*"),
    ("-o", "python_functions=nothing"),
    ("-o", "python_files=test_metadata.py"),
    ("-o", "python_classes=X", "-o", "python_functions=test_scores*"),
    (f"--ignore={_REGION}",),
    ("--ignore-glob=*region*",),
    ("-p", "cacheprovider", "--lf"),
    ("-p", "cacheprovider", "--ff", "-x"),
    ("-p", "cacheprovider", "--sw"),
    ("-p", "stepwise", "--sw-skip"),
    ("-x",),
    ("--maxfail=1",),
    ("--collect-only",),
    ("--fixtures",),
    ("--fixtures-per-test",),
    ("--setup-only",),
    ("--setup-plan",),
    ("--setup-show", "-k", "skill"),
    ("--markers",),
    ("--version",),
    ("--audit-plan",),
    ("--audit-offline", "--audit-evidence=nothing-there"),
    ("--audit-max-cases=40",),
    ("--audit-max-cases=40", "-k", "skill"),
    ("--audit-confidence=0.5",),
    ("--audit-confidence=0.9999",),
    ("--audit-multiplicity=none",),
    ("--audit-folds=ensemble",),
    ("--audit-masking=full",),
    ("--audit-max-explained=4",),
    ("--audit-executor=inline",),
    ("--audit-timeout=1",),
    ("--runxfail",),
    ("--assert=plain",),
    ("--continue-on-collection-errors",),
    ("--import-mode=importlib",),
    ("--noconftest",),
    ("-p", "no:terminal"),
    ("-p", "no:python"),
    ("-p", "no:audit-judging"),
    ("-p", "no:audit-recording"),
    ("-p", "no:skipping"),
    ("-p", "no:assertion"),
    ("--strict-config", "--co"),
)
_NEVER_START = (("-p", "cacheprovider", "--sw"), ("--version",), ("-p", "no:terminal"))
_VARIABLES: tuple[dict[str, str], ...] = (
    {"PYTEST_ADDOPTS": "-k skill_is_shown"},
    {"PYTEST_ADDOPTS": "--audit-suite=metadata"},
    {"PYTEST_ADDOPTS": "--audit-json=elsewhere.json --collect-only"},
    {"PYTHONOPTIMIZE": "2"},
    {"PYTHONOPTIMIZE": "2", "PYTEST_ADDOPTS": "--assert=plain"},
    {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"},
    {"PYTHONWARNINGS": "ignore", "PYTHONHASHSEED": "0"},
    {"TZ": "Pacific/Kiritimati", "LC_ALL": "tr_TR.UTF-8"},
)
_INI: tuple[str, ...] = (
    "addopts = -k skill_is_shown",
    "python_functions = test_scores*",
    "norecursedirs = suites\ncollect_ignore = *",
    "audit_max_cases = 40",
    "audit_confidence = 0.5",
    "xfail_strict = false\naddopts = --maxfail=1",
)


def attempts() -> Iterator[Attempt]:
    """All of them."""
    for args in _ARGS:
        short = " ".join(args).replace(f"{_SUITES}/", "")
        yield Attempt(
            "options", short, lambda _folder, args=args: Call(args), args not in _NEVER_START
        )
    for variables in _VARIABLES:
        name = " ".join(f"{key}={value}" for key, value in variables.items())
        yield Attempt(
            "options",
            name,
            lambda _folder, env=variables: Call(env=env),
            "PYTEST_DISABLE_PLUGIN_AUTOLOAD" not in variables,
        )
    for text in _INI:
        yield Attempt("options", f"ini: {text.replace(chr(10), ', ')}", _ini(text))


def _ini(text: str):
    def prepare(folder: Path) -> Call:
        (folder / "pytest.ini").write_text(f"[pytest]\n{text}\n", encoding="utf-8")
        return Call(("-c", "pytest.ini"))

    return prepare
