"""Every command and option that a page shows exists."""

from __future__ import annotations

import re
import subprocess
import sys

import pytest
from house.pages import DOCS, PAGES, ROOT, command_lines
from typer.main import get_command

from audit_suite.cli import app

if not DOCS.exists():
    pytest.skip("runs in a checkout, not beside a wheel", allow_module_level=True)

_NOW = [page for page in PAGES if page.name != "CHANGELOG.md"]  # which tells of what was
_OF_OTHERS = ("#SBATCH", "git ", "pip ", "gh ")
_OPTION = re.compile(r"(?<![\w-])--[a-z](?:[a-z-]*[a-z])?")
_COMMAND = re.compile(r"(?:^|[\s/;])audit-suite ([a-z]+)(?: ([a-z]+))?")


@pytest.fixture(scope="module")
def of_pytest():
    command = [sys.executable, "-m", "pytest", "--help"]
    shown = subprocess.run(command, capture_output=True, text=True, check=True, cwd=ROOT)
    return {*_OPTION.findall(shown.stdout), "--audit", "--junitxml"}  # help names --junit-xml


@pytest.fixture(scope="module")
def of_scripts():
    """The options of the repository's own scripts."""
    scripts = [
        path for folder in ("benchmarks", "audits") for path in (ROOT / folder).rglob("*.py")
    ]
    return {
        option
        for path in scripts
        for option in re.findall(r'"(--[a-z-]+)"', path.read_text("utf-8"))
    }


def command_of(line):
    """The command of `audit-suite` that a line runs, with its name; None if it runs none."""
    found = _COMMAND.search(line)
    if found is None:
        return None, ""
    command, words = get_command(app), [word for word in found.groups() if word]
    for number, word in enumerate(words):
        inner = getattr(command, "commands", None)
        if inner is None:
            return command, " ".join(words[:number])
        assert word in inner, f"there is no `audit-suite {' '.join(words[: number + 1])}`"
        command = inner[word]
    return command, " ".join(words)


def options_of(command):
    groups = getattr(command, "commands", {})
    own = {option for parameter in command.params for option in parameter.opts}
    return own.union({"--help"}, *map(options_of, groups.values()))


@pytest.mark.parametrize("page", _NOW, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_commands_and_options_exist(page, of_pytest, of_scripts):
    everything = of_pytest | of_scripts | options_of(get_command(app))
    for line in command_lines(page):
        if line.lstrip().startswith(_OF_OTHERS):
            continue
        shown = set(_OPTION.findall(line))
        command, _ = command_of(line)
        if command is not None:
            known = options_of(command)
        elif "pytest" in line:
            known = of_pytest
        else:
            known = everything
        assert shown <= known, f"{line}: {sorted(shown - known)}"


def test_a_command_that_is_not_there_is_noticed():
    with pytest.raises(AssertionError, match="no `audit-suite fly`"):
        command_of("audit-suite fly --high")
    command, name = command_of("then audit-suite readers export --out x")
    assert name == "readers export"
    assert "--readers" in options_of(command)
    assert "--high" not in options_of(command)
