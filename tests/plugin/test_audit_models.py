"""Models that must not be judged: constant, no function, undeclared code, weights that cannot load."""

from __future__ import annotations

import json

import pytest
import torch

CHECKS = """
@check("hidden", hidden=auroc(WithoutROI()))
def test_hidden(hidden):
    assert hidden.distance_to(0.5) < 0.2

@check("full", full=auroc())
def test_full(full):
    assert full > 0.1

@check("OWN")
def test_on_demand(audit):
    assert audit(auroc(WithoutROI(fill="mean"))).distance_to(0.5) < 0.2
"""
ODD = """
import torch

class Odd(torch.nn.Module):
    def __init__(self, kind):
        super().__init__()
        self.kind = kind
    def forward(self, batch):
        if self.kind == "constant":
            return 0 * batch.mean(dim=(1, 2, 3))[:, None] + 0.3
        raise KeyError("no such organ")

def odd(where):
    return Odd(where)
"""


@pytest.fixture
def odd(world):
    """A project with an odd model beside the honest one."""
    (world.path / "odd.py").write_text(ODD)
    world.check(CHECKS)

    def make(kind, change=("", "")):
        world.model("odd", kind)
        card = world.path / "odd.toml"
        text = card.read_text().replace("model.py:build", "odd.py:odd")
        card.write_text(text.replace(*change))
        return world

    return make


def verdicts(world, model):
    found = json.loads((world.path / "audit.json").read_text())["findings"]
    return {f["check"]: (f["verdict"], f["reason"]) for f in found if f["model"] == model}


SAME = "100% of the 60 images of 'small' the same score for 'sick'"


def test_a_constant_model_passes_nothing(odd):
    """Falling to chance with the region hidden is no merit of one that is always there."""
    world = odd("constant")
    result = world.run("test_checks.py", dataset="small", model="odd")
    assert result.ret == 11
    for check, (verdict, reason) in verdicts(world, "odd").items():
        assert verdict == "not_applicable", check
        assert SAME in reason
    result.stdout.fnmatch_lines(["*audit: PARTIAL*"])


@pytest.mark.parametrize("workers", [(), ("-n2",)], ids=["serial", "two workers"])
def test_a_constant_model_stops_at_its_skill(odd, workers):
    """With one sentence, which is a fault of the model and no error of the audit."""
    world = odd("constant")
    (world.path / "policy.toml").unlink()  # the default one
    suites = ["--audit-suite=region-sensitivity", "--audit-suite=controls"]
    result = world.run(*suites, *workers, dataset="small", model="odd")
    assert result.ret == 1
    said = verdicts(world, "odd")
    assert said["R1"][0] == "fail"
    assert SAME in said["R1"][1]
    of_data = {"C1", "C13", "C14"}
    others = {verdict for check, (verdict, _) in said.items() if check not in {"R1", *of_data}}
    assert others == {"not_applicable"}
    assert all(SAME not in said[check][1] for check in of_data)
    assert "no better than a coin" in said["R1"][1]
    assert said["R2"][0] == "not_applicable"
    assert said["R2"][1].startswith("skill on full images is not shown: model 'odd' gives 100%")
    record = json.loads((world.path / "audit.json").read_text())
    assert [one["decision"] for one in record["targets"]] == ["closed"]


@pytest.mark.parametrize("kind", ["raises", "undeclared"])
def test_one_model_that_cannot_be_audited_costs_no_other_its_verdicts(odd, kind):
    change = ("trusted = true\n", "") if kind == "undeclared" else ("", "")
    world = odd(kind, change)
    result = world.run("test_checks.py", dataset="small", model="honest,odd")
    assert result.ret == 1
    said = "runs code: callable odd.py:odd" if kind == "undeclared" else "KeyError"
    assert {verdict for verdict, _ in verdicts(world, "honest").values()} == {"pass"}
    for verdict, reason in verdicts(world, "odd").values():
        assert verdict == "error"
        assert said in reason
    if kind == "undeclared":
        result.stdout.fnmatch_lines(["audit: *odd.toml: loading the model 'odd' runs code*"])


def test_what_ran_is_in_the_record_and_the_report(odd):
    world = odd("constant")
    world.run("test_checks.py", "--audit-report=audit.html", dataset="small")
    (model,) = json.loads((world.path / "audit.json").read_text())["provenance"]["models"]
    assert model["runs_code"] == "callable model.py:build"
    page = (world.path / "audit.html").read_text(encoding="utf-8")
    assert "<dt>Ran code</dt><dd>callable model.py:build</dd>" in page


@pytest.mark.parametrize("how", ["undeclared", "unsafe", "missing"])
def test_the_plan_fails_before_anything_is_computed(world, how):
    world.check(CHECKS)
    card = world.path / "honest.toml"
    text = card.read_text()
    if how == "undeclared":
        text = text.replace("trusted = true\n", "")
    else:
        text = text.replace('"callable"', '"architecture"\nweights = "w.pt"')
    if how == "unsafe":
        torch.save({"w": print}, world.path / "w.pt")
    card.write_text(text)
    (world.path / "model.py").write_text("raise SystemExit('this ran')")
    result = world.run("test_checks.py", "--audit-plan", dataset="small")
    assert result.ret == 4
    said = {
        "undeclared": "*loading the model 'honest' runs code: callable model.py:build*",
        "unsafe": "*would run code when loaded: refused (it imports *print)*",
        "missing": "*key 'weights': *w.pt does not exist*",
    }[how]
    result.stderr.fnmatch_lines([said])


def test_scores_that_were_another_models_are_said_in_the_record(world):
    """A network that reads a file when it scores: no digest knows it, but its scores do."""
    world.check(CHECKS)
    code = (world.path / "model.py").read_text()
    reading = "float(__import__('pathlib').Path('factor.txt').read_text()) * (found - 0.5)"
    (world.path / "model.py").write_text(code.replace("8 * (found - 0.5)", reading))
    records = []
    for factor in ("8", "8", "4"):
        (world.path / "factor.txt").write_text(factor)
        result = world.run("test_checks.py", "--audit-evidence=own", dataset="small")
        records.append(json.loads((world.path / "audit.json").read_text()))
    assert "discarded_evidence" not in records[1]["environment"]
    (said,) = records[2]["environment"]["discarded_evidence"]
    assert "honest on small: stored scores differ by up to " in said
    result.stdout.fnmatch_lines([f"*{said}"])
    values = [[f["estimate"] for f in each["findings"]] for each in records]
    assert values[0] == values[1]
