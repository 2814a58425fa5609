"""What is made once: folders that all workers of a test run share, and the images of phantoms."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from filelock import FileLock

from audit_suite import phantoms


def shared_folder(factory: pytest.TempPathFactory) -> Path:
    """The folder of this test run, whichever worker asks."""
    folder = factory.getbasetemp()
    return folder.parent if "PYTEST_XDIST_WORKER" in os.environ else folder


def made_once(factory: pytest.TempPathFactory, name: str, make: Callable[[Path], None]) -> Path:
    """A folder that is made by the first who asks for it; who asks meanwhile waits.

    Args:
        factory: Pytest's.
        name: What distinguishes it from other folders.
        make: Called with the new folder; what it leaves there is for all, and if it raises
            something, the next who asks makes the folder again.
    """
    folder = shared_folder(factory) / name
    made = folder.with_suffix(".made")
    with FileLock(folder.with_suffix(".lock")):
        if not made.exists():
            shutil.rmtree(folder, ignore_errors=True)
            folder.mkdir()
            make(folder)
            made.touch()
    return folder


@contextmanager
def drawn_once() -> Iterator[None]:
    """Each image of a phantom that is read in this process is drawn the first time only.

    For tests that read the same few patients again and again, and look at no pixel.
    """
    draw, drawn = phantoms.render, {}

    def render(spec, patient):
        if id(patient) not in drawn:
            drawn[id(patient)] = patient, draw(spec, patient)  # kept, or its id would be another's
        return drawn[id(patient)][1]

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(phantoms, "render", render)
        yield
