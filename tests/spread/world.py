"""A small audit for tests that spread it: two shards of phantoms, a few maskings, an explanation."""

from __future__ import annotations

import json

from cards import bright_project
from safetensors import safe_open
from typer.testing import CliRunner

import audit_suite
from audit_suite.cli import app

CARDS = ("model.toml", "data.toml")
CHECKS = """
from audit_suite import *

@check("SKILL", full=auroc(), hidden=auroc(WithoutROI()), elsewhere=auroc(OnlyROI()))
def test_skill(full, hidden, elsewhere):
    assert full > 0.2
"""


def project(folder, patients=300):
    """Write cards, network and checks."""
    bright_project(folder, patients)
    (folder / "checks.py").write_text(CHECKS)


def decided(evidence, **more):
    """The record of the audit outside `environment`, and what of it says where models ran."""
    settings = {"executor": "inline", "device": "cpu", "cache": "off"} | more
    record = audit_suite.run(
        [CARDS[0]], [CARDS[1]], checks=["checks.py"], evidence=evidence, **settings
    ).model_dump(mode="json")
    environment = record.pop("environment")
    del record["digest"]
    named = record["policy"]["deviations"]
    record["policy"]["deviations"] = [d for d in named if "--audit-executor" not in d["what"]]
    return json.dumps(record), environment


def computed(*arguments):
    """Run `audit-suite run` on it: exit code and output."""
    given = ["run", *CARDS, "--check", "checks.py", "--device", "cpu", "--executor", "inline"]
    done = CliRunner().invoke(app, [*given, *map(str, arguments)])
    assert done.exception is None or isinstance(done.exception, SystemExit), done.exception
    return done.exit_code, done.output


def names(folder):
    """The names of the files of evidence in a folder, but for what judging it left there."""
    return sorted(file.name for file in folder.glob("??/*.safetensors") if not _is_judged(file))


def _is_judged(file):
    """Whether it holds patients' influences on what was compared."""
    with safe_open(file, "numpy") as opened:
        return {"index", "a0"} <= set(opened.keys())
