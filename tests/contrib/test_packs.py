"""The contrib packs, each used by a project elsewhere that knows nothing but the pack's file."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest
from cards import BRIGHTNESS, bright_project, phantom_card
from child import PYTEST

ROOT = Path(__file__).parents[2]
CONTRIB = ROOT / "plugins" / "contrib"
PACKS = ("audit_calibration", "audit_checkers", "audit_npz")


class Project:
    """A folder outside the project, and pytest started in it."""

    def __init__(self, path: Path) -> None:
        self.path = path
        bright_project(path, patients=120)

    def take(self, pack: str, name: str = "") -> None:
        """Copy a pack's file into the project."""
        target = self.path / (name or f"{pack}.py")
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(CONTRIB / f"{pack}.py", target)

    def audit(self, *args: str, model: str = "model.toml", dataset: str = "data.toml"):
        """Run an audit in a process of its own; the record and page are audit.json, audit.html."""
        command = [*PYTEST, "--audit", "-p", "no:cacheprovider", *args]
        command += [f"--audit-model={model}", f"--audit-dataset={dataset}"]
        command += ["--audit-json=audit.json", "--audit-report=audit.html"]
        environment = {**os.environ, "PYTHONPATH": str(self.path)}
        return subprocess.run(
            command, cwd=self.path, env=environment, capture_output=True, text=True, check=False
        )

    def record(self) -> dict:
        """The record that the last audit wrote."""
        return json.loads((self.path / "audit.json").read_text(encoding="utf-8"))


@pytest.fixture
def project(tmp_path: Path) -> Project:
    """An empty project with a model and a data set."""
    return Project(tmp_path)


@pytest.mark.parametrize("pack", PACKS)
def test_a_pack_is_short_and_uses_public_names_alone(pack):
    text = (CONTRIB / f"{pack}.py").read_text()
    assert len(text.splitlines()) < 40
    imports = [line for line in text.splitlines() if "audit_suite" in line and "import" in line]
    assert imports
    for line in imports:
        module = line.split()[1]
        assert module in ("audit_suite", "audit_suite.extend"), line


def test_a_check_with_its_own_need_and_report_section(project):
    project.take("audit_calibration")
    done = project.audit("audit_calibration.py")
    assert done.returncode in (0, 1, 10), done.stdout + done.stderr
    (finding,) = project.record()["findings"]
    assert finding["check"] == "calibration"
    assert finding["section"] == "calibration"
    assert finding["estimate"]["label"] == "mean score minus prevalence"
    page = (project.path / "audit.html").read_text()
    assert 'id="calibration"' in page
    assert "Calibration in the large</h2>" in page


def test_a_fill_is_shown_keyed_and_named(project):
    project.take("audit_checkers")
    (project.path / "test_own.py").write_text(
        "from audit_suite import *\n"
        "@check('A', hidden=auroc(MASKINGS))\n"
        "def test_a(hidden):\n    report_only(hidden, because='a test')\n"
    )
    masking = "--audit-masking=without-roi-checkers"
    done = project.audit("-p", "audit_checkers", "test_own.py", masking)
    (finding,) = project.record()["findings"]
    assert finding["case"] == "without-roi-checkers", done.stdout + done.stderr
    assert finding["estimate"]["label"] == "AUROC without ROI (chequered fill)"
    assert [image["masking"] for image in project.record()["gallery"]] == [
        "without-lungs-checkers"
    ] * 3
    refused = project.audit("test_own.py", masking)  # without the plugin
    assert refused.returncode == 4
    assert "'without-roi-checkers' is not a masking" in refused.stderr
    assert "fills: black, blur, inpaint, mean, noise, swap" in refused.stderr


@pytest.mark.parametrize("where", ["plugin", "conftest"])
def test_a_reader_with_a_loader(project, where):
    project.take("audit_npz", "audit_npz.py" if where == "plugin" else "audits/conftest.py")
    rng = np.random.default_rng(7)
    sick = np.arange(300) % 2
    images = rng.normal(118, 6, (300, 16, 16))
    images[:, 4:12, 4:12] += 25 * sick[:, None, None]
    square = np.zeros((300, 16, 16), np.uint8)
    square[:, 4:12, 4:12] = 1
    weight = (square[:1] / 64).reshape(1, 256).astype(np.float32)
    np.savez(
        project.path / "data.npz",
        images=images.clip(0, 255).astype(np.uint8),
        patients=np.array([f"secret-{i}" for i in range(300)]),
        sick=sick,
        square=square,
    )
    np.savez(project.path / "weights.npz", weight=30 * weight, bias=np.array([-15], np.float32))
    (project.path / "data.toml").write_text(
        'schema = 1\nname = "d"\nreader = "npz"\nfiles = { arrays = "data.npz" }\n'
        '[targets.sick]\nroi = ["square"]\n'
    )
    (project.path / "model.toml").write_text(
        'schema = 1\nname = "m"\ntargets = ["sick"]\nloader = "npz"\nweights = "weights.npz"\n'
        '[input]\nsize = [16, 16]\nchannels = 1\nresize = "pad"\nmean = [0.0]\nstd = [1.0]\n'
    )
    (project.path / "audits").mkdir(exist_ok=True)
    (project.path / "audits" / "test_own.py").write_text(
        "from audit_suite import *\n"
        "@check('A', full=auroc(), hidden=auroc(WithoutROI()))\n"
        "def test_a(full, hidden):\n    assert full - hidden > 0.3\n"
    )
    given = ["-p", "audit_npz", "audits"] if where == "plugin" else ["-k", "test_a and sick"]
    done = project.audit(*given)
    verdicts = {f["check"]: f["verdict"] for f in project.record()["findings"]}
    assert verdicts["A"] == "pass", done.stdout + done.stderr
    assert project.record()["provenance"]["models"][0]["loader"] == "npz"
    assert "secret-" not in json.dumps(project.record())
    if where == "plugin":
        refused = project.audit("audits")
        assert refused.returncode == 4
        assert "there is no model loader 'npz' (known: architecture, callable" in refused.stderr


def test_a_pack_that_breaks_in_the_projects_own_audits_costs_no_other_check_its_verdict(project):
    project.take("audit_calibration", "audits/test_calibration.py")
    broken = project.path / "audits" / "test_calibration.py"
    text = broken.read_text().replace("return estimate_mean(", "raise KeyError('x')\n        (")
    broken.write_text(text)
    (project.path / "audits" / "test_own.py").write_text(
        "from audit_suite import *\n"
        "@check('A', full=auroc())\ndef test_a(full):\n    report_only(full, because='a test')\n"
    )
    project.audit("audits")
    findings = {f["check"]: f for f in project.record()["findings"]}
    assert findings["calibration"]["verdict"] == "error"
    assert "KeyError" in findings["calibration"]["reason"]
    assert findings["A"]["verdict"] == "not_applicable"
    assert findings["A"]["observations"]


def test_a_shortcut_is_named_by_a_card(project):
    project.take("audit_pacemaker")
    phantom_card(
        project.path,
        "data",
        patients=120,
        more='shortcuts = [{ name = "pacemaker", agreement = 1.0 }]',
    )
    (project.path / "net.py").write_text(
        BRIGHTNESS.replace("batch.mean", "batch[:, :, :5, -6:].mean").replace("0.35", "0.5")
    )
    (project.path / "test_own.py").write_text(
        "from audit_suite import *\n"
        "@check('A', hidden=auroc(WithoutROI()))\n"
        "def test_a(hidden):\n    assert hidden.distance_to(0.5) < 0.05\n"
    )
    done = project.audit("-p", "audit_pacemaker", "test_own.py")
    (finding,) = project.record()["findings"]
    assert finding["verdict"] == "fail", done.stdout + done.stderr
    assert finding["estimate"]["low"] > 0.4, "the pacemaker alone predicts the label"
