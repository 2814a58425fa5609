"""What CONTRIBUTING.md promises a newcomer: each of ten changes touches the one file it names.

The changes are made to a copy of the package, all at once; then one audit uses them all.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from child import LIGHT

ROOT = Path(__file__).parents[2]
GUIDE = ROOT / "CONTRIBUTING.md"
NAME = "newcomer"

pytestmark = pytest.mark.skipif(
    not GUIDE.exists(), reason="runs in a checkout, not beside an installed wheel"
)

FILES = {
    "add a fill": """
from dataclasses import dataclass
from audit_suite.maskings.fill import Fill, register_fill

@dataclass(frozen=True)
class Grey(Fill):
    name = "newcomer"

    def __call__(self, visible, hidden, around):
        return visible.new_full(visible.shape, 0.5)

register_fill(Grey())
""",
    "add a check": """
from audit_suite import WithoutROI, auroc, check

@check("N1", section="newcomer", hidden=auroc(WithoutROI(fill="newcomer")))
def test_hidden_in_grey(hidden):
    \"\"\"Does the model fall to chance in grey?\"\"\"
    assert hidden.distance_to(0.5) < 0.05

@check("R2", hidden=auroc(WithoutROI()))  # causes are named where this check looked
def test_hidden(hidden):
    assert hidden.distance_to(0.5) < 0.05
""",
    "add a reader of data sets": """
from dataclasses import dataclass
import numpy as np
from audit_suite.datasets.dataset import Case, Dataset, Sample
from audit_suite.datasets.reader import Reader, register_reader

@dataclass(frozen=True)
class Drawn(Reader):
    name = "newcomer"

    def read(self, card):
        images = np.random.default_rng(1).integers(0, 255, (60, 32, 32), dtype=np.uint8)
        square = np.zeros((32, 32), dtype=bool)
        square[8:24, 8:24] = True
        cases = tuple(Case(str(i), str(i), {"consolidation": i % 2}, {}, i) for i in range(60))
        return Dataset(card, "0" * 64, cases, lambda i: Sample(images[i], {"lungs": square}))

register_reader(Drawn())
""",
    "add a loader of models": """
from dataclasses import dataclass
from audit_suite.models.loader import Loader, register_loader

@dataclass(frozen=True)
class Brightness(Loader):
    name = "newcomer"
    needs_weights = False

    def load(self, card, weights):
        from torch import nn
        return nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten())

register_loader(Brightness())
""",
    "add a cause": """
from audit_suite.causes.cause import Cause, register_cause

def _rule(findings):
    holds = findings.fails("N1")
    return _CAUSE.flag(findings, holds, yes="it reads grey", no="it does not read grey")

_CAUSE = register_cause(
    Cause(name="newcomer", checks=("N1",), words="the model reads grey", rule=_rule, rank=90)
)
""",
    "add a chart or a report section": """
from audit_suite.report.section import Section, register_section

register_section(
    Section(
        name="newcomer",
        title="A newcomer's chart",
        view=lambda record, findings: findings,
        collect=lambda gathered: {"cells": len(gathered.cells)},
        template='<svg id="bars">{% for f in content %}<rect width="{{ f.estimate.value }}"/>'
        "{% endfor %}</svg>",
    )
)
""",
    "add a command": """
import typer
from audit_suite.cli.root import root

@root.command()
def newcomer() -> None:
    \"\"\"Greet.\"\"\"
    typer.echo("good morning")
""",
    "add a phantom's shortcut": """
import numpy as np
from audit_suite.phantoms.shortcut import paint, register_shortcut

def newcomer(image, regions, rng, strength):
    shape = np.zeros(image.shape[:2], dtype=np.float32)
    shape[:6] = 1
    return paint(image, regions, shape, 255, strength)

register_shortcut("newcomer", newcomer)
""",
}
EDITS = {
    "change when the gate opens": (
        (
            "    if any(map(_closes, findings)):\n",
            '    if any(finding.check == "N1" for finding in findings):\n'
            '        return Gate("undecided", "there is a newcomer")\n'
            "    if any(map(_closes, findings)):\n",
        ),
    ),
    "change the fail rule": (
        ("    level = levels.alpha / levels.cases\n", "    level = 0.0001\n"),
    ),
}
CARDS = {
    "model.toml": """
schema = 1
name = "bright"
targets = ["consolidation"]
loader = "newcomer"
trusted = true
[input]
size = [32, 32]
channels = 1
resize = "pad"
mean = [0.0]
std = [1.0]
""",
    "drawn.toml": """
schema = 1
name = "drawn"
reader = "newcomer"
[targets.consolidation]
roi = ["lungs"]
""",
    "phantom.toml": """
schema = 1
name = "phantom"
reader = "phantom"
[targets.consolidation]
roi = ["lungs"]
[phantom]
kind = "cxr"
patients = 100
size = 32
shortcuts = [{ name = "newcomer" }]
""",
}


@dataclass(frozen=True)
class Outcome:
    """The audit of the changed copy, and what its command line and README table say."""

    code: int
    terminal: str
    record: dict[str, Any]
    page: str
    command: str

    def finding(self, check: str, dataset: str) -> dict[str, Any]:
        """The only finding of a check on a data set."""
        (finding,) = (
            f for f in self.record["findings"] if (f["check"], f["dataset"]) == (check, dataset)
        )
        return finding


def files_to_touch() -> dict[str, str]:
    """What CONTRIBUTING.md answers: the file for each change."""
    return dict(re.findall(r"^\| (\w[^|]+) \| `([^`|]+)` \|", GUIDE.read_text(), re.MULTILINE))


def change(copy: Path) -> None:
    """Make the ten changes to a copy, each in the file that CONTRIBUTING.md names."""
    for question, path in files_to_touch().items():
        file = copy / path.replace("NAME", NAME)
        if question in FILES:
            assert not file.exists()
            file.write_text(FILES[question])
            continue
        text = file.read_text()
        for old, new in EDITS[question]:
            assert text.count(old) == 1, f"{file}: {old}"
            text = text.replace(old, new)
        file.write_text(text)


@pytest.fixture(scope="module")
def changed(tmp_path_factory: pytest.TempPathFactory) -> Outcome:
    """A copy of the package with the ten changes, and one audit that uses them."""
    copy, project = tmp_path_factory.mktemp("copy"), tmp_path_factory.mktemp("project")
    shutil.copytree(ROOT / "audit_suite", copy / "audit_suite")
    shutil.copytree(ROOT / "plugins" / "pytest_audit", copy / "pytest_audit")
    change(copy)
    for name, text in CARDS.items():
        (project / name).write_text(text)
    environment = {**os.environ, "PYTHONPATH": str(copy)}

    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, *arguments],
            cwd=project,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )

    audit = run(
        "-m", "pytest", *LIGHT, "--audit", "--audit-suite=newcomer", "--audit-model=model.toml",
        "--audit-dataset=drawn.toml", "--audit-dataset=phantom.toml",
        "--audit-json=audit.json", "--audit-report=audit.html",
    )  # fmt: skip
    assert (project / "audit.json").exists(), audit.stdout + audit.stderr
    return Outcome(
        code=audit.returncode,
        terminal=audit.stdout,
        record=json.loads((project / "audit.json").read_text()),
        page=(project / "audit.html").read_text(),
        command=run("-c", "from audit_suite.cli import main; main()", NAME).stdout,
    )


def test_the_guide_answers_ten_questions():
    assert len(files_to_touch()) == 10
    assert files_to_touch().keys() == FILES.keys() | EDITS.keys()


def test_a_fill(changed):
    estimate = changed.finding("N1", "drawn")["estimate"]
    assert estimate["label"] == "AUROC without ROI (newcomer fill)"


def test_a_check(changed):
    finding = changed.finding("N1", "drawn")
    assert finding["question"] == "Does the model fall to chance in grey?"
    assert finding["command"].startswith("pytest --audit --audit-suite newcomer ")


def test_a_reader_and_a_loader(changed):
    sets = {data["name"]: data for data in changed.record["provenance"]["datasets"]}
    assert sets["drawn"]["n_patients"] == 60
    (model,) = changed.record["provenance"]["models"]
    assert model["loader"] == NAME
    # The mean of noise knows no label, and the interval says so.
    estimate = changed.finding("N1", "drawn")["estimate"]
    assert estimate["low"] < 0.5 < estimate["high"]


def test_a_cause(changed):
    (phantom,) = (place for place in changed.record["causes"] if place["dataset"] == "phantom")
    assert NAME in phantom["causes"]
    assert "the model reads grey" in phantom["sentence"]


def test_a_chart_in_a_section(changed):
    assert re.search(r'<svg id="bars">(<rect width="[0-9.]+"/>){2}</svg>', changed.page)
    assert changed.record["sections"][NAME] == {"cells": 2}
    assert changed.finding("N1", "drawn")["section"] == NAME


def test_a_command(changed):
    assert changed.command == "good morning\n"


def test_when_the_gate_opens(changed):
    assert changed.code == 10, changed.terminal
    assert changed.record["decision_reason"] == "there is a newcomer"


def test_a_shortcut_of_a_phantom(changed):
    # A bright strip in all sick patients' images, outside the lungs: brightness alone finds it.
    assert changed.finding("N1", "phantom")["estimate"]["value"] > 0.95


def test_the_fail_rule(changed):
    levels = {
        comparison["fail_level"]
        for finding in changed.record["findings"]
        for comparison in finding["comparisons"]
        if comparison["basis"]
    }
    assert levels == {0.0001}
