"""Machines share prepared images at an address: what one decoded, no other decodes."""

from __future__ import annotations

import uuid

import fsspec
import pytest
from spread.decoding import computed, evidence, requests
from spread.world import CARDS, decided, project
from spread.world import computed as run_part

from audit_suite.evidence import shared
from audit_suite.evidence.cache import ArrayCache
from audit_suite.evidence.shared import Shared
from pytest_audit.options import read_options


def entries(url):
    """The files at an address: their paths, and what reads and writes them."""
    files, top = fsspec.core.url_to_fs(url)
    files.invalidate_cache()
    return files, [path for path in files.find(top) if str(path).endswith(".arrays")]


def test_what_one_machine_decoded_another_does_not(url, tmp_path, work):
    assert computed(tmp_path, requests(tmp_path), "first", "one", url) == []
    assert work["image_properties"] == 12
    assert len(entries(url)[1]) >= 12
    work.clear()
    assert computed(tmp_path, requests(tmp_path), "second", "two", url) == []
    assert not work
    assert evidence(tmp_path, "second") == evidence(tmp_path, "first"), "to the last bit"
    fsspec.core.url_to_fs(url)[0].rm(fsspec.core.url_to_fs(url)[1], recursive=True)
    computed(tmp_path, requests(tmp_path), "third", "two", url)
    assert not work, "what was fetched is kept in the folder"
    assert len(entries(url)[1]) >= 12, "and sent where it is missing"


def test_a_folder_of_files_is_an_address_too(tmp_path, work):
    url = f"file://{tmp_path}/there"
    computed(tmp_path, requests(tmp_path), "first", "one", url)
    work.clear()
    computed(tmp_path, requests(tmp_path), "second", "two", url)
    assert not work


def test_only_images_of_the_audited_data_are_fetched_and_sent(tmp_path):
    url = f"memory://place/{uuid.uuid4().hex}"
    other = ArrayCache(tmp_path / "one" / "pixels")
    other.write("ab" * 32, {})
    computed(tmp_path, requests(tmp_path), "first", "one", url)
    files, sent = entries(url)
    assert not any("abab" in path for path in sent)
    files.pipe_file(f"{fsspec.core.url_to_fs(url)[1]}/cd/{'cd' * 32}.arrays", b"another's")
    computed(tmp_path, requests(tmp_path), "second", "two", url)
    assert not list((tmp_path / "two").rglob("cdcd*"))


@pytest.mark.parametrize("damage", [b"", b"x" * 99, None])
def test_what_is_damaged_there_is_decoded_here(tmp_path, work, damage):
    url = f"memory://place/{uuid.uuid4().hex}"
    computed(tmp_path, requests(tmp_path), "first", "one", url)
    files, paths = entries(url)
    for path in paths:
        files.pipe_file(path, files.cat_file(path)[:-1] if damage is None else damage)
    work.clear()
    computed(tmp_path, requests(tmp_path), "second", "two", url)
    assert work["image_properties"] == 12
    assert evidence(tmp_path, "second") == evidence(tmp_path, "first")


@pytest.mark.parametrize("broken", ["find", "cat", "pipe"])
def test_an_address_that_fails_is_told_of_once_and_costs_nothing_else(
    tmp_path, monkeypatch, broken
):
    url = f"memory://user:secret@place/{uuid.uuid4().hex}"
    if broken == "cat":
        computed(tmp_path, requests(tmp_path), "before", "zero", url)
    monkeypatch.setattr(shared, "_EVERY", 0.01)

    def refused(*_, **__):
        raise PermissionError("403 Forbidden\nwith a long story")

    monkeypatch.setattr(type(fsspec.filesystem("memory")), broken, refused)
    (line,) = computed(tmp_path, requests(tmp_path), "first", "one", url)
    doing = "write to" if broken == "pipe" else "read"
    assert f"--audit-cache: cannot {doing} memory://place" in line
    assert "403 Forbidden" in line
    assert "long story" not in line
    assert "secret" not in line
    assert evidence(tmp_path, "first")


def test_what_is_made_meanwhile_is_sent_meanwhile(tmp_path, monkeypatch):
    monkeypatch.setattr(shared, "_EVERY", 0.01)
    url, lines = f"memory://place/{uuid.uuid4().hex}", []
    cache = ArrayCache(tmp_path)
    sharing = Shared(cache, url)
    key = "ab" * 32
    with sharing.following([key[:32]], lines.append):
        ArrayCache(tmp_path).write(key, {})
        while not entries(url)[1]:
            pass
    assert not lines
    Shared(ArrayCache(tmp_path / "two"), url).fetch([key[:32]], lines.append)
    assert ArrayCache(tmp_path / "two").read(key) == {}


@pytest.fixture
def parted(tmp_path, monkeypatch):
    """Two machines that audit the same phantoms, each with a folder of its own."""
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        project(tmp_path / name, patients=12)
    return lambda name: monkeypatch.chdir(tmp_path / name)


def test_every_way_into_an_audit_takes_an_address(parted, work, pytester):
    url = f"memory://place/{uuid.uuid4().hex}"
    parted("one")
    code, said = run_part("--evidence", "ev", "--cache", url)
    assert code == 0, said
    assert len(entries(url)[1]) >= 12
    parted("two")
    work.clear()
    decided("ev", cache=url)
    assert work["image_properties"] == 0
    cards = [f"--audit-model={CARDS[0]}", f"--audit-dataset={CARDS[1]}"]
    config = pytester.parseconfigure("--audit", *cards, f"--audit-cache={url}")
    settings = read_options(config).settings
    assert (settings.shared_cache, settings.cache) == (url, config.rootpath / ".audit-cache")
