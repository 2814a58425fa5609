"""Several processes share a job: the same evidence, each unit once, and no death costs the rest."""

from __future__ import annotations

import os
from dataclasses import dataclass
from types import SimpleNamespace

import numpy as np
import pytest
from cards import model_card, phantom_card
from hypothesis import given
from hypothesis import strategies as st

from audit_suite.errors import AuditError
from audit_suite.evidence import Cell, EvidenceProfile, EvidenceSource, EvidenceStore, compute
from audit_suite.evidence.executors import process
from audit_suite.evidence.executors.process import Processes
from audit_suite.evidence.memory import free_memory
from audit_suite.evidence.part import Part
from audit_suite.evidence.processes import room
from audit_suite.evidence.processes.room import room_for
from audit_suite.evidence.scores.compute import _units
from audit_suite.evidence.scores.request import ScoreRequest
from audit_suite.maskings import Full, OnlyROI, WithoutROI

# Notes which process makes a pass; the one that finds the file "kill" removes it, and dies of it.
MODEL = """
import os, signal, time
from pathlib import Path
import torch

HERE = Path(__file__).parent

class Telling(torch.nn.Module):
    def forward(self, batch):
        with (HERE / "passes").open("a") as file:
            file.write(f"{os.getpid()}\\n")
        time.sleep(0.02)
        if len(batch) == 16 and (HERE / "kill").exists():
            (HERE / "kill").unlink()
            os.kill(os.getpid(), signal.SIGKILL)
        return batch.mean(dim=(1, 2, 3)) - 0.35

def build():
    return Telling()
"""
MASKINGS = (Full(), *(make(shape=s) for make in (WithoutROI, OnlyROI) for s in ("contour", "box")))


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    """A folder, requests of 48 images under five maskings, and what one process finds."""
    folder = tmp_path_factory.mktemp("world")
    (folder / "net.py").write_text(MODEL)
    model = model_card(folder, targets=["consolidation"], architecture="net.py:build")
    cell = Cell(model, (None,), phantom_card(folder, patients=48), "consolidation")
    wanted = [request for masking in MASKINGS for request in cell.requests(masking)]
    alone = source(folder / "alone")
    compute(wanted, alone)
    return folder, wanted, [alone.read(request) for request in wanted]


def source(root, executor=None):
    profile = EvidenceProfile(device="cpu", threads=1, batch_size=16)
    return EvidenceSource(EvidenceStore(root), profile, executor=executor)


@pytest.fixture(scope="module")
def processes():
    """Processes that all tests ask: one that died, or was ended, is started again."""
    shared = Processes(timeout=60)
    yield shared
    shared.close()


@pytest.fixture
def two(world, processes, tmp_path, monkeypatch):
    """A source whose models run in two processes, whatever there is to do."""
    monkeypatch.setattr(process, "room_for", lambda *_: 2)
    folder, *_ = world
    (folder / "passes").write_text("")
    return source(tmp_path / "store", processes)


def assert_as_alone(world, here):
    _, wanted, alone = world
    for request, expected in zip(wanted, alone, strict=True):
        seen = here.read(request)
        for name in ("scores", "hidden_fraction", "covered_fraction", "used"):
            assert np.array_equal(getattr(seen, name), getattr(expected, name))
    assert not list(here.store.root.glob("unfinished/*"))


def processes_of(folder):
    return set((folder / "passes").read_text().split())


def test_two_processes_give_the_evidence_of_one_and_both_work(world, two):
    folder, wanted, _ = world
    compute(wanted, two)
    assert two.failures == {}
    assert len(processes_of(folder)) == 2
    assert os.getpid() not in processes_of(folder)
    assert_as_alone(world, two)


def test_what_one_that_dies_had_claimed_the_other_does(world, two):
    folder, wanted, _ = world
    (folder / "kill").touch()
    compute(wanted, two)
    assert not (folder / "kill").exists()
    assert two.failures == {}
    assert_as_alone(world, two)


def test_both_end_when_the_audit_is_interrupted(world, two):
    _, wanted, _ = world
    children = two.executor._children

    def interrupted(line):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        two.executor.spread([wanted[0].model], "evidence.tricks:add", (1,), two, say=interrupted)
    assert len(children) == 2
    assert not any(child.alive for child in children.values())


def test_both_are_started_at_once_where_nothing_is_stored(world, tmp_path, monkeypatch):
    """And a second job finds them ready. Where evidence is stored, there may be nothing to do."""
    _, wanted, _ = world
    for asked, count, found in ((wanted[:2], 2, [0, 2, 2]), (wanted[2:3], 1, [1])):
        ready = []

        def room(_requests, _source, n, ready=ready, count=count):
            ready.append(n)
            return count

        monkeypatch.setattr(process, "room_for", room)
        here = source(tmp_path / "store", Processes(timeout=60))
        for request in asked:
            compute([request], here)
        here.close()
        assert ready == found


@dataclass(frozen=True)
class Asked:
    """A request of some passes through a network of a size."""

    passed: int
    size: int

    @property
    def model(self):
        return SimpleNamespace(input=SimpleNamespace(size=(self.size, self.size)))

    def passes(self, source):
        if self.passed < 0:
            raise AuditError("the data set cannot be read", "write it")
        return self.passed


def judge(device="cpu", threads=1, workers=1):
    profile = EvidenceProfile(device=device, threads=threads)
    return SimpleNamespace(profile=profile, workers=workers)


@pytest.mark.parametrize(
    ("asked", "judge", "ready", "expected"),
    [
        ([Asked(200_000, 64)], judge(), 1, 8),
        ([Asked(200_000, 64)], judge(threads=2), 1, 4),
        ([Asked(200_000, 64)], judge(workers=3), 1, 2),
        ([Asked(200_000, 64)], judge(threads=4, workers=4), 1, 1),
        ([Asked(200_000, 64)], judge(device="cuda"), 1, 1),
        ([Asked(20_000, 64)], judge(), 1, 1),
        ([Asked(20_000, 64)] * 2, judge(), 1, 2),
        ([Asked(5_000, 224)], judge(), 1, 3),
        ([Asked(5, 224)], judge(), 0, 1),
        ([Asked(5, 224)], judge(), 4, 4),
        ([Asked(5, 224)], judge(), 12, 8),
        ([Asked(-1, 64), Asked(40_000, 64)], judge(), 1, 2),
    ],
)
def test_as_many_as_there_are_cores_and_work_for(monkeypatch, asked, judge, ready, expected):
    monkeypatch.setattr(room, "granted_cores", lambda: 8)
    monkeypatch.setattr(room, "free_memory", lambda: 1 << 40)
    assert room_for(asked, judge, ready) == expected


def test_however_many_cores_there_are_not_all_hold_a_model(monkeypatch):
    monkeypatch.setattr(room, "granted_cores", lambda: 256)
    monkeypatch.setattr(room, "free_memory", lambda: 1 << 40)
    assert room_for([Asked(10**8, 224)], judge(), 1) == 16


@pytest.mark.parametrize(
    ("size", "free", "workers", "ready", "expected"),
    [
        (64, 3, 1, 0, 3),
        (64, 3, 1, 1, 4),
        (64, 3, 2, 1, 2),
        (224, 3, 1, 1, 1),
        (224, 9, 1, 0, 2),
        (224, 9, 1, 1, 3),
        (224, 0, 1, 0, 1),
    ],
)
def test_as_many_as_fit_into_memory(monkeypatch, size, free, workers, ready, expected):
    monkeypatch.setattr(room, "granted_cores", lambda: 16)
    monkeypatch.setattr(room, "free_memory", lambda: free << 30)
    assert room_for([Asked(10**8, size)], judge(workers=workers), ready) == expected


V1, V2 = {"proc/self/cgroup": "5:memory:/\n"}, {"proc/self/cgroup": "0::/\n"}
MEMINFO = "MemTotal: 32000 kB\nMemFree: 100 kB\nMemAvailable: 2048 kB\n"


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        ({"proc/meminfo": MEMINFO}, 2048 << 10),
        (
            {
                "proc/meminfo": MEMINFO,
                **V2,
                "sys/fs/cgroup/memory.max": "500000\n",
                "sys/fs/cgroup/memory.current": "100000\n",
            },
            400_000,
        ),
        (
            {
                "proc/meminfo": MEMINFO,
                **V2,
                "sys/fs/cgroup/memory.max": "500000\n",
                "sys/fs/cgroup/memory.current": "490000\n",
                "sys/fs/cgroup/memory.stat": "anon 90000\ninactive_file 400000\nactive_file 1\n",
            },
            410_000,
        ),
        (
            {
                "proc/meminfo": MEMINFO,
                **V2,
                "sys/fs/cgroup/memory.max": "max\n",
                "sys/fs/cgroup/memory.current": "100000\n",
            },
            2048 << 10,
        ),
        (
            {
                **V1,
                "sys/fs/cgroup/memory/memory.limit_in_bytes": "7000",
                "sys/fs/cgroup/memory/memory.usage_in_bytes": "9000",
            },
            0,
        ),
        (
            {
                "proc/meminfo": MEMINFO,
                "proc/self/cgroup": "0::/job/step\n",
                "sys/fs/cgroup/job/memory.max": "300000\n",
                "sys/fs/cgroup/job/memory.current": "100000\n",
                "sys/fs/cgroup/job/step/memory.max": "max\n",
                "sys/fs/cgroup/job/step/memory.current": "50000\n",
            },
            200_000,
        ),
        ({}, 64 << 30),
    ],
)
def test_memory_is_what_the_machine_has_left_and_the_cgroup_allows(tmp_path, files, expected):
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    assert free_memory(tmp_path) == expected


@given(images=st.integers(1, 6000), of=st.integers(1, 9), maskings=st.integers(1, 5))
def test_the_units_of_all_are_the_same_and_each_request_is_in_one(world, images, of, maskings):
    _, wanted, _ = world
    wanted = wanted[:maskings]
    dataset = SimpleNamespace(digest="d" * 64, cases=range(images))
    shares = [list(_units(dataset, wanted, Part(number, of))) for number in range(1, of + 1)]
    as_sets = [{(name, shard, tuple(some)) for name, shard, some in units} for units in shares]
    assert all(units == as_sets[0] for units in as_sets)
    pairs = [(shard, request) for _, shard, some in shares[0] for request in some]
    count = -(-images // 256)
    assert len(pairs) == len(set(pairs)) == count * len(wanted)
    assert len({(name, shard) for name, shard, _ in shares[0]}) == len(shares[0])
    firsts = [units[0][:2] for units in shares]
    if count >= 4 * of or maskings >= of:
        assert len(set(firsts)) == of, "each starts elsewhere"


def test_alone_the_units_are_the_shards_in_their_order(world):
    _, wanted, _ = world
    assert all(isinstance(request, ScoreRequest) for request in wanted)
    for images in (1, 300, 5000):
        dataset = SimpleNamespace(digest="d" * 64, cases=range(images))
        units = list(_units(dataset, wanted, Part()))
        assert [unit[1] for unit in units] == list(range(-(-images // 256)))
        assert {unit[0] for unit in units} == {"d" * 16}
        assert all(unit[2] == wanted for unit in units)
