"""How many actors Ray is asked for, and what each asks for; without Ray."""

from __future__ import annotations

from typing import Any

import pytest

from audit_suite.evidence import EvidenceProfile
from audit_suite.evidence.executors.ray import OnRay


class Cluster:
    """What `OnRay` calls of Ray to start actors; notes what they ask for."""

    def __init__(self, **resources: float) -> None:
        self.asked: list[dict[str, Any]] = []
        self._resources = resources

    def cluster_resources(self) -> dict[str, float]:
        return self._resources

    def remote(self, acting: type) -> Cluster:
        return self

    def options(self, **wanted: Any) -> Actor:
        return Actor(self, wanted)


class Actor:
    def __init__(self, cluster: Cluster, wanted: dict[str, Any]) -> None:
        self._cluster, self._wanted = cluster, wanted

    def remote(self) -> Actor:
        self._cluster.asked.append(self._wanted)
        return self


def actors(cluster: Cluster, jobs: int, address: str | None = None, **profile: Any) -> list[Any]:
    """What the actors for some jobs ask for: cores and cards."""
    executor = OnRay(300, address)
    executor._ray = cluster
    executor._ready_for(jobs, EvidenceProfile(**profile))
    return [(each["num_cpus"], each["num_gpus"]) for each in cluster.asked]


@pytest.fixture(autouse=True)
def _no_address(monkeypatch):
    monkeypatch.delenv("RAY_ADDRESS", raising=False)


@pytest.mark.parametrize(("cards", "cores"), [(8.0, 64.0), (8.0, 8.0), (1.0, 16.0)])
def test_every_card_of_a_machine_gets_an_actor(cards, cores):
    cluster = Cluster(CPU=cores, GPU=cards)
    found = actors(cluster, 64, device="cuda", threads=int(cores))
    assert found == [(1, 1)] * int(cards)


@pytest.mark.parametrize(("threads", "count"), [(1, 16), (4, 4), (32, 1)])
def test_on_processors_cores_are_divided_by_threads(threads, count):
    found = actors(Cluster(CPU=16.0, GPU=2.0), 64, device="cpu", threads=threads)
    assert found == [(threads, 0)] * count


def test_there_are_no_more_actors_than_jobs():
    assert len(actors(Cluster(CPU=16.0, GPU=8.0), 3, device="cuda", threads=16)) == 3


def test_an_actor_waits_where_there_is_no_card():
    assert actors(Cluster(CPU=16.0), 64, device="cuda", threads=16) == [(1, 1)]


def test_a_cluster_may_grow():
    found = actors(Cluster(CPU=4.0, GPU=1.0), 20, "head:6379", device="cuda", threads=16)
    assert found == [(1, 1)] * 20
