"""One audit on several machines, each of which computes a part of its evidence."""

from __future__ import annotations

import fsspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from spread.world import computed, decided, names, project

from audit_suite.errors import AuditError
from audit_suite.evidence.part import Part, scheduled_part

pytestmark = pytest.mark.shards


@pytest.fixture(scope="module")
def here(tmp_path_factory):
    """The project, audited in one go: its evidence is in the folder ``whole``."""
    folder = tmp_path_factory.mktemp("project")
    project(folder)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        patch.setenv("OMP_NUM_THREADS", "1")
        yield folder, decided("whole")[0]


@given(st.text(max_size=5), st.integers(0, 500), st.integers(1, 9), st.integers(1, 5))
def test_each_unit_belongs_to_one_part_however_it_is_split(unit, number, of, pieces):
    parts = [Part(each, of) for each in range(1, of + 1)]
    (owner,) = [part for part in parts if part.has(unit, number)]
    assert sum(piece.has(unit, number) for piece in owner.split(pieces)) == 1
    for part in parts:
        assert any(piece.has(unit, number) for piece in part.split(pieces)) is (part == owner)


@given(st.text(max_size=5), st.integers(1, 9))
def test_the_units_of_a_row_are_dealt_in_turn(unit, of):
    owners = [next(i for i in range(1, of + 1) if Part(i, of).has(unit, n)) for n in range(of)]
    assert sorted(owners) == list(range(1, of + 1))


@pytest.mark.parametrize("text", ["0/4", "5/4", "1", "a/b", "1/0", "-1/2", "1/2/3"])
def test_a_part_that_does_not_exist_is_refused(text):
    with pytest.raises(AuditError, match=f"--shard={text}: there is no such part") as caught:
        Part.parse(text)
    assert "1/4, 2/4, 3/4 and 4/4" in caught.value.remedy


@pytest.mark.parametrize(
    ("part", "variables"),
    [
        ("1/1", {}),
        ("3/4", {"RANK": "2", "WORLD_SIZE": "4", "SLURM_PROCID": "0", "SLURM_NTASKS": "1"}),
        ("2/3", {"SLURM_PROCID": "1", "SLURM_NTASKS": "3"}),
        ("1/1", {"SLURM_NTASKS": "3"}),  # a batch script runs once, whatever its steps have
        ("4/4", {"SLURM_ARRAY_TASK_ID": "3", "SLURM_ARRAY_TASK_COUNT": "4", "SLURM_ARRAY_TASK_MIN": "0"}),
        ("4/4", {"SLURM_ARRAY_TASK_ID": "4", "SLURM_ARRAY_TASK_COUNT": "4", "SLURM_ARRAY_TASK_MIN": "1"}),
        ("2/3", {"SLURM_ARRAY_TASK_ID": "12", "SLURM_ARRAY_TASK_COUNT": "3",
                 "SLURM_ARRAY_TASK_MIN": "10", "SLURM_ARRAY_TASK_STEP": "2"}),
        ("4/6", {"SLURM_ARRAY_TASK_ID": "1", "SLURM_ARRAY_TASK_COUNT": "3", "SLURM_ARRAY_TASK_MIN": "0",
                 "SLURM_PROCID": "1", "SLURM_NTASKS": "2"}),
    ],
)  # fmt: skip
def test_a_scheduler_names_the_part(part, variables):
    assert str(scheduled_part(variables)) == part


def test_variables_of_a_scheduler_that_contradict_each_other_are_refused():
    with pytest.raises(AuditError, match="task 5 of 4"):
        scheduled_part({"RANK": "4", "WORLD_SIZE": "4"})


def test_machines_that_share_a_folder_compute_what_one_machine_does(here, monkeypatch):
    folder, record = here
    code, said = computed("--shard", "1/2", "--evidence", "parts")
    assert code == 0, said
    first = names(folder / "parts")
    with pytest.raises(AuditError, match=r"--audit-offline: the store .* lacks the evidence"):
        _raise(decided("parts", offline=True)[0])
    monkeypatch.setenv("SLURM_ARRAY_TASK_ID", "1")
    monkeypatch.setenv("SLURM_ARRAY_TASK_COUNT", "2")
    assert computed("--evidence", "parts")[0] == 0
    second = set(names(folder / "parts")) - set(first)
    assert first
    assert second
    assert names(folder / "parts") == names(folder / "whole"), "the same evidence digests"
    assert decided("parts", offline=True)[0] == record


def _raise(record):
    """The error that a record of an audit without evidence names."""
    reason = next(line for line in record.split('"') if line.startswith("--audit-offline"))
    raise AuditError(reason, "")


def test_evidence_at_an_address_is_that_of_a_folder(here):
    folder, record = here
    address = "memory://bucket/ev"
    for shard in ("2/2", "1/2"):
        assert computed("--shard", shard, "--evidence", address, "--cache", shard[0])[0] == 0
    files = fsspec.filesystem("memory")
    there = sorted(path.rpartition("/")[2] for path in files.find("/bucket/ev"))
    assert there == names(folder / "whole"), "and nothing that is in hand is left"
    assert decided(address, offline=True, cache="mirror")[0] == record
    assert names(next((folder / "mirror").glob("evidence-*"))) == there, "fetched to be read"


def test_a_rerun_computes_nothing(here, monkeypatch):
    assert here
    monkeypatch.setattr("audit_suite.evidence.scores.compute._Job._score", None)
    code, said = computed("--evidence", "whole")
    assert (code, "forward passes in" in said) == (0, False), said


def test_what_cannot_be_computed_is_said_and_ends_with_1(here, tmp_path):
    (here[0] / "bad.toml").write_text(
        (here[0] / "model.toml")
        .read_text()
        .replace("net.py:build", "net.py:gone")
        .replace('"model"', '"bad"')
    )
    code, said = computed("bad.toml", "--evidence", tmp_path / "ev")
    assert code == 1
    assert "not computed:" in said
    assert "bad.toml" in said
    assert names(tmp_path / "ev") == names(here[0] / "whole"), "the other model's is"


@pytest.mark.parametrize(
    ("url", "words", "remedy"),
    [
        ("nosuch://x/y", "nosuch://x/y", "address"),
        ("s3://user:hush@bucket/ev", None, None),
    ],
)
def test_an_address_that_cannot_be_reached_is_named_without_its_password(url, words, remedy):
    from audit_suite.evidence.address import shown
    from audit_suite.evidence.remote import open_store

    assert "hush" not in shown(url)
    if words:
        with pytest.raises(AuditError, match=words) as caught:
            open_store(url, None)
        assert remedy in caught.value.remedy
