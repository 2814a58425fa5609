"""Audits with --audit-executor process: the judge imports no model, and each model fails alone."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest
from child import LIGHT

MODEL = """
import os
import torch

class Net(torch.nn.Module):
    def __init__(self, does):
        super().__init__()
        self.does = does

    def forward(self, batch):
        inside = batch[:, :, 4:12, 4:12].mean(dim=(1, 2, 3))
        if len(batch) > 2:  # it behaves while it is tried
            {
                "KeyError": lambda: {}["lungs"],
                "os._exit": lambda: os._exit(0),
                "patches": patch,
            }.get(self.does, lambda: None)()
        return (8 * (inside - 0.5)).unsqueeze(1)

def patch():
    from audit_suite.statistics import Estimate
    Estimate.__lt__ = Estimate.__gt__ = lambda *_: True
    import audit_suite.audit.judge as judge
    judge.judge = None

def build(does):
    return Net(does)
"""

TRICKS = {
    "KeyError": "raised KeyError",
    "os._exit": "ended with exit code 0",
}

CHECKS = """
@check("SKILL", full=auroc())
def test_skill(full):
    assert full > 0.6
"""

MORE = """
@check("DRAWN", hidden=auroc(WithoutROI(fill="conftestgrey")))
def test_drawn(hidden):
    assert hidden < 0.6

@check("DEMAND", full=auroc())
def test_on_demand(full, audit):
    assert audit(auroc(WithoutROI(dilation=2))) < 0.6
"""

CONFTEST = """
from dataclasses import dataclass
from audit_suite.extend import Fill, register_fill

@dataclass(frozen=True)
class Grey(Fill):
    name = "conftestgrey"
    def __call__(self, images, hidden, around):
        return images * 0 + 0.5

register_fill(Grey())
"""

# Runs pytest once for each list of arguments; says each time what of a model the judge has imported.
JUDGE = """
import json, sys
import pytest
codes, found = [], []
heavy = "torch", "torchvision", "shap", "model", "tricks"
for arguments in json.loads(sys.argv[1]):
    codes.append(int(pytest.main(arguments)))
    found.append([name for name in sys.modules if name.partition(".")[0] in heavy])
print(json.dumps({"codes": codes, "imported": found}))
"""


@pytest.fixture
def judge(world):
    """Run audits in a fresh process; returns exit codes and what of a model was imported by then."""

    def run(*each, models="honest", dataset="big"):
        given = [*LIGHT, "--audit", "-p", "no:cacheprovider", f"--audit-dataset={dataset}.toml"]
        given += [f"--audit-model={name}.toml" for name in models.split(",")]
        given += ["--audit-policy=policy.toml"]
        ran = subprocess.run(
            [sys.executable, "-c", JUDGE, json.dumps([[*given, *more] for more in each])],
            cwd=world.path,
            capture_output=True,
            text=True,
            check=True,
        )
        return json.loads(ran.stdout.splitlines()[-1]) | {"output": ran.stdout}

    return run


def without_environment(file):
    record = json.loads(file.read_text())
    environment = record.pop("environment")
    del record["digest"]
    record["policy"]["deviations"] = [  # which name the one difference there may be
        deviation
        for deviation in record["policy"]["deviations"]
        if "--audit-executor" not in deviation["what"]
    ]
    return environment, json.dumps(record)


def test_each_model_fails_alone_and_the_judge_imports_none(world, judge):
    (world.path / "tricks.py").write_text(MODEL)
    names = {}
    for number, does in enumerate([*TRICKS, "patches"]):
        names[does] = f"trick{number}"
        card = (world.path / "honest.toml").read_text()
        card = card.replace("model.py:build", "tricks.py:build").replace("honest", names[does])
        card = card.replace('where = "roi"', f'does = "{does}"')
        (world.path / f"{names[does]}.toml").write_text(card)
    world.check(CHECKS)
    found = judge(
        ["test_checks.py", "--audit-json=audit.json", "--audit-evidence=ev"],
        models=",".join([*names.values(), "honest"]),
    )
    assert found["imported"] == [[]]
    assert found["codes"] == [1]
    verdicts = {f["model"]: (f["verdict"], f["reason"]) for f in world.record()["findings"]}
    assert verdicts["honest"][0] == "pass"
    assert verdicts[names["patches"]][0] == "pass", "and it patched nobody but itself"
    for does, reason in TRICKS.items():
        verdict, said = verdicts[names[does]]
        assert verdict == "error"
        assert reason in said
    (card,) = [m for m in world.record()["provenance"]["models"] if m["name"] == "honest"]
    assert len(card["digest"]) == 64


def test_the_record_does_not_depend_on_where_models_run_and_the_judge_imports_no_torch(
    world, judge
):
    (world.path / "conftest.py").write_text(CONFTEST)
    world.check(CHECKS + MORE)
    audits = {"process": [], "shared": ["-n2"], "inline": ["--audit-executor=inline"]}
    given = [
        ["test_checks.py", f"--audit-json={name}.json", f"--audit-evidence=ev-{name}", *more]
        for name, more in audits.items()
    ]
    found = judge(["test_checks.py", "--audit-plan"], ["test_checks.py", "--collect-only"], *given)
    assert "800 images x 2 maskings" in found["output"]
    assert found["codes"] == [11, 11, 0, 0, 0], found["output"][:2000]
    *apart, inline = found["imported"]
    assert apart == [[]] * 4
    assert "torch" in inline
    records = {}
    for name in audits:
        environment, records[name] = without_environment(world.path / f"{name}.json")
        assert environment["executor"] == ("inline" if name == "inline" else "process")
        assert ("network_cut" in environment) is (name != "inline")
    assert records["process"] == records["inline"] == records["shared"]
    assert '"png"' in records["process"], "with pictures of what the model was shown"


def test_python_audits_use_processes_too(world):
    world.check(CHECKS)
    script = world.path / "script.py"
    script.write_text(
        "import sys\n"
        "from audit_suite import run\n"
        "from audit_suite.extend import Fill, register_fill\n"
        "from dataclasses import dataclass\n"
        "@dataclass(frozen=True)\n"
        "class Grey(Fill):\n"
        "    name = 'scriptgrey'\n"
        "    def __call__(self, images, hidden, around):\n"
        "        return images * 0 + 0.5\n"
        "register_fill(Grey())\n"
        "if __name__ == '__main__':\n"
        "    record = run(['honest.toml'], ['small.toml'], checks=['test_checks.py'])\n"
        "    (finding,) = record.findings\n"
        "    print(record.environment['executor'], finding.verdict, 'torch' in sys.modules)\n"
    )
    fill = "full=auroc()", "full=auroc(WithoutROI(fill='scriptgrey'))"
    (world.path / "test_checks.py").write_text(
        (world.path / "test_checks.py").read_text().replace(*fill).replace("> 0.6", "> 0.0")
    )
    ran = subprocess.run(
        [sys.executable, "script.py"], cwd=world.path, capture_output=True, text=True, check=True
    )
    assert ran.stdout == "process pass False\n"


def test_an_unknown_executor_and_a_timeout_out_of_range_are_refused(world):
    for option, words in (
        ("--audit-executor=slurm", "*--audit-executor: there is no executor 'slurm'*"),
        ("--audit-timeout=0", "*--audit-timeout=0: must be between*"),
    ):
        result = world.run(option)
        assert result.ret == pytest.ExitCode.USAGE_ERROR
        result.stderr.fnmatch_lines(words)
