"""A hospital's folder, made once for all workers of a run."""

from __future__ import annotations

import importlib.util
import shutil
from pathlib import Path

import pytest
from filelock import FileLock

MAKE = Path(__file__).parents[2] / "model_zoo" / "examples" / "hospital" / "make.py"


@pytest.fixture(scope="session")
def made(tmp_path_factory):
    """The folder as `make.py` writes it, trained for less; nothing may be changed there."""
    shared = tmp_path_factory.getbasetemp()
    if shared.name.startswith("popen-"):  # a worker's folder lies in that of the run
        shared = shared.parent
    folder = shared / "hospital"
    with FileLock(str(folder) + ".lock"):
        if not (folder / "model.ckpt").exists():
            spec = importlib.util.spec_from_file_location("hospital_make", MAKE)
            module = importlib.util.module_from_spec(spec)
            spec.loader.exec_module(module)
            module.write_data(folder)
            module.save_checkpoint(module.train(epochs=4), folder / "model.ckpt")
    return folder


@pytest.fixture
def hospital(made, tmp_path):
    """A copy that a test may change, with links to the images."""
    folder = tmp_path / "hospital"
    folder.mkdir()
    for name in ("labels.csv", "outlines.json", "model.ckpt"):
        shutil.copy(made / name, folder / name)
    shutil.copytree(made / "images", folder / "images", copy_function=shutil.copy)
    return folder
