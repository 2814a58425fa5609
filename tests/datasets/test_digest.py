"""The digest of a data set: the same on every machine and release, another if anything counts."""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace
from pathlib import Path

import pytest

from audit_suite.cards import DatasetCard, load_dataset_card
from audit_suite.datasets import load_dataset
from audit_suite.datasets.files.chexmask import RunLength
from audit_suite.datasets.files.digest import entries_digest, hash_content, hash_size
from audit_suite.datasets.files.entry import Entry
from audit_suite.datasets.files.masks import MaskFile

ZOO = Path(__file__).parents[2] / "model_zoo" / "datasets"
CARD = {
    "schema": 1,
    "name": "d",
    "reader": "manifest",
    "manifest": "m.csv",
    "targets": {"sick": {"column": "sick", "roi": ["lungs"]}},
    "regions": {"lungs": {"column": "mask"}},
}


@pytest.fixture
def entry(tmp_path):
    (tmp_path / "a.png").write_bytes(b"image")
    (tmp_path / "m.png").write_bytes(b"mask")
    return Entry(
        row=2,
        where="row 2",
        file=str(tmp_path / "a.png"),
        id="a.png",
        patient="p",
        labels={"sick": 1},
        metadata={"age": "40"},
        regions={
            "lungs": MaskFile(str(tmp_path / "m.png"), "row 2"),
            "heart": RunLength("1 2", 3, 4, ""),
        },
        quality=0.9,
        split="test",
    )


def card(**changes) -> DatasetCard:
    return DatasetCard.model_validate(CARD | changes)


@pytest.mark.parametrize("published", [False, True])
def test_a_digest_is_of_the_card_the_facts_and_the_files_in_this_order(entry, published):
    """Written out, so that stored evidence stays valid: a change here makes all of it stale."""
    described = {
        "reader": "manifest",
        "columns": {"image": "image", "patient": "patient_id", "split": None, "id": None},
        "files": {},
        "targets": {
            "sick": {"column": "sick", "roi": ["lungs"], "roi_margin": None, "description": ""}
        },
        "regions": {"lungs": {"column": "mask", "value": None}},
        "metadata": [],
        "mask_quality": None,
        "dicom_frame": None,
        "on_bad_image": "error",
    }
    facts = {
        "row": [2, "a.png", "p", "test", 0.9],
        "labels": {"sick": 1},
        "metadata": {"age": "40"},
    }
    parts = [
        json.dumps(described, sort_keys=True).encode(),
        json.dumps(facts, sort_keys=True).encode(),
        b"a.png 5" if published else hashlib.sha256(b"image").digest(),
        b"heart" + b"3 4 1 2",
        b"lungs" + hashlib.sha256(b"mask").digest(),
    ]
    expected = hashlib.sha256(b"".join(parts)).hexdigest()
    assert entries_digest(card(), [entry], published) == expected


@pytest.mark.parametrize(
    "change",
    [
        {"row": 3},
        {"id": "b"},
        {"patient": "q"},
        {"labels": {"sick": 0}},
        {"metadata": {"age": "41"}},
        {"metadata": {}},
        {"quality": 0.8},
        {"quality": None},
        {"split": "train"},
        {"regions": {}},
        {"regions": {"lungs": RunLength("1 2", 4, 3, "")}},
    ],
    ids=str,
)
def test_every_fact_of_an_image_counts(entry, change):
    assert entries_digest(card(), [replace(entry, **change)], False) != entries_digest(
        card(), [entry], False
    )


@pytest.mark.parametrize(
    "change",
    [
        {"metadata": ["age"]},
        {"dicom_frame": 0},
        {"on_bad_image": "exclude"},
        {"mask_quality": {"minimum": 0.6}},
        {"columns": {"id": "image"}},
        {"regions": {"lungs": {"column": "mask", "value": 3}}},
        {"targets": {"sick": {"column": "ill", "roi": ["lungs"]}}},
    ],
    ids=str,
)
def test_every_key_that_decides_what_is_read_counts(entry, change):
    assert entries_digest(card(**change), [entry], False) != entries_digest(card(), [entry], False)


@pytest.mark.parametrize(
    "change",
    [{"name": "e"}, {"description": "x"}, {"licence": "x"}, {"maskings": ["full"]}, {"root": ".."}],
    ids=str,
)
def test_keys_that_do_not_are_left_out(entry, change):
    assert entries_digest(card(**change), [entry], False) == entries_digest(card(), [entry], False)


def test_the_place_and_the_messages_of_an_image_do_not_count(entry, tmp_path):
    before = entries_digest(card(), [entry], False)
    moved = tmp_path / "elsewhere.png"
    moved.write_bytes(b"image")
    assert (
        entries_digest(card(), [replace(entry, file=str(moved), where="row 99")], False) == before
    )
    moved.write_bytes(b"other")
    assert entries_digest(card(), [replace(entry, file=str(moved))], False) != before


def test_a_mask_of_the_users_own_counts_by_content_in_a_published_data_set_too(entry):
    before = entries_digest(card(), [entry], True)
    entry.image.write_bytes(b"egami")  # of the same size
    assert entries_digest(card(), [entry], True) == before
    entry.image.with_name("m.png").write_bytes(b"ksam")
    assert entries_digest(card(), [entry], True) != before


def test_order_and_number_of_images_count(entry):
    other = replace(entry, row=3, id="b")
    digests = {
        entries_digest(card(), entries, False)
        for entries in ([entry], [other], [entry, other], [other, entry], [entry, entry])
    }
    assert len(digests) == 5


def test_a_file_counts_by_its_content_or_by_its_name_and_size(tmp_path):
    path = tmp_path / "a.png"
    path.write_bytes(b"x" * 70_000)
    assert hash_content(path) == hashlib.sha256(b"x" * 70_000).digest()
    assert hash_size(path) == b"a.png 70000"


@pytest.mark.parametrize(
    ("name", "max_cases", "digest"),
    [
        ("phantom-cxr", None, "7311568261ebfcd6e0863ca25bbc8f1ed41f203617d6b789bc381a634fcef880"),
        ("phantom-cxr", 20, "cf7705aa195e11194932e445ed9827cd55200a8c8f7d13fdd1f1e88626fd7f69"),
        (
            "phantom-fundus",
            None,
            "7c5df387ff3b4adea5aca408920012fa749dd49c36e8d555bc935bd7f866b786",
        ),
    ],
)
def test_the_phantoms_of_the_zoo_keep_their_digests(name, max_cases, digest):
    """Evidence of them is stored by these; a new generator version changes them on purpose."""
    assert load_dataset(load_dataset_card(ZOO / f"{name}.toml"), max_cases).digest == digest
