"""A project folder with an honest model, one that reads a corner, and images in which both can."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from PIL import Image

SIDE, PATIENTS = 32, 800
BIN = Path(sys.executable).parent

NET = """
import torch

class Window(torch.nn.Module):
    def __init__(self, where):
        super().__init__()
        self.where = where

    def forward(self, batch):
        centre = batch[:, :, 13:19, 13:19].mean(dim=(1, 2, 3)) - 0.6
        corner = batch[:, :, 0:3, 0:3].mean(dim=(1, 2, 3)) - 0.35
        found = {"centre": centre, "corner": corner}[self.where]
        return (8 * found + batch[:, :, -2:, :].mean(dim=(1, 2, 3))).unsqueeze(1)

def build(where):
    return Window(where)
"""
MODEL = """
schema = 1
name = "NAME"
targets = ["sick"]
loader = "callable"
architecture = "net.py:build"
arguments = { where = "WHERE" }
trusted = true
[input]
size = [32, 32]
channels = 1
resize = "pad"
mean = [0.0]
std = [1.0]
"""
DATA = """
schema = 1
name = "data"
reader = "manifest"
root = "ROOT"
manifest = "manifest.csv"
[targets.sick]
column = "sick"
roi = ["organ"]
[regions.organ]
column = "mask"
"""


@dataclass(frozen=True)
class Call:
    """How an audit is called: arguments and variables besides the usual ones.

    Attributes:
        args: Arguments of pytest.
        env: Variables of the environment.
        model: Which card is audited.
        own_evidence: Whether nothing may be stored beforehand.
        before: What is run first in the folder, each a call of its own.
        afterwards: What somebody does to the folder when the audit is over.
    """

    args: tuple[str, ...] = ()
    env: Mapping[str, str] = field(default_factory=dict)
    model: str = "shortcut"
    own_evidence: bool = False
    before: tuple[Call, ...] = ()
    afterwards: Callable[[Path], None] | None = None


@dataclass(frozen=True)
class Attempt:
    """One way to open the gate.

    Attributes:
        kind: Class of attempts.
        name: What is tried.
        prepare: Changes the folder, and says how the audit is called.
        beside_old_record: Whether the record of an audit that opened is there when it starts. A
            release gate removes it, as the README says; pytest runs nothing of ours where it
            refuses its arguments or only prints its version.
    """

    kind: str
    name: str
    prepare: Callable[[Path], Call]
    beside_old_record: bool = True


def write_images(folder: Path, patients: int = PATIENTS) -> None:
    """Images of a bright organ whose own brightness and whose corner both tell the label."""
    folder.mkdir(parents=True)
    rng = np.random.default_rng(5)
    rows = ["image,mask,patient_id,sick"]
    for patient in range(patients):
        sick = patient % 2
        top, left = rng.integers(4, 12, 2)
        high, wide = rng.integers(16, 21, 2)
        mask = np.zeros((SIDE, SIDE), np.uint8)
        mask[top : top + high, left : left + wide] = 255
        image = rng.normal(90, 5, (SIDE, SIDE))
        image[mask > 0] += 50 + 22 * sick + rng.normal(0, 8)
        image[0:3, 0:3] += 40 * sick + rng.normal(0, 12)
        Image.fromarray(image.clip(0, 255).astype(np.uint8)).save(folder / f"i{patient}.png")
        Image.fromarray(mask).save(folder / f"m{patient}.png")
        rows.append(f"i{patient}.png,m{patient}.png,p{patient},{sick}")
    (folder / "manifest.csv").write_text("\n".join(rows) + "\n", encoding="utf-8")


def write_project(folder: Path, images: Path) -> None:
    """Cards and code of one attempt."""
    folder.mkdir(parents=True)
    (folder / "net.py").write_text(NET, encoding="utf-8")
    for name, where in (("honest", "centre"), ("shortcut", "corner")):
        text = MODEL.replace("NAME", name).replace("WHERE", where)
        (folder / f"{name}.toml").write_text(text, encoding="utf-8")
    (folder / "data.toml").write_text(DATA.replace("ROOT", images.as_posix()), encoding="utf-8")


def audit(folder: Path, call: Call, evidence: Path, seconds: float = 600) -> int:
    """Run `pytest --audit` in a folder; the exit code, negative if a signal ended it."""
    for earlier in call.before:
        audit(folder, earlier, evidence, seconds)
    environment = {k: v for k, v in os.environ.items() if not k.startswith(("PYTEST", "COV"))}
    chosen = folder / "evidence" if call.own_evidence else evidence
    command = [
        *(sys.executable, "-m", "pytest", "--audit", "-q", "-p", "no:cacheprovider"),
        *("--rootdir", str(folder), f"--audit-evidence={chosen}", "--audit-json=audit.json"),
        *(f"--audit-model={call.model}.toml", "--audit-dataset=data.toml", "--audit-device=cpu"),
        *call.args,
    ]
    if not any("--audit-suite" in a or a.endswith(".py") or "::" in a for a in call.args):
        command.append("--audit-suite=region-sensitivity")
    done = subprocess.run(
        command,
        cwd=folder,
        env={**environment, "OMP_NUM_THREADS": "1", **call.env},
        capture_output=True,
        timeout=seconds,
        check=False,
    )
    if call.afterwards is not None:
        call.afterwards(folder)
    return done.returncode


def gate(folder: Path) -> bool:
    """Whether a release gate in a process of its own would open."""
    command = [str(BIN / "audit-suite"), "verify", "audit.json", "--require", "open"]
    return not subprocess.run(command, cwd=folder, capture_output=True, check=False).returncode
