"""Evidence computed by actors on a Ray cluster, which is started once for all tests."""

from __future__ import annotations

import os

import pytest
from cards import model_card
from spread.world import decided, names, project

from audit_suite.child.working import Sources
from audit_suite.errors import AuditError
from audit_suite.evidence import EvidenceProfile, EvidenceSource, EvidenceStore
from audit_suite.evidence.budget import Budget
from audit_suite.evidence.executor import Raised
from audit_suite.evidence.executors.ray import OnRay, start_here
from audit_suite.evidence.part import Part
from audit_suite.evidence.twin import Twin

pytestmark = pytest.mark.ray


@pytest.fixture(scope="module")
def cluster():
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("OMP_NUM_THREADS", "1")
        patch.setenv("RAY_USAGE_STATS_ENABLED", "0")
        ray = pytest.importorskip("ray", reason="pip install ray")
        start_here(ray)
        yield ray
        ray.shutdown()


@pytest.fixture(scope="module")
def here(cluster, tmp_path_factory):
    store = EvidenceStore(tmp_path_factory.mktemp("store"))
    profile = EvidenceProfile(device="cpu", threads=1)
    source = EvidenceSource(store, profile, executor=OnRay(300))
    yield source
    source.close()
    assert cluster.is_initialized(), "who started it ends it"


def test_actors_give_the_same_evidence_and_the_same_record(cluster, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    project(tmp_path)
    record, environment = decided("ray", executor="ray")
    assert (environment["executor"], environment["network_cut"]) == ("ray", False)
    assert record == decided("inline")[0]
    assert names(tmp_path / "ray") == names(tmp_path / "inline"), "the same evidence digests"


def test_what_an_actor_returns_says_and_raises_arrives(here):
    said = []
    found = here.call("evidence.tricks:add", 1, 2.5, say=said.append)
    assert (found["sum"], said[-2:]) == (3.5, ["adding 1", "adding 2.5"])
    assert found["process"] != os.getpid()
    with pytest.raises(AuditError) as caught:
        here.call("evidence.tricks:mistake")
    assert (caught.value.what, caught.value.remedy) == ("a file is missing", "write it")
    with pytest.raises(Raised, match="KeyError: 'tail'"):
        here.call("evidence.tricks:raises", "KeyError: 'tail'")
    assert here.call("evidence.tricks:add")["process"] == found["process"]


def test_lost_actors_and_those_that_hang(here, tmp_path, monkeypatch):
    """One that is lost is replaced and does its job again; one that is always lost is an error."""
    models = [model_card(tmp_path, architecture="net.py:build")]
    assert here.call("evidence.tricks:ends_once", str(tmp_path / "died"), of=models) == "done"
    assert (tmp_path / "died").exists()
    with monkeypatch.context() as patch:
        patch.setattr(here.executor, "_timeout", 1.0)
        with pytest.raises(AuditError, match="gave no sign of life for 1 s and was ended"):
            here.call("evidence.tricks:silent", of=models)
    assert here.call("evidence.tricks:add", 1, of=models)["sum"] == 1, "in a new one"


def test_a_folder_that_a_machine_of_the_cluster_does_not_see_is_named(tmp_path):
    profile = EvidenceProfile(device="cpu", threads=1)
    twin = Twin(tmp_path / "elsewhere", None, Part(), profile, None, Budget(images=48), None)
    with pytest.raises(AuditError, match=r"does not see the folder .*elsewhere") as caught:
        Sources(elsewhere=True).of(twin)
    assert "s3://bucket/folder" in caught.value.remedy
