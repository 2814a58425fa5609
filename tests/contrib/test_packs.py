"""The contrib packs, each used by a project elsewhere that knows nothing but the pack's file."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest
from cards import BRIGHTNESS, model_card, phantom_card
from child import PYTEST
from once import made_once

ROOT = Path(__file__).parents[2]
CONTRIB = ROOT / "plugins" / "contrib"
PACKS = ("audit_calibration", "audit_checkers", "audit_npz")
MASKING = "--audit-masking=without-roi-checkers"
FILLS = "fills: black, blur, inpaint, mean, noise, swap"

OWN = """
from audit_suite import *

@check("shown", hidden=auroc(MASKINGS))
def test_packs_shown(hidden):
    report_only(hidden, because="a test")

@check("alone", hidden=auroc(WithoutROI()))
def test_packs_alone(hidden):
    assert hidden.distance_to(0.5) < 0.05

@check("inside", full=auroc(), hidden=auroc(WithoutROI()))
def test_packs_inside(full, hidden):
    assert full - hidden > 0.3
"""
NPZ_MODEL = """
schema = 1
name = "linear"
targets = ["sick"]
loader = "npz"
weights = "weights.npz"
[input]
size = [16, 16]
channels = 1
resize = "pad"
mean = [0.0]
std = [1.0]
"""
NPZ_DATA = """
schema = 1
name = "arrays"
reader = "npz"
files = { arrays = "arrays.npz" }
[targets.sick]
roi = ["square"]
"""


class Project:
    """A folder outside the project, and pytest started in it."""

    def __init__(self, path: Path) -> None:
        self.path = path
        (path / "audits").mkdir(exist_ok=True)
        (path / "audits" / "test_own.py").write_text(OWN)

    def take(self, pack: str, name: str = "") -> None:
        """Copy a pack's file into the project."""
        shutil.copyfile(CONTRIB / f"{pack}.py", self.path / (name or f"{pack}.py"))

    def arrays(self) -> None:
        """Write a model and data for the pack of arrays: a square is brighter in the sick."""
        rng = np.random.default_rng(7)
        sick = np.arange(300) % 2
        images = rng.normal(118, 6, (300, 16, 16))
        images[:, 4:12, 4:12] += 25 * sick[:, None, None]
        square = np.zeros((300, 16, 16), np.uint8)
        square[:, 4:12, 4:12] = 1
        weight = (square[:1] / 64).reshape(1, 256).astype(np.float32)
        np.savez(
            self.path / "arrays.npz",
            images=images.clip(0, 255).astype(np.uint8),
            patients=np.array([f"secret-{i}" for i in range(300)]),
            sick=sick,
            square=square,
        )
        np.savez(self.path / "weights.npz", weight=30 * weight, bias=np.array([-15], np.float32))
        (self.path / "linear.toml").write_text(NPZ_MODEL)
        (self.path / "arrays.toml").write_text(NPZ_DATA)

    def phantoms(self) -> None:
        """Write two models that look at brightness, of the whole or of a corner, and data."""
        corner = BRIGHTNESS.replace("Brightness", "Corner").replace("build", "corner")
        corner = corner.replace("batch.mean", "batch[:, :, :5, -6:].mean").replace("0.35", "0.5")
        (self.path / "net.py").write_text(BRIGHTNESS.replace("build", "whole") + corner)
        for name, data in (("whole", "plain"), ("corner", "paced")):
            model_card(
                self.path,
                f'datasets = ["{data}"]',
                name=name,
                targets=["consolidation"],
                architecture=f"net.py:{name}",
            )
        phantom_card(self.path, "plain", patients=120)
        pacemaker = 'shortcuts = [{ name = "pacemaker", agreement = 1.0 }]'
        phantom_card(self.path, "paced", patients=120, more=pacemaker)

    def audit(self, *args: str, models: tuple[str, ...], datasets: tuple[str, ...]):
        """Run an audit in a process of its own; the record and page are audit.json, audit.html."""
        command = [*PYTEST, "--audit", "-p", "no:cacheprovider", *args]
        command += [f"--audit-model={name}.toml" for name in models]
        command += [f"--audit-dataset={name}.toml" for name in datasets]
        command += ["--audit-json=audit.json", "--audit-report=audit.html"]
        environment = {**os.environ, "PYTHONPATH": str(self.path)}
        return subprocess.run(
            command, cwd=self.path, env=environment, capture_output=True, text=True, check=False
        )

    def record(self) -> dict:
        """The record that the last audit wrote."""
        return json.loads((self.path / "audit.json").read_text(encoding="utf-8"))

    def finding(self, check: str, model: str) -> dict:
        """What a check found of a model."""
        said = (self.path / "said.txt").read_text()
        findings = {(f["check"], f["model"]): f for f in self.record()["findings"]}
        assert (check, model) in findings, said
        return findings[check, model]


def with_all_packs(path: Path) -> None:
    """One audit that uses every pack: fills, readers, loaders and shortcuts by plugin."""
    project = Project(path)
    project.arrays()
    project.phantoms()
    for pack in (*PACKS, "audit_pacemaker"):
        project.take(pack)
    done = project.audit(
        *("-p", "audit_checkers", "-p", "audit_npz", "-p", "audit_pacemaker"),
        *("audit_calibration.py", "audits", MASKING),
        models=("whole", "corner", "linear"),
        datasets=("plain", "paced", "arrays"),
    )
    assert done.returncode == 1, done.stdout + done.stderr
    (path / "said.txt").write_text(done.stdout + done.stderr)


def with_a_broken_pack(path: Path) -> None:
    """One audit of the project's own folder, which is not named: a pack breaks, one is a conftest."""
    project = Project(path)
    project.arrays()
    project.take("audit_npz", "audits/conftest.py")
    project.take("audit_calibration", "audits/test_calibration.py")
    broken = path / "audits" / "test_calibration.py"
    broken.write_text(
        broken.read_text().replace("return estimate_mean(", "raise KeyError('x')\n        (")
    )
    done = project.audit("-k", "packs or calibrated", models=("linear",), datasets=("arrays",))
    assert done.returncode == 1, done.stdout + done.stderr
    (path / "said.txt").write_text(done.stdout + done.stderr)


@pytest.fixture
def project(tmp_path_factory) -> Project:
    """A project in which an audit with every pack was run."""
    return Project(made_once(tmp_path_factory, "packs", with_all_packs))


@pytest.fixture
def broken(tmp_path_factory) -> Project:
    """A project in which an audit with a broken pack was run."""
    return Project(made_once(tmp_path_factory, "broken-pack", with_a_broken_pack))


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
    finding = project.finding("calibration", "whole")
    assert finding["section"] == "calibration"
    assert finding["estimate"]["label"] == "mean score minus prevalence"
    page = (project.path / "audit.html").read_text()
    assert 'id="calibration"' in page
    assert "Calibration in the large</h2>" in page


def test_a_fill_is_shown_keyed_and_named(project):
    finding = project.finding("shown", "whole")
    assert finding["case"] == "without-roi-checkers"
    assert finding["estimate"]["label"] == "AUROC without ROI (chequered fill)"
    pictures = [image for image in project.record()["gallery"] if image["model"] == "whole"]
    shown = [image["masking"] for image in pictures]
    assert shown.count("without-lungs-checkers") == 3


def test_a_shortcut_is_named_by_a_card(project):
    finding = project.finding("alone", "corner")
    assert finding["verdict"] == "fail"
    assert finding["estimate"]["low"] > 0.4, "the pacemaker alone predicts the label"


@pytest.mark.parametrize("where", ["project", "broken"])
def test_a_reader_with_a_loader(where, request):
    project = request.getfixturevalue(where)
    assert project.finding("inside", "linear")["verdict"] == "pass"
    loaders = {m["name"]: m["loader"] for m in project.record()["provenance"]["models"]}
    assert loaders["linear"] == "npz"
    assert "secret-" not in json.dumps(project.record())


def test_a_pack_that_breaks_in_the_projects_own_audits_costs_no_other_check_its_verdict(broken):
    calibration = broken.finding("calibration", "linear")
    assert calibration["verdict"] == "error"
    assert "KeyError" in calibration["reason"]
    shown = [f for f in broken.record()["findings"] if f["check"] == "shown"]
    assert {finding["verdict"] for finding in shown} == {"not_applicable"}
    assert all(finding["observations"] for finding in shown)


def test_what_no_pack_brought_is_refused_by_name(tmp_path):
    project = Project(tmp_path)
    project.arrays()
    project.phantoms()
    plain, arrays = (("whole",), ("plain",)), (("linear",), ("plain",))
    for (models, datasets), args, words in (
        (plain, (MASKING,), ["'without-roi-checkers' is not a masking", FILLS]),
        (arrays, (), ["there is no model loader 'npz' (known: architecture, callable"]),
    ):
        refused = project.audit("audits", *args, models=models, datasets=datasets)
        assert refused.returncode == 4
        for each in words:
            assert each in refused.stderr
