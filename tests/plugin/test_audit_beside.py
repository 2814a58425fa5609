"""Explanations are computed where models run while checks that read scores alone are judged."""

from __future__ import annotations

import json
import os
import re
import time

import pytest

import audit_suite

EXPLAINER = """
import os, time
from dataclasses import dataclass
from pathlib import Path
import torch
from audit_suite.extend import Explained, register_explainer

HERE = Path(__file__).parent

@dataclass(frozen=True)
class Patient:
    '''Explains nothing before a check has been judged.'''

    name: str = "patient"

    def explain(self, module, output, images, references, seed):
        HERE.joinpath("asked").write_text(str(os.getpid()))
        while not HERE.joinpath("judged").exists():
            time.sleep(0.01)
        if HERE.joinpath("judged").read_text() == "die":
            os._exit(3)
        with torch.no_grad():
            outputs = module(images)[:, output]
        return Explained(images.mean(dim=1), outputs, torch.full_like(outputs, torch.nan))

register_explainer(Patient())
"""
CHECKS = """
import os, time
from pathlib import Path

HERE = Path(__file__).parent
EXPLAINED = mass_lift("patient")

@check("MAP", inside=EXPLAINED)
def test_map(inside):
    assert inside > 1

@check("SKILL", full=auroc())
def test_skill(full):
    while os.environ["BESIDE"] == "1" and not HERE.joinpath("asked").exists():
        time.sleep(0.01)
    {ending}
    assert full > 0.6

@check("LAST", full=auroc())
def test_last(full):
    assert full > 0.6
"""
JUDGED = 'HERE.joinpath("judged").write_text("well")'


@pytest.fixture
def project(world, monkeypatch):
    """A project whose explainer waits for a check; `BESIDE` says whether that check waits too."""
    (world.path / "conftest.py").write_text(EXPLAINER)
    monkeypatch.setenv("BESIDE", "1")

    def written(ending):
        world.check(CHECKS.format(ending=ending))
        return world

    return written


def run(world, *more):
    return world.run(
        "test_checks.py",
        "--audit-evidence=here",
        "--audit-executor=process",
        *more,
        dataset="small",
    )


def verdicts(world):
    return {finding["check"]: finding["verdict"] for finding in world.record()["findings"]}


def gone(world):
    """Whether the process that explained ends."""
    pid = int((world.path / "asked").read_text())
    for _ in range(1000):
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            return True
        time.sleep(0.01)
    return False


def test_a_check_is_judged_before_the_explanations_are_there(project, monkeypatch):
    """Neither would end if the other had to be over first; the findings are those of one after the other."""
    world = project(JUDGED)
    shown = run(world).stdout.str()
    order = re.findall(r"^test_checks.py::(\w+)\[.*%\]$", shown, re.M)
    assert order == ["test_skill", "test_last", "test_map"]
    assert shown.count("forward passes in") == 2
    beside = world.record()
    assert verdicts(world) == {"MAP": "not_applicable", "SKILL": "pass", "LAST": "pass"}

    monkeypatch.setenv("BESIDE", "0")  # what it waits for is there
    world.run(
        "test_checks.py", "--audit-evidence=other", "--audit-executor=inline", dataset="small"
    )
    assert json.dumps(world.record()["findings"]) == json.dumps(beside["findings"])


def test_a_process_that_dies_while_it_explains_costs_the_explanations_alone(project):
    world = project('HERE.joinpath("judged").write_text("die")')
    run(world)
    assert verdicts(world) == {"MAP": "error", "SKILL": "pass", "LAST": "pass"}
    (error,) = [f for f in world.record()["findings"] if f["check"] == "MAP"]
    assert "exit code 3" in error["reason"]


def test_an_interrupted_audit_ends_what_is_explained(project):
    world = project("raise KeyboardInterrupt")
    result = run(world)
    assert result.ret == pytest.ExitCode.INTERRUPTED
    assert gone(world)
    assert verdicts(world)["MAP"] == "none"


def test_an_audit_that_ends_at_its_first_failure_keeps_the_explanations(project):
    world = project(f"{JUDGED}; assert full < 0.1")
    run(world, "-x")
    assert verdicts(world) == {"MAP": "none", "SKILL": "fail", "LAST": "none"}
    again = run(world, "--audit-executor=inline").stdout.str()
    assert "evidence:" not in again


def test_an_audit_from_python_does_the_same(project, monkeypatch):
    world = project(JUDGED)
    monkeypatch.chdir(world.path)
    lines = []
    record = audit_suite.run(
        ["honest.toml"],
        ["small.toml"],
        checks=["test_checks.py", "conftest.py"],
        policy="policy.toml",
        evidence="here",
        cache="off",
        device="cpu",
        progress=lines.append,
    )
    found = {finding.check: finding.verdict for finding in record.findings}
    assert found == {"MAP": "not_applicable", "SKILL": "pass", "LAST": "pass"}
    assert sum("forward passes in" in line for line in lines) == 2
