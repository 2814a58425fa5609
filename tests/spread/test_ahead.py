"""Images that other processes prepare ahead: the same evidence, and nothing is decoded twice."""

from __future__ import annotations

import subprocess
import sys
from collections import Counter
from contextlib import contextmanager
from types import SimpleNamespace

import pytest
from cards import model_card, phantom_card
from spread.decoding import MASKINGS, evidence
from spread.noting import BAD, bring

from audit_suite.cards import load_dataset_card
from audit_suite.evidence import (
    Cell,
    EvidenceProfile,
    EvidenceSource,
    EvidenceStore,
    claims,
    compute,
)
from audit_suite.evidence.claims import Claims
from audit_suite.evidence.executors.process import Processes
from audit_suite.evidence.scores import ahead
from audit_suite.evidence.scores.in_file import InFileRequest
from audit_suite.registry import READERS

NET = """
import torch

class Mean(torch.nn.Module):
    def forward(self, batch):
        return batch.mean(dim=(1, 2, 3)) - 0.35

def build():
    return Mean()
"""


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    """A folder with cards, requests of 280 images, and the evidence of an audit without helpers."""
    bring()
    folder = tmp_path_factory.mktemp("world")
    (folder / "network.py").write_text(NET)
    model = model_card(folder, targets=["consolidation"], architecture="network.py:build")
    top = 'on_bad_image = "exclude"'
    phantom_card(folder, top=top, patients=280, more="shortcuts = []")
    card = folder / "d.toml"
    card.write_text(card.read_text().replace('reader = "phantom"', 'reader = "noting"'))
    cell = Cell(model, (None,), load_dataset_card(card), "consolidation")
    wanted = [request for masking in MASKINGS for request in cell.requests(masking)]
    wanted.append(InFileRequest(*wanted[1].pair, wanted[1].masking))
    failures = computed(folder, wanted, "alone")
    assert not failures
    yield folder, wanted, decodes(folder)
    READERS._entries.pop("noting")


def computed(folder, wanted, name):
    """Compute what is wanted in child processes; what failed."""
    (folder / "decoded").write_text("")
    here = EvidenceSource(
        EvidenceStore(folder / name),
        EvidenceProfile(device="cpu", threads=2),
        cache=folder / f"{name}-cache",
        executor=Processes(timeout=60),
    )
    try:
        compute(wanted, here)
    finally:
        here.close()
    return here.failures


def decodes(folder):
    """How often each image was decoded, and by whom."""
    lines = [line.split() for line in (folder / "decoded").read_text().splitlines()]
    return Counter(int(index) for index, *_ in lines), {who for _, who, _ in lines}


@pytest.fixture(scope="module")
def run_with_helpers(world):
    """What two helpers and the process that scores decoded, and which of them knew the model."""
    folder, wanted, _ = world
    with pytest.MonkeyPatch.context() as patched, with_helpers(patched, folder):
        assert not computed(folder, wanted, "helped")
    lines = [line.split() for line in (folder / "decoded").read_text().splitlines()]
    return *decodes(folder), {(who, known) for _, who, known in lines}


@pytest.fixture
def helped(world, monkeypatch):
    """A world in which images are prepared ahead."""
    with with_helpers(monkeypatch, world[0]):
        yield world


@contextmanager
def with_helpers(patched, folder):
    """Two processes prepare images, though there is no card; the one that scores waits for them."""

    def two(images, source):
        (folder / "waits").touch()
        return 2

    patched.setattr(ahead, "loaders", two)
    yield
    for name in ("waits", "die"):
        (folder / name).unlink(missing_ok=True)


def test_helpers_change_no_bit_and_nothing_is_decoded_twice(world, run_with_helpers):
    folder, wanted, (alone, _) = world
    counts, who, _ = run_with_helpers
    assert evidence(folder, "helped") == evidence(folder, "alone")
    assert who == {"helper", "scorer"}
    assert {i: n for i, n in counts.items() if i != BAD} == {
        i: n for i, n in alone.items() if i != BAD
    }
    assert counts[BAD] >= alone[BAD], "one that cannot be used is not kept"
    (folder / "again-cache").symlink_to(folder / "helped-cache")
    assert not computed(folder, wanted, "again")
    assert set(decodes(folder)[0]) == {BAD}, "also the file with a box that is black is known"


def test_helpers_that_die_harm_nothing(helped):
    folder, wanted, (alone, _) = helped
    (folder / "die").touch()
    assert not computed(folder, wanted, "died")
    assert evidence(folder, "died") == evidence(folder, "alone")
    assert decodes(folder) == (alone, {"scorer"})


def test_helpers_know_no_model(run_with_helpers):
    _, _, knows = run_with_helpers
    assert ("helper", "True") not in knows
    assert ("scorer", "True") in knows


HOLD = """
import sys, time
from audit_suite.evidence.claims import Claims
with Claims(sys.argv[1]).claim(5):
    print("held", flush=True)
    time.sleep(600)
"""


@pytest.fixture
def holder(tmp_path):
    """A process that has image 5 in hand for ever."""
    file = str(tmp_path / "claims" / "x")
    with subprocess.Popen([sys.executable, "-c", HOLD, file], stdout=subprocess.PIPE) as process:
        assert process.stdout.readline() == b"held\n"
        yield file, process
        process.kill()


def test_a_claim_ends_with_its_process(holder):
    file, process = holder
    mine = Claims(file)
    assert not mine.is_free(5)
    assert mine.is_free(4)
    assert mine.is_free(6)
    process.kill()
    with mine.claim(5):
        assert not Claims(file).is_free(5)
    assert Claims(file).is_free(5)


def test_nobody_waits_for_ever(holder, monkeypatch):
    monkeypatch.setattr(claims, "_PATIENCE", 0.05)
    mine = Claims(holder[0])
    with mine.claim(5):
        assert not mine.is_free(5), "it is the other's still"


def test_without_a_folder_nobody_waits(tmp_path):
    (tmp_path / "file").write_text("not a folder")
    mine = Claims(str(tmp_path / "file" / "x"))
    with mine.claim(5):
        assert mine.is_free(5)


@pytest.mark.parametrize(
    ("device", "cores", "memory", "images", "expected"),
    [
        ("cpu", 16, 64, 10_000, 0),
        ("cuda", 16, 64, 10_000, 15),
        ("cuda", 64, 64, 10_000, 16),
        ("cuda", 16, 3, 10_000, 3),
        ("cuda", 16, 64, 500, 2),
        ("cuda", 16, 64, 100, 0),
        ("cuda", 1, 64, 10_000, 0),
    ],
)
def test_helpers_fit_cores_memory_and_work(monkeypatch, device, cores, memory, images, expected):
    monkeypatch.setattr(ahead, "granted_cores", lambda: cores)
    monkeypatch.setattr(ahead, "free_memory", lambda: memory << 30)
    source = SimpleNamespace(profile=SimpleNamespace(device=device), cache=".", workers=1)
    assert ahead.loaders(images, source) == expected
    source.cache = None
    assert ahead.loaders(images, source) == 0
