"""Shards on a CUDA device: one is staged while another is scored, and none is lost with another."""

from __future__ import annotations

import threading
from dataclasses import replace

import pytest
from cards import model_card, phantom_card

from audit_suite.datasets import BadImage
from audit_suite.errors import AuditError
from audit_suite.evidence import Cell, EvidenceProfile, EvidenceSource, EvidenceStore
from audit_suite.evidence.keys import SHARD
from audit_suite.evidence.scores import compute as engine
from audit_suite.maskings import Full, WithoutROI

SHARDS = 3


class Source(EvidenceSource):
    """A source whose model is nothing but a digest."""

    def model_digest(self, card, fold):
        return "m" * 64


class Device:
    """What stands for the scores of a model on a card, and what is called when.

    Attributes:
        calls: What was done with a shard, in order.
        staging: For each shard, that its images are being prepared.
        awaited: How many shards further staging must be before the device is done with one.
        meanwhile: What happens when a shard is read back, by shard.
    """

    def __init__(self, source):
        self.source = source
        self.calls = []
        self.staging = [threading.Event() for _ in range(SHARDS + 1)]
        self.awaited = 0
        self.meanwhile = {}

    def failed(self, request):
        return request in self.source.failures

    def batch(self, staged, context, columns, start):
        shard = start // SHARD
        self.calls.append(("queued", shard))
        if shard + self.awaited < SHARDS:
            assert self.staging[shard + self.awaited].wait(20), "staging waits for what is read"

        def read():
            self.calls.append(("read", shard))
            self.meanwhile.get(shard, list)()

        return [read]


@pytest.fixture
def world(tmp_path, monkeypatch):
    """Two requests on three shards of one batch each, and the device that scores them."""
    profile = EvidenceProfile(device="cuda", threads=2)
    here = Source(EvidenceStore(tmp_path / "store"), profile)
    cell = Cell(
        model_card(tmp_path, targets=["consolidation"]),
        (None,),
        phantom_card(tmp_path, patients=SHARDS * SHARD),
        "consolidation",
    )
    requests = [*cell.requests(Full()), *cell.requests(WithoutROI())]
    device = Device(here)
    stage, write = engine.stage, here.store.write

    def staged(geometry, images, size, maskings, pinned):
        assert pinned
        return stage(geometry, images, size, maskings, pinned=False)

    def written(key, arrays, of=""):
        names = [(n, r) for r in requests for n in range(SHARDS) if r.key(here, n) == key]
        device.calls += [("stored", shard) for shard, _ in names]
        write(key, arrays, of)

    monkeypatch.setattr(engine, "stage", staged)
    monkeypatch.setattr(engine, "_can_load", lambda request, source: True)
    monkeypatch.setattr(engine, "Scoring", lambda *_: device)
    monkeypatch.setattr(here.store, "write", written)
    return here, requests, device


def run(world, broken=()):
    here, requests, device = world
    plain = here.dataset(requests[0].dataset)
    image = plain.read(0)

    def read(index):
        device.staging[index // SHARD].set()
        if index in broken:
            raise BadImage(f"row {index}: is torn", "leave it out")
        return image

    engine.compute_on(replace(plain, read=read), requests, here, lambda line: None)


def assert_free(here):
    """No claim is left, for whoever comes next."""
    names = {file.stem for file in (here.store.root / "claims").glob("*.lock")}
    for name, _, number in (each.rpartition("-") for each in names):
        with here.store.claim(name, wait=False, number=int(number)) as granted:
            assert granted


def test_a_shard_is_staged_while_the_one_before_is_scored(world):
    here, requests, device = world
    device.awaited = 1
    run(world)
    for shard in range(SHARDS):
        calls = [call for call in device.calls if call[1] == shard]
        assert calls == [("queued", shard), ("read", shard), *[("stored", shard)] * 2]
    order = device.calls.index
    for shard in range(SHARDS - 1):
        assert order(("queued", shard + 1)) < order(("read", shard)), "the device has work"
        assert order(("stored", shard)) < order(("read", shard + 1))
    assert not any(here.missing(request) for request in requests)
    assert not list(here.store.root.glob("unfinished/*"))
    assert_free(here)


def test_an_image_that_cannot_be_read_costs_no_shard_that_was_scored(world):
    here, requests, device = world
    with pytest.raises(AuditError, match=f"row {SHARD + 3}"):
        run(world, broken={SHARD + 3})
    missing = [here.missing(request) for request in requests]
    assert [len(each) for each in missing] == [SHARDS - 1] * 2
    assert ("stored", 0) in device.calls
    assert_free(here)
    device.calls.clear()
    run(world)
    assert ("queued", 0) not in device.calls
    assert not any(here.missing(request) for request in requests)


def test_a_request_that_fails_costs_the_others_nothing(world):
    here, (one, other), device = world
    failure = {one: AuditError("scores are not finite", "check the weights")}
    device.meanwhile = {1: lambda: here.failures.update(failure)}
    run(world)
    assert len(here.missing(one)) >= 2, "of what is read with it or later nothing is stored"
    assert not here.missing(other)
    assert_free(here)


def test_what_another_process_has_claimed_is_left_to_it_and_then_looked_at_again(world):
    here, requests, device = world
    name = here.dataset(requests[0].dataset).digest[:16]
    claim = here.store.claim(name, wait=True, number=1)
    assert claim.__enter__()
    device.meanwhile = {2: lambda: claim.__exit__(None, None, None)}
    run(world)
    queued = [shard for call, shard in device.calls if call == "queued"]
    assert queued == [0, 2, 1], "which died, or failed"
    assert not any(here.missing(request) for request in requests)
