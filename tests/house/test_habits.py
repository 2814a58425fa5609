"""Habits of those who carry on: workflows that trust no tag, hooks that run what CI runs."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from house.exit_codes import README, with_table

ROOT = Path(__file__).parents[2]
WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))
ACTIONS = sorted((ROOT / ".github" / "actions").glob("*/action.yml"))

pytestmark = pytest.mark.skipif(
    not WORKFLOWS, reason="runs in a checkout, not beside an installed wheel"
)


def lint_commands(text: str, before: str) -> set[str]:
    """The lint commands in a file, without the folder of the environment."""
    return set(
        re.findall(
            rf"{before}(ruff [^\n#]+|mypy|lint-imports[^\n#]*?) *(?:#.*)?$", text, re.MULTILINE
        )
    )


@pytest.mark.parametrize("workflow", WORKFLOWS + ACTIONS, ids=lambda path: path.stem)
def test_every_action_is_pinned_by_its_commit_with_the_version_beside_it(workflow):
    used = re.findall(r"uses:\s*(.+)", workflow.read_text())
    assert used
    for action in used:
        assert re.fullmatch(r"[\w.-]+/[\w./-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+", action), action


def test_one_action_has_one_version_everywhere():
    text = "".join(path.read_text() for path in WORKFLOWS + ACTIONS)
    pins = set(re.findall(r"uses:\s*(.+)", text))
    assert len(pins) == len({pin.partition("@")[0] for pin in pins})


@pytest.mark.parametrize("workflow", WORKFLOWS, ids=lambda path: path.stem)
def test_workflows_start_with_no_permission_and_each_job_names_its_own(workflow):
    text = workflow.read_text()
    assert re.search(r"^permissions: \{\}", text, re.MULTILINE)
    jobs = re.split(r"^  (?=[\w-]+:$)", text.partition("\njobs:\n")[2], flags=re.MULTILINE)[1:]
    assert jobs
    for job in jobs:
        granted = re.search(r"^    permissions:\n((?:      [\w-]+: \w+.*\n)+)", job, re.MULTILINE)
        assert granted, job.splitlines()[0]


@pytest.mark.parametrize("workflow", WORKFLOWS, ids=lambda path: path.stem)
def test_workflows_need_no_secret_and_keep_no_credentials(workflow):
    text = workflow.read_text()
    assert "secrets." not in text
    assert text.count("actions/checkout@") == text.count("persist-credentials: false")


def test_a_release_uploads_the_file_that_was_tested():
    text = (ROOT / ".github" / "workflows" / "release.yml").read_text()
    assert text.count("python -m build") == 1
    order = re.findall(r"^    needs: (\w+)$", text, re.MULTILINE)
    assert order == ["build", "test", "attest"]


def test_hooks_before_a_commit_run_what_ci_runs():
    hooks = (ROOT / ".pre-commit-config.yaml").read_text()
    makefile = (ROOT / "Makefile").read_text()
    assert lint_commands(hooks, r"entry: \.venv/bin/") == lint_commands(makefile, r"\$\(BIN\)/")
    assert re.search(r"^test: .*\blint\b", makefile, re.MULTILINE)
    assert "make test" in (ROOT / ".ci" / "run").read_text()


def test_the_readme_shows_the_exit_codes_of_the_gate():
    text = README.read_text(encoding="utf-8")
    assert with_table(text) == text, "run `make schema`"
