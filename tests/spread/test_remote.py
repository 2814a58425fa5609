"""A mirror of evidence at an address: in memory, and in an object store that runs here."""

from __future__ import annotations

import threading
import uuid

import fsspec
import numpy as np
import pytest

from audit_suite.errors import AuditError
from audit_suite.evidence.part import Part
from audit_suite.evidence.remote import Mirror, open_store
from audit_suite.evidence.store import UNFINISHED, EvidenceStore

pytestmark = pytest.mark.shards

KEY, OTHER = "ab" * 32, "cd" * 32
ARRAYS = {"scores": np.arange(6.0).reshape(3, 2)}


def there(url):
    """The files at an address, and a way to change one."""
    files, top = fsspec.core.url_to_fs(url)
    files.invalidate_cache()
    try:
        return files, sorted(str(path).partition(top.strip("/"))[2][1:] for path in files.find(top))
    except FileNotFoundError:
        return files, []


def test_what_one_machine_writes_another_reads(url, tmp_path):
    one = open_store(url, tmp_path / "one")
    one.write(KEY, ARRAYS, "model/data")
    two = open_store(url, tmp_path / "two")
    assert isinstance(two, Mirror)
    assert two.has(KEY)
    assert not two.has(OTHER)
    assert not list((tmp_path / "two").rglob("*.safetensors")), "fetched when it is read"
    assert np.array_equal(two.read(KEY)["scores"], ARRAYS["scores"])
    assert there(url)[1] == [f"ab/{KEY}.safetensors"]


def test_what_another_process_writes_to_the_folder_is_sent(url, tmp_path):
    store, lines = open_store(url, tmp_path), []
    with store.following(lines.append):
        EvidenceStore(store.root).write(KEY, ARRAYS)
        in_hand = f"{UNFINISHED}/unit-0-x"
        EvidenceStore(store.root).write(in_hand, ARRAYS)
    assert there(url)[1] == [f"ab/{KEY}.safetensors", f"{in_hand}.safetensors"]
    with store.following(lines.append):
        EvidenceStore(store.root).discard(in_hand)
    assert there(url)[1] == [f"ab/{KEY}.safetensors"], "the unit is stored"
    assert not lines
    assert threading.active_count() < 50


def test_batches_in_hand_are_fetched_by_whom_they_belong_to(tmp_path):
    url = f"memory://place/{uuid.uuid4().hex}"
    unit = "unit"
    mine = next(n for n in range(2) if Part(1, 2).has(unit, n))
    first = open_store(url, tmp_path / "one")
    first.write(f"{UNFINISHED}/{unit}-{mine}-x", ARRAYS)
    for number, expected in ((1, 1), (2, 0)):
        store = open_store(url, tmp_path / str(number), Part(number, 2))
        store.fetch([])
        assert len(list(store.root.glob("unfinished/*"))) == expected
        store.send()
    assert len(there(url)[1]) == 1, "and by nobody removed"


def test_what_is_discarded_here_is_discarded_there_and_elsewhere(url, tmp_path):
    one, two = open_store(url, tmp_path / "one"), open_store(url, tmp_path / "two")
    one.write(KEY, ARRAYS, "model/data")
    one.write(OTHER, ARRAYS, "other/data")
    two.fetch([KEY])
    EvidenceStore(two.root).discard_all("model/data", "they differ")  # by a process of a model
    two.send()
    assert f"ab/{KEY}.safetensors" not in there(url)[1]
    again = open_store(url, tmp_path / "one")
    assert not again.has(KEY), "its folder still held it"
    assert again.has(OTHER)
    assert again.discarded("model/data") == ["they differ"]


@pytest.mark.parametrize("damage", [b"", b"x" * 40, None])
def test_a_torn_file_there_counts_as_missing_and_is_replaced(tmp_path, damage):
    url = f"memory://place/{uuid.uuid4().hex}"
    open_store(url, tmp_path / "one").write(KEY, ARRAYS)
    files, (name,) = there(url)
    path = f"{fsspec.core.url_to_fs(url)[1]}/{name}"
    content = files.cat_file(path)
    files.pipe_file(path, content[:-5] if damage is None else damage)
    store = open_store(url, tmp_path / "two")
    assert store.read(KEY) is None
    assert not store.has(KEY)
    store.write(KEY, ARRAYS)
    assert files.cat_file(path)[-40:] == content[-40:]


def test_what_cannot_be_sent_is_kept_and_sent_by_the_next_run(tmp_path, monkeypatch):
    url = f"memory://place/{uuid.uuid4().hex}"
    store, lines = open_store(url, tmp_path), []

    def refused(*_):
        raise PermissionError("403 Forbidden\nwith a long story")

    with monkeypatch.context() as patch:
        patch.setattr(type(store._address._files), "pipe_file", refused)
        with store.following(lines.append):
            EvidenceStore(store.root).write(KEY, ARRAYS)
    (line,) = lines
    assert f"cannot write to {url}: 403 Forbidden\n" in line
    assert str(store.root) in line
    assert "long story" not in line
    open_store(url, tmp_path).send()
    assert there(url)[1] == [f"ab/{KEY}.safetensors"]


def test_a_missing_package_is_named(tmp_path, monkeypatch):
    def missing(_url):
        raise ImportError("Install gcsfs")

    monkeypatch.setattr(fsspec.core, "url_to_fs", missing)
    with pytest.raises(AuditError, match="gs://bucket/ev") as caught:
        open_store("gs://bucket/ev", tmp_path)
    assert 'pip install "audit-suite[remote]"' in caught.value.remedy
    assert not list(tmp_path.iterdir())
