"""The store: whole files or none, and claims that die with their process."""

from __future__ import annotations

import multiprocessing
import os
import shutil
import signal
import time

import numpy as np
import pytest

from audit_suite.errors import AuditError
from audit_suite.evidence import EvidenceStore

KEY = "ab" * 32


@pytest.fixture
def store(tmp_path):
    return EvidenceStore(tmp_path / "store")


def arrays():
    return {
        "scores": np.arange(6, dtype=np.float32).reshape(3, 2),
        "used": np.array([True, False, True]),
    }


def test_what_was_written_is_read(store):
    assert store.read(KEY) is None
    assert not store.has(KEY)
    store.write(KEY, arrays())
    found = store.read(KEY)
    assert store.has(KEY)
    assert found.keys() == arrays().keys()
    for name, array in arrays().items():
        assert np.array_equal(found[name], array)
        assert found[name].dtype == array.dtype


def test_arrays_that_are_views_are_stored_as_they_look(store):
    store.write(KEY, {"a": np.arange(12).reshape(3, 4).T[::2]})
    assert np.array_equal(store.read(KEY)["a"], np.arange(12).reshape(3, 4).T[::2])


@pytest.mark.parametrize("damage", ["truncate", "flip", "empty"])
def test_damaged_evidence_counts_as_missing(store, damage):
    store.write(KEY, arrays())
    (file,) = store.root.glob("*/*.safetensors")
    data = bytearray(file.read_bytes())
    if damage == "flip":
        data[-3] ^= 0x10
    file.write_bytes({"truncate": data[: len(data) // 2], "flip": data, "empty": b""}[damage])
    assert store.read(KEY) is None
    store.discard(KEY)
    assert not store.has(KEY)
    store.write(KEY, arrays())
    assert store.read(KEY) is not None


@pytest.mark.parametrize("how", ["copied", "renamed"])
def test_evidence_under_another_name_counts_as_missing(store, how):
    """Else yesterday's scores would answer for today's model."""
    other = "cd" * 32
    store.write(KEY, arrays())
    (file,) = store.root.glob("*/*.safetensors")
    store._file(other).parent.mkdir()
    (shutil.copy if how == "copied" else shutil.move)(file, store._file(other))
    assert store.has(other)
    assert store.read(other) is None
    assert (store.read(KEY) is not None) == (how == "copied")


def test_all_evidence_of_one_thing_is_discarded_and_noted(store):
    for number, of in enumerate(["model/data", "model/other", "model/data", ""]):
        store.write(f"{number}{number}" * 32, arrays(), of)
    (store.root / "99").mkdir()
    (store.root / "99" / "damaged.safetensors").write_bytes(b"x")
    store.discard_all("model/data", "they differ")
    left = [store.has(f"{number}{number}" * 32) for number in range(4)]
    assert left == [False, True, False, True]
    assert store.discarded("model/data") == ["they differ"]
    assert store.discarded("model/other") == []
    store.discard_all("model/data", "again")
    (torn, *_) = sorted(
        (store.root / "discarded").iterdir(), key=lambda f: b"again" in f.read_bytes()
    )
    assert store.discarded("model/data") == ["they differ", "again"]
    torn.write_bytes(torn.read_bytes()[:-5])
    assert store.discarded("model/data") == ["again"], "a torn note costs no other"


@pytest.mark.parametrize("step", ["open", "replace"])
def test_a_full_disk_leaves_what_was_there(store, monkeypatch, step):
    store.write(KEY, arrays())

    def fail(*_):
        raise OSError(28, "No space left on device")

    target = f"pathlib.Path.{step}"
    with monkeypatch.context() as patch:
        patch.setattr(target, fail)
        with pytest.raises(AuditError, match="No space left on device") as caught:
            store.write("cd" * 32, arrays())
    assert "--audit-evidence" in caught.value.what
    assert store.read(KEY) is not None
    assert not store.has("cd" * 32)
    assert [path.suffix for path in store.root.rglob("*") if path.is_file()] == [".safetensors"]


def test_a_folder_that_cannot_be_written(tmp_path):
    (tmp_path / "file").write_text("")
    store = EvidenceStore(tmp_path / "file" / "store")
    with pytest.raises(AuditError, match="cannot write to"):
        store.write(KEY, arrays())
    with pytest.raises(AuditError, match="cannot write to"), store.claim("unit", wait=False):
        pass


def hold(root, started):
    with EvidenceStore(root).claim("unit", wait=True):
        started.set()
        time.sleep(60)


def test_a_claim_keeps_others_out_and_dies_with_its_process(store):
    context = multiprocessing.get_context("spawn")
    started = context.Event()
    other = context.Process(target=hold, args=(store.root, started))
    other.start()
    assert started.wait(30)
    with store.claim("unit", wait=False) as granted:
        assert not granted
    with store.claim("another", wait=False) as granted:
        assert granted
    os.kill(other.pid, signal.SIGKILL)
    other.join()
    with store.claim("unit", wait=True) as granted:
        assert granted
