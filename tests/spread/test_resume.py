"""Killed at any moment, on a full disk, with torn files: a rerun repeats what was in flight alone."""

from __future__ import annotations

import errno
import os
import signal
import time
from pathlib import Path

import numpy as np
import pytest
from cards import model_card, phantom_card

from audit_suite.evidence import Cell, EvidenceProfile, EvidenceSource, EvidenceStore, compute
from audit_suite.maskings import Full, OnlyROI, WithoutROI

# Notes each pass of a whole batch in a file, and is killed at the pass that another file names.
MODEL = """
import os, signal
from pathlib import Path
import torch

HERE = Path(__file__).parent

class Counting(torch.nn.Module):
    def forward(self, batch):
        kill = HERE / "kill"
        if len(batch) == 16:  # else it is only tried
            with (HERE / "passes").open("a") as file:
                file.write("x")
        if len(batch) == 16 and kill.exists() and (HERE / "passes").stat().st_size == int(kill.read_text()):
            os.kill(os.getpid(), signal.SIGKILL)
        return batch.mean(dim=(1, 2, 3)) - 0.35

def build():
    return Counting()
"""
MASKINGS = (Full(), WithoutROI(), OnlyROI())
IMAGES, BATCH = 48, 16
BATCHES = 3
EACH = len(MASKINGS)


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    """Requests of a model that counts, and the evidence as it is computed in one go."""
    folder = tmp_path_factory.mktemp("world")
    (folder / "net.py").write_text(MODEL)
    model = model_card(folder, targets=["consolidation"], architecture="net.py:build")
    cell = Cell(model, (None,), phantom_card(folder, patients=IMAGES), "consolidation")
    wanted = [request for masking in MASKINGS for request in cell.requests(masking)]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("audit_suite.evidence.scores.rescore.rescore", lambda *_: None)
        whole = source(folder / "whole")
        (folder / "passes").write_text("")
        compute(wanted, whole)
        assert passes(folder) == BATCHES * EACH
        yield folder, wanted, [whole.read(request) for request in wanted]


@pytest.fixture
def fresh(world, tmp_path):
    folder, *_ = world
    (folder / "passes").write_text("")
    (folder / "kill").unlink(missing_ok=True)
    return tmp_path / "store"


def source(root):
    profile = EvidenceProfile(device="cpu", threads=1, batch_size=BATCH)
    return EvidenceSource(EvidenceStore(root), profile)


def passes(folder):
    return (folder / "passes").stat().st_size


def killed(work):
    """Do some work in a process that is to be killed by itself."""
    process = os.fork()
    if process == 0:
        try:
            work()
        finally:
            os._exit(0)
    until = time.monotonic() + 120
    while (ended := os.waitpid(process, os.WNOHANG))[0] == 0:
        if time.monotonic() > until:
            os.kill(process, signal.SIGKILL)
            pytest.fail("it was not killed")
        time.sleep(0.01)
    assert os.WTERMSIG(ended[1]) == signal.SIGKILL


def the_rest(world, root):
    """Compute what is missing: how many passes it took; the evidence is that of one go."""
    folder, wanted, whole = world
    (folder / "kill").unlink(missing_ok=True)
    before = passes(folder)
    here = source(root)
    compute(wanted, here)
    for request, expected in zip(wanted, whole, strict=True):
        found = here.read(request)
        for name in ("scores", "hidden_fraction", "covered_fraction", "used"):
            assert np.array_equal(getattr(found, name), getattr(expected, name))
        assert (found.properties is None) == (expected.properties is None)
    assert not list(root.glob("unfinished/*")), "nothing is left of what was in hand"
    assert not list(root.rglob("*.tmp"))
    return passes(folder) - before


@pytest.mark.parametrize("at", [1, EACH, EACH + 1, 2 * EACH, 2 * EACH + 2, 3 * EACH])
def test_a_worker_that_is_killed_costs_the_batch_in_flight(world, fresh, at):
    folder, wanted, _ = world
    (folder / "kill").write_text(str(at))
    killed(lambda: compute(wanted, source(fresh)))
    finished = (at - 1) // EACH
    assert the_rest(world, fresh) == (BATCHES - finished) * EACH


@pytest.mark.parametrize("write", range(1, 6))
def test_one_that_is_killed_while_it_writes_leaves_no_torn_evidence(
    world, fresh, monkeypatch, write
):
    """Two batches are kept, then three files of evidence are written."""
    _folder, wanted, _ = world
    real, count = Path.replace, iter(range(1, 99))

    def fatal(*arguments):
        if next(count) == write:
            os.kill(os.getpid(), signal.SIGKILL)
        return real(*arguments)

    with monkeypatch.context() as patch:
        patch.setattr(Path, "replace", fatal)
        killed(lambda: compute(wanted, source(fresh)))
    _sweep(fresh)
    stored = len(list(fresh.glob("??/*.safetensors")))
    assert stored == max(0, write - BATCHES)
    finished = min(write - 1, BATCHES - 1)
    assert the_rest(world, fresh) == (BATCHES - finished) * (EACH - stored)


def _sweep(root):
    """What a killed process has left of a file that it was writing is never looked at."""
    for file in root.rglob("*.tmp"):
        file.unlink()


@pytest.mark.parametrize("write", range(1, BATCHES + EACH))
def test_a_full_disk_costs_no_evidence(world, fresh, monkeypatch, write):
    _folder, wanted, _ = world
    real, count = Path.replace, iter(range(1, 99))

    def full(*arguments):
        if next(count) >= write:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return real(*arguments)

    here = source(fresh)
    with monkeypatch.context() as patch:
        patch.setattr(Path, "replace", full)
        compute(wanted, here)
    (error,) = set(here.failures.values())
    assert "No space left on device" in error.what
    assert "the next run continues from there" in error.remedy
    stored = max(0, write - BATCHES)
    finished = min(write - 1, BATCHES - 1)
    assert the_rest(world, fresh) == (BATCHES - finished) * (EACH - stored)


@pytest.mark.parametrize("damage", ["short", "empty", "zeros", "flipped"])
@pytest.mark.parametrize("which", ["unfinished", "stored"])
def test_a_torn_file_is_computed_again(world, fresh, damage, which):
    folder, wanted, _ = world
    if which == "unfinished":
        (folder / "kill").write_text(str(2 * EACH + 1))
        killed(lambda: compute(wanted, source(fresh)))
        file = max(fresh.glob("unfinished/*.safetensors"))
    else:
        compute(wanted, source(fresh))
        file = min(fresh.glob("??/*.safetensors"))
    content = file.read_bytes()
    flipped = content[:-3] + bytes([content[-3] ^ 1]) + content[-2:]
    torn = {"short": content[:-9], "empty": b"", "zeros": bytes(len(content)), "flipped": flipped}
    file.write_bytes(torn[damage])
    repeated = the_rest(world, fresh)
    if which == "stored":
        assert repeated in (0, BATCHES), "found when planned or when read, and computed either way"
    else:
        assert repeated == 2 * EACH, "the batch in flight and the one whose file was torn"
