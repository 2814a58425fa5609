"""Plays a runner of GitHub Actions: a composite action step by step, with files as GitHub has them.

`python tests/exports/player.py` plays a whole audit in a clean clone of this checkout.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import yaml

ROOT = Path(__file__).parents[2]
ACTION = ROOT / ".github" / "actions" / "audit" / "action.yml"
SHOWN = 10
"""Annotations of one kind that GitHub shows for a step; it drops the others."""
_COMMAND = re.compile(r"^::(error|warning|notice)(?: title=(.*?))?::(.*)$", re.MULTILINE)


@dataclass
class Step:
    """What became of one step."""

    name: str
    outcome: str
    log: str = ""
    outputs: dict[str, str] = field(default_factory=dict)
    summary: str = ""
    annotations: list[tuple[str, str, str]] = field(default_factory=list)


@dataclass
class Job:
    """What became of an action."""

    steps: dict[str, Step]
    outputs: dict[str, str]

    @property
    def failed(self) -> list[str]:
        """Names of the steps that failed."""
        return [step.name for step in self.steps.values() if step.outcome == "failure"]


class Player:
    """A runner with a workspace, a cache that outlives jobs, and an environment of its own."""

    def __init__(self, workspace: Path, temp: Path, cache: Path, **environment: str) -> None:
        self.workspace, self.temp, self.cache, self.run_id = workspace, temp, cache, 0
        self.environment = environment
        for folder in (workspace, temp, cache):
            folder.mkdir(parents=True, exist_ok=True)

    def play(self, action: Path = ACTION, **given: str) -> Job:
        """Run every step of a composite action."""
        self.run_id += 1
        content = yaml.safe_load(action.read_text(encoding="utf-8"))
        inputs = {}
        for name, each in content["inputs"].items():
            assert name in given or not each.get("required"), f"{name} is required"
            inputs[name] = given.pop(name.replace("-", "_"), each.get("default", ""))
        assert not given, f"the action has no inputs {given}"
        assert content["runs"]["using"] == "composite"
        steps: dict[str, Step] = {}
        for number, step in enumerate(content["runs"]["steps"]):
            contexts = {
                "inputs": inputs,
                "steps": {id: {"outputs": s.outputs} for id, s in steps.items()},
                "runner": {"os": "Linux"},
                "github": {"run_id": str(self.run_id), "run_attempt": "1"},
            }
            id = step.get("id", f"step-{number}")
            failed = any(each.outcome == "failure" for each in steps.values())
            if not _wanted(step.get("if", ""), contexts, failed):
                steps[id] = Step(step["name"], "skipped")
            elif "uses" in step:
                steps[id] = self._used(step, contexts)
            else:
                steps[id] = self._ran(step, contexts)
        contexts["steps"] = {id: {"outputs": step.outputs} for id, step in steps.items()}
        outputs = {
            name: _filled(each["value"], contexts) for name, each in content["outputs"].items()
        }
        return Job(steps, outputs)

    def _ran(self, step: dict[str, Any], contexts: dict[str, Any]) -> Step:
        assert step["shell"] == "bash"
        assert "${{" not in step["run"], "text of an input could become a command"
        script, output, summary = (
            self.temp / name for name in ("script.sh", "output.txt", "summary.md")
        )
        script.write_text(step["run"])
        output.write_text("")
        summary.write_text("")
        environment = {
            "PATH": os.environ["PATH"],
            "HOME": str(self.temp),
            "GITHUB_ACTIONS": "true",
            "GITHUB_OUTPUT": str(output),
            "GITHUB_STEP_SUMMARY": str(summary),
            "GITHUB_SERVER_URL": "https://github.com",
            "GITHUB_REPOSITORY": "hospital/model",
            "GITHUB_RUN_ID": str(self.run_id),
            "RUNNER_TEMP": str(self.temp),
            **self.environment,
            **{key: _filled(value, contexts) for key, value in step.get("env", {}).items()},
        }
        done = subprocess.run(
            ["bash", "--noprofile", "--norc", "-e", "-o", "pipefail", script],
            cwd=self.workspace,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        lines = [line.partition("=") for line in output.read_text().splitlines()]
        annotations = [tuple(map(unquote, found)) for found in _COMMAND.findall(done.stdout)]
        shown = summary.read_text(encoding="utf-8")
        return Step(
            step["name"],
            "failure" if done.returncode else "success",
            done.stdout,
            {key: value for key, _, value in lines},
            shown if len(shown.encode()) <= 1024 * 1024 else "",
            annotations[:SHOWN],
        )

    def _used(self, step: dict[str, Any], contexts: dict[str, Any]) -> Step:
        """The two actions of GitHub that are used: restore a folder, and save it."""
        given = {key: _filled(value, contexts) for key, value in step["with"].items()}
        folder, name = self.workspace / given["path"], step["uses"].partition("@")[0]
        if name == "actions/cache/save":
            if folder.exists():
                shutil.copytree(folder, self.cache / given["key"])
            return Step(step["name"], "success")
        assert name == "actions/cache/restore", name
        keys = [given["key"], *given["restore-keys"].split()]
        held = sorted(self.cache.iterdir(), key=lambda path: path.stat().st_mtime, reverse=True)
        for path in held:
            if any(path.name.startswith(key) for key in keys):
                shutil.copytree(path, folder, dirs_exist_ok=True)
                return Step(step["name"], "success", f"restored {path.name}")
        return Step(step["name"], "success", "nothing to restore")


def _filled(text: str, contexts: dict[str, Any]) -> str:
    """A text with its expressions filled in."""
    return re.sub(r"\$\{\{\s*(.+?)\s*\}\}", lambda found: _value(found[1], contexts), str(text))


def _value(expression: str, contexts: dict[str, Any]) -> str:
    value: Any = contexts
    first, *rest = expression.split(".")
    value = contexts[first]
    for part in rest:  # an output that was never set is empty, as on GitHub
        value = value.get(part, "") if first == "steps" and value != "" else value and value[part]
    return str(value)


def _wanted(condition: str, contexts: dict[str, Any], failed: bool) -> bool:
    terms = [term.strip() for term in condition.split("&&") if term.strip()]
    always = "always()" in terms
    for term in terms:
        if term == "always()":
            continue
        compared = re.fullmatch(r"([\w.-]+) (==|!=) '(.*)'", term)
        assert compared, f"the player does not know {term}"
        equal = _value(compared[1], contexts) == compared[3]
        if equal != (compared[2] == "=="):
            return False
    return always or not failed


def main() -> None:
    """Play a whole audit in a clean clone: install, audit, and a second time from the cache."""
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        clone = home / "clone"
        subprocess.run(["git", "clone", "--quiet", ROOT, clone], check=True)
        kept = {k: v for k, v in os.environ.items() if k.startswith(("PIP_", "OMP_", "SSL_"))}
        player = Player(clone, home / "temp", home / "cache", **kept)
        for install in (sys.argv[1:2] or ["."]) * 2:
            begun = time.monotonic()
            job = player.play(
                clone / ".github" / "actions" / "audit" / "action.yml",
                model="model_zoo/models/phantom-honest.toml",
                dataset="model_zoo/datasets/phantom-cxr.toml",
                python=sys.executable,
                install=install,
                cache="true",
            )
            print(f"== played in {time.monotonic() - begun:.0f} s; failed: {job.failed or 'none'}")
            for step in job.steps.values():
                print(f"-- {step.name}: {step.outcome}\n{step.log[-1500:]}")
            print("-- outputs:", job.outputs)
            print("-- summary:", len(job.steps["show"].summary.encode()), "bytes")
            shutil.rmtree(clone / ".audit-evidence")


if __name__ == "__main__":
    main()
