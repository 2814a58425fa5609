"""`audit_suite.run`: an audit from Python gives what `pytest --audit` gives, byte for byte."""

from __future__ import annotations

import json
import re
import subprocess
import sys

import pytest

import audit_suite
from audit_suite import AuditError

OWN = """
from audit_suite import *

@check("A", full=auroc(), hidden=[auroc(WithoutROI()), auroc(WithoutROI(fill="mean"))])
def test_loss(full, hidden):
    '''Is skill lost?'''
    assert full - hidden > 0.1

@check("B", full=auroc())
def test_turned_round(full):
    assert not full < 0.9, "the model is worse than 0.9"

@check("C", full=auroc())
def test_plain(full):
    assert full.n_patients == 17

@check("D", full=auroc())
def test_breaks(full):
    raise KeyError("x")

@check("E")
def test_on_demand(audit):
    report_only(audit(auroc(OnlyROI())), because="a test")

@check("F")
def test_compares_nothing(audit):
    pass

class Unplannable:
    id = "unplannable"
    def requests(self, cell):
        raise KeyError("no plan")
    def estimate(self, cell, source):
        raise AssertionError("never reached")

@check("G", broken=Unplannable())
def test_cannot_be_planned(broken):
    pass
"""


def same(world, record) -> bool:
    """Whether a record is the one that pytest wrote, outside its environment."""
    theirs, mine = world.record(), json.loads(record.to_json())
    theirs.pop("environment")
    mine.pop("environment")
    return json.dumps(theirs) == json.dumps(mine)


def run(world, *suites, model="honest", dataset="small", **more):
    """Run from Python on the cards of a world."""
    models = [world.path / f"{name}.toml" for name in model.split(",")]
    datasets = [world.path / f"{name}.toml" for name in dataset.split(",")]
    given = {"evidence": str(world.evidence), "executor": "inline", **more}
    if (world.path / "policy.toml").exists():
        given["policy"] = str(world.path / "policy.toml")
    return audit_suite.run(models, datasets, suites, **given)


@pytest.mark.parametrize("model", ["honest", "honest,shortcut"])
def test_the_shipped_suites_give_the_same_record(world, model):
    world.run(
        "--audit-suite=region-sensitivity", "--audit-suite=metadata", dataset="small", model=model
    )
    assert same(world, run(world, "region-sensitivity", "metadata", model=model))


def test_checks_of_ones_own_give_the_same_record_whatever_they_raise(world):
    path = world.check(OWN)
    alone = "--audit-multiplicity=none"  # each check at its own level
    world.run("test_checks.py", "--audit-seed=7", alone, dataset="small")
    record = run(world, checks=[path], seed=7, multiplicity="none")
    assert same(world, record)
    verdicts = {f.check: (str(f.verdict), f.reason) for f in record.findings if f.check != "A"}
    assert verdicts["B"][0] == "fail"
    assert verdicts["C"] == ("fail", "assert full.n_patients == 17")
    assert verdicts["D"] == ("error", "KeyError: 'x'")
    assert verdicts["E"][0] == "not_applicable"
    assert verdicts["F"][0] == "error"
    assert verdicts["G"] == ("error", "KeyError: 'no plan'")


def test_with_nothing_named_all_suites_run_and_the_projects_own_audits(world, monkeypatch):
    (world.path / "audits").mkdir()
    world.check(
        "@check('MINE', full=auroc())\ndef test_a(full):\n    assert full > 0.1\n",
        "audits/test_mine.py",
    )
    monkeypatch.setattr("audit_suite.audit.run.suite_files", lambda names=(): [])
    record = run(world)
    assert [finding.check for finding in record.findings] == ["MINE"]


def test_a_record_is_saved_and_reported(world):
    record = run(world, checks=[world.check(OWN)])
    record.save(world.path / "out" / "record.json")
    record.report(world.path / "out" / "record.html")
    assert audit_suite.load_record(world.path / "out" / "record.json") == record
    assert "Trustworthiness report" in (world.path / "out" / "record.html").read_text()
    (world.path / "file").write_text("")
    with pytest.raises(AuditError, match="cannot be written"):
        record.save(world.path / "file" / "record.json")


def test_progress_is_told_line_by_line(world, tmp_path):
    lines = []
    models, datasets = [world.path / "honest.toml"], [world.path / "small.toml"]
    own = world.check(OWN)
    given = {"checks": [own], "evidence": tmp_path, "progress": lines.append}
    audit_suite.run(models, datasets, executor="inline", **given)
    assert re.fullmatch(r"180 forward passes in \d+ seconds?, [\d,.]+/s", lines[-1])
    lines.clear()
    audit_suite.run(models, datasets, executor="inline", **given)
    assert lines == []


@pytest.mark.parametrize(
    ("more", "what"),
    [
        ({"suites": ("no-such",)}, "there is no such suite"),
        ({"seed": -1}, "seed=-1: must be a whole number from 0"),
        ({"sead": 1}, "unexpected keyword argument 'sead'"),
        ({"checks": ["nowhere.py"]}, "nowhere.py is not a Python file"),
    ],
)
def test_mistakes_are_named(world, more, what):
    with pytest.raises(AuditError, match=what):
        run(world, *more.pop("suites", ()), **more)


def test_one_card_in_place_of_a_list_is_named(world):
    with pytest.raises(AuditError, match="expected a list of cards"):
        audit_suite.run("honest.toml", ["small.toml"])


def test_a_check_that_needs_a_fixture_is_sent_to_pytest(world):
    path = world.check(
        "@check('A', full=auroc())\ndef test_a(full, tmp_path):\n    assert full > 0\n"
    )
    with pytest.raises(AuditError, match="takes the argument 'tmp_path'") as error:
        run(world, checks=[path])
    assert "pytest --audit" in error.value.remedy


def test_a_file_of_checks_that_cannot_be_imported_is_named(world):
    path = world.check("1 / 0\n")
    with pytest.raises(AuditError, match="cannot be imported: ZeroDivisionError"):
        run(world, checks=[path])


def test_an_idle_margin_and_equal_identities_are_refused_as_under_pytest(world):
    twice = "@check('A', full=auroc())\ndef test_{}(full):\n    assert full > 0\n"
    path = world.check(twice.format("a") + twice.format("b"))
    with pytest.raises(AuditError, match="two checks have the same identity 'A/honest/small/sick'"):
        run(world, checks=[path])


def test_the_core_imports_no_pytest():
    code = "import sys, audit_suite\naudit_suite.run\nprint('pytest' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
