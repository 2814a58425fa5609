"""A small world whose truth is known: images with signal inside or outside a square ROI."""

from __future__ import annotations

import importlib
import json
import pkgutil
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torchvision.transforms.v2  # noqa: F401
from child import LIGHT
from once import shared_folder
from PIL import Image

import audit_suite

# pytester forgets modules that an inner run imported, and a class imported twice is two classes.
for _module in pkgutil.walk_packages(audit_suite.__path__, "audit_suite."):
    if not _module.name.startswith("audit_suite.suites."):
        importlib.import_module(_module.name)

MODEL = """
import torch

class Window(torch.nn.Module):
    '''Scores the mean of one window of the image, and a little of its noise.'''

    def __init__(self, where):
        super().__init__()
        self.where = where

    def forward(self, batch):
        inside = batch[:, :, 4:12, 4:12].mean(dim=(1, 2, 3))
        corner = batch[:, :, 0:2, 0:2].mean(dim=(1, 2, 3))
        rest = batch[:, :, 13:, :].mean(dim=(1, 2, 3))
        found = {"roi": inside, "corner": corner}[self.where] + 0.1 * rest
        return (8 * (found - 0.5)).unsqueeze(1)

def build(where):
    return Window(where)
"""

MODEL_CARD = """
schema = 1
name = "{name}"
targets = ["{target}"]
loader = "callable"
architecture = "model.py:build"
trusted = true
arguments = {{ where = "{where}" }}
[input]
size = [16, 16]
channels = 1
resize = "pad"
mean = [0.0]
std = [1.0]
{more}
"""

DATASET_CARD = """
schema = 1
name = "{name}"
reader = "manifest"
root = "{folder}"
manifest = "manifest.csv"
masks = {{ shared = ["square"], source = "one mask for all" }}
{more}
[targets.sick]
column = "sick"
roi = {roi}
[regions.square]
column = "mask"
"""


def write_images(folder: Path, patients: int, seed: int = 7) -> None:
    """Write images whose ROI and whose corner both tell the label, with noise."""
    folder.mkdir()
    rng = np.random.default_rng(seed)
    mask = np.zeros((16, 16), np.uint8)
    mask[4:12, 4:12] = 255
    Image.fromarray(mask).save(folder / "mask.png")
    rows = ["image,mask,patient_id,sick"]
    for patient in range(patients):
        label = patient % 2
        image = rng.normal(118, 6, (16, 16))
        image[4:12, 4:12] += 25 * label + rng.normal(0, 9)
        image[0:2, 0:2] += 40 * label + rng.normal(0, 14)
        Image.fromarray(image.clip(0, 255).astype(np.uint8)).save(folder / f"{patient}.png")
        rows.append(f"{patient}.png,mask.png,secret-{patient},{label}")
    (folder / "manifest.csv").write_text("\n".join(rows) + "\n", encoding="utf-8")


@pytest.fixture(scope="session")
def images(tmp_path_factory: pytest.TempPathFactory) -> Callable[[int], Path]:
    """Folders of images by number of patients, written once a session."""
    made: dict[int, Path] = {}

    def folder(patients: int) -> Path:
        if patients not in made:
            made[patients] = tmp_path_factory.mktemp("world") / f"images-{patients}"
            write_images(made[patients], patients)
        return made[patients]

    return folder


@pytest.fixture(scope="session")
def shared_evidence(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The store of all tests that name none of their own, whichever worker runs them."""
    return shared_folder(tmp_path_factory) / "evidence-of-the-world"


@pytest.fixture
def world(pytester: pytest.Pytester, images: Callable[[int], Path], shared_evidence: Path) -> World:
    """Cards, models and images in the pytester's folder; call it to run an audit."""
    return World(pytester, images, shared_evidence)


class World:
    """A project folder with an honest model, a shortcut model and data sets of two sizes.

    Of the big one's 800 patients the honest model's AUROC without the region is within 0.1 of 0.5,
    and no more: tests of the shipped margins ask for more patients.
    """

    def __init__(
        self, pytester: pytest.Pytester, images: Callable[[int], Path], evidence: Path
    ) -> None:
        self.pytester = pytester
        self.path = pytester.path
        self.evidence = evidence
        self.cache = evidence.with_name("images-of-the-world")
        (self.path / "model.py").write_text(MODEL)
        self.model("honest", "roi")
        self.model("shortcut", "corner")
        self.dataset("big", images(800))
        self.dataset("small", images(60))

    def model(self, name: str, where: str, target: str = "sick", more: str = "") -> None:
        """Write a model card."""
        text = MODEL_CARD.format(name=name, where=where, target=target, more=more)
        (self.path / f"{name}.toml").write_text(text)

    def dataset(self, name: str, folder: Path, roi: str = '["square"]', more: str = "") -> None:
        """Write a data set card."""
        text = DATASET_CARD.format(name=name, folder=folder.as_posix(), roi=roi, more=more)
        (self.path / f"{name}.toml").write_text(text)

    def check(self, body: str, name: str = "test_checks.py", required: bool = True) -> Path:
        """Write a file of checks, with the usual imports, and a policy that requires them."""
        path = self.path / name
        path.write_text("from audit_suite import *\n" + body)
        if required and (ids := re.findall(r"""@check\(\s*["']([^"']+)["']""", body)):
            self.policy(*ids)
        return path

    def policy(self, *required: str, more: str = "") -> None:
        """Write the policy of all later runs: which checks it requires of every target."""
        listed = ", ".join(f'"{id}"' for id in required)
        (self.path / "policy.toml").write_text(
            f'schema = 1\nname = "test"\n{more}\n'
            f'[[targets]]\nmatch = ["*"]\nrequired = [{listed}]\n'
        )

    def run(
        self,
        *args: str,
        model: str = "honest",
        dataset: str = "big",
        audit: bool = True,
    ) -> pytest.RunResult:
        """Run pytest on the world, telling everything (-v); the record goes to audit.json.

        It runs in this process, and its workers (-n) in processes of their own. Ctrl-C ends it alone.
        Evidence and prepared images are shared by all tests of a session, as nothing but their
        content decides their keys; who looks at either, or at how it is filled, names a folder.
        """
        given = [str(argument) for argument in args]
        if audit and not any(argument.startswith("--audit-evidence") for argument in given):
            given.append(f"--audit-evidence={self.evidence}")
        if audit:
            # Without a device to look for, a worker that finds its evidence stored loads no torch.
            fixed = ["--audit-json=audit.json", "--audit-device=cpu", "-p", "no:cacheprovider"]
            if not any(argument.startswith("--audit-cache") for argument in given):
                fixed.append(f"--audit-cache={self.cache}")
            if (self.path / "policy.toml").exists():
                fixed.append("--audit-policy=policy.toml")
            if not any(argument.startswith("--audit-executor") for argument in given):
                fixed.append("--audit-executor=inline")  # starting processes takes seconds
            given = ["--audit", "-v", *fixed, *given]
            given += [f"--audit-model={name}.toml" for name in model.split(",") if name]
            given += [f"--audit-dataset={name}.toml" for name in dataset.split(",") if name]
        if any(argument.startswith("-n") for argument in given):
            given = [*LIGHT, *given]
        return self.pytester.runpytest_inprocess(*given, no_reraise_ctrlc=True)

    def record(self) -> dict[str, Any]:
        """The record the last run wrote."""
        found: dict[str, Any] = json.loads((self.path / "audit.json").read_text(encoding="utf-8"))
        return found
