"""A second audit of the same data decodes nothing, and what is damaged in the cache does not count."""

from __future__ import annotations

import os
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import numpy as np
import pytest
from cards import model_card, phantom_card
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays
from spread.decoding import NET, computed, evidence, requests

from audit_suite.cards import load_dataset_card
from audit_suite.datasets import load_dataset
from audit_suite.datasets.files import hashing
from audit_suite.datasets.reading import Reading
from audit_suite.evidence import Cell, EvidenceStore
from audit_suite.evidence.cache import ArrayCache, packed_arrays, unpacked_arrays
from audit_suite.evidence.pixels import (
    cached,
    packed_distance,
    packed_image,
    sample_of,
    unpacked_distance,
    unpacked_image,
)
from audit_suite.evidence.scores import prepare, recalled
from audit_suite.evidence.scores.geometry import geometry
from audit_suite.evidence.scores.prepared import Wanted
from audit_suite.evidence.scores.staging import stage
from audit_suite.evidence.scores.survey import Survey
from audit_suite.maskings import WithoutROI
from audit_suite.regions import FAR, signed_distance


def test_an_audit_of_another_model_decodes_and_measures_nothing(tmp_path, work):
    computed(tmp_path, requests(tmp_path), "first", "cache")
    assert work["render"] >= 12
    assert work["image_properties"] == 12
    work.clear()
    other = requests(tmp_path, "other", 2.0)
    computed(tmp_path, other, "second", "cache")
    assert not work
    computed(tmp_path, other, "without", None)
    assert work["image_properties"] == 12
    assert evidence(tmp_path, "second") == evidence(tmp_path, "without"), "to the last bit"


@pytest.mark.parametrize("damage", ["short", "flipped", "zeros"])
def test_what_is_damaged_is_decoded_again(tmp_path, work, damage):
    computed(tmp_path, requests(tmp_path), "first", "cache")
    files = sorted((tmp_path / "cache" / "pixels").glob("*/*.arrays"))
    for file in files:
        content = file.read_bytes()
        torn = content[: len(content) // 2], bytes([*content[:-1], content[-1] ^ 1]), bytes(99)
        file.write_bytes(dict(zip(("short", "flipped", "zeros"), torn, strict=True))[damage])
    work.clear()
    computed(tmp_path, requests(tmp_path), "second", "cache")
    assert work["image_properties"] == 12
    assert evidence(tmp_path, "second") == evidence(tmp_path, "first")
    work.clear()
    computed(tmp_path, requests(tmp_path), "third", "cache")
    assert not work, "and is whole again"


def test_a_full_disk_costs_the_cache_alone(tmp_path, monkeypatch):
    (tmp_path / "cache").mkdir()
    (tmp_path / "cache" / "pixels").write_text("not a folder")
    computed(tmp_path, requests(tmp_path), "first", "cache")
    assert evidence(tmp_path, "first")


DATASET = """
schema = 1
name = "d"
reader = "manifest"
manifest = "m.csv"
{more}
[targets.sick]
column = "sick"
roi = ["lung"]
[regions.lung]
column = "mask"
"""


@pytest.fixture
def manifest(tmp_path):
    """A data set of two files, of patients with names."""
    from PIL import Image

    rng = np.random.default_rng(0)
    for name in ("smith", "jones"):
        Image.fromarray(rng.integers(0, 256, (20, 24), np.uint8)).save(tmp_path / f"{name}.png")
        mask = np.zeros((20, 24), np.uint8)
        mask[4:9, 5:9] = 255
        Image.fromarray(mask).save(tmp_path / f"{name}-mask.png")
    (tmp_path / "m.csv").write_text(
        "image,mask,patient_id,sick\nsmith.png,smith-mask.png,Smith,1\njones.png,jones-mask.png,Jones,0\n"
    )

    def load(more=""):
        (tmp_path / "d.toml").write_text(DATASET.format(more=more))
        return cached(
            load_dataset(load_dataset_card(tmp_path / "d.toml")), ArrayCache(tmp_path / "cache")
        )

    return load


def test_a_sample_is_kept_by_what_decides_it_and_names_nobody(manifest, tmp_path):
    spec = model_card(tmp_path).input
    first = sample_of(manifest(), 0, spec)
    (tmp_path / "smith.png").rename(tmp_path / "gone.png")
    (tmp_path / "gone.png").rename(tmp_path / "smith.png")
    again = sample_of(manifest(), 0, spec)
    assert np.array_equal(again.image, first.image)
    assert np.array_equal(again.regions["lung"], first.regions["lung"])
    names = [file.name for file in (tmp_path / "cache").rglob("*.arrays")]
    assert len(names) == 1
    assert int(names[0].partition(".")[0], 16), "a hash"
    mask = (tmp_path / "smith-mask.png").read_bytes()
    (tmp_path / "smith-mask.png").write_bytes((tmp_path / "jones-mask.png").read_bytes())
    assert manifest().read.content(0) == manifest().read.content(0)
    before = manifest().read.content(0)
    (tmp_path / "smith-mask.png").write_bytes(mask + b"\0")
    assert manifest().read.content(0) != before, "a mask decides too"


def files(folder):
    return sorted((folder / "cache").rglob("*.arrays"))


def test_lent_areas_stand_with_the_image_and_are_only_those_of_the_same_seed(manifest, tmp_path):
    dataset, spec = manifest(), model_card(tmp_path).input
    own, lent = (("lung",), "own"), (("lung",), "elsewhere")
    wanted = Wanted({geometry(spec): spec}, [lent, own])

    def made(seed):
        calls = []

        def complete(images):
            calls.append(lent not in images[geometry(spec)].distances)
            return {
                key: replace(one, distances={lent: one.distances[own] + seed, **one.distances})
                for key, one in images.items()
            }

        one = prepare.prepare(recalled.Recalled(dataset, wanted, seed), 0, complete)
        distances = one[geometry(spec)].distances
        assert np.array_equal(distances[lent], distances[own] + seed)
        return calls

    assert made(1) == [True]
    assert len(files(tmp_path)) == 1, "an image and all its areas take one file"
    made(2)
    assert len(files(tmp_path)) == 2, "what another seed gives stands apart"
    known = recalled.Recalled(dataset, wanted, 1).read(0)[geometry(spec)].distances
    assert np.array_equal(known[lent], known[own] + 1)
    known = recalled.Recalled(dataset, wanted, 2).read(0)[geometry(spec)].distances
    assert np.array_equal(known[lent], known[own] + 2)
    assert lent not in recalled.Recalled(dataset, wanted, 3).read(0)[geometry(spec)].distances
    alone = Wanted({geometry(spec): spec}, [own])
    assert list(recalled.Recalled(dataset, alone, 1).read(0)[geometry(spec)].distances) == [own]


def test_areas_that_another_audit_wanted_of_some_images_do_no_harm(manifest, tmp_path):
    """As after a look at a part of the data, or beside an audit with other checks."""
    dataset, spec = manifest(), model_card(tmp_path).input
    at, own = geometry(spec), (("lung",), "own")
    other = Survey(dataset, Wanted({at: spec}, [(("lung",), "elsewhere")]), 1, {}, {}, {})
    assert len(other.make(0)[at].distances) == 2
    survey = Survey(dataset, Wanted({at: spec}, [own]), 1, {}, {}, {})
    images = [(index, survey.make(index)[at]) for index in (0, 1)]
    staged = stage(at, images, 2, [replace(WithoutROI(), region=("lung",))], pinned=False)
    assert list(staged.batch.distances) == [own]


KEY = "ab" * 32
SOME = arrays(st.sampled_from(["u1", "i2", "f4", "i8"]), array_shapes(min_dims=1, max_side=4))


@given(st.dictionaries(st.text(max_size=5), SOME, max_size=3), st.data())
def test_a_file_gives_its_arrays_back_and_none_if_anything_of_it_changed(some, data):
    content = packed_arrays(KEY, some)
    again = unpacked_arrays(KEY, content)
    assert list(again) == list(some)
    for name, array in some.items():
        assert again[name].dtype == array.dtype
        assert again[name].shape == array.shape
        assert again[name].tobytes() == array.tobytes()
        assert again[name].flags.writeable
    assert unpacked_arrays("cd" * 32, content) is None, "a file that was renamed"
    place = data.draw(st.integers(0, len(content) - 1))
    flipped = bytes([*content[:place], content[place] ^ 255, *content[place + 1 :]])
    assert unpacked_arrays(KEY, flipped) is None
    assert unpacked_arrays(KEY, content[:place]) is None


def test_writers_of_one_name_do_not_disturb_each_other(tmp_path):
    caches = [ArrayCache(tmp_path) for _ in range(4)]
    whole = {"a": np.arange(100_000)}
    torn = []

    def work(cache):
        for _ in range(20):
            cache.write(KEY, whole)
            torn.append(cache.read(KEY) is None)

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(work, caches))
    assert not any(torn)
    assert [file.name for file in tmp_path.rglob("*.*")] == [f"{KEY}.arrays"]


def test_images_that_are_read_in_another_way_are_not_those_of_the_cache(manifest):
    dataset = manifest()
    assert isinstance(dataset.read, Reading)
    assert not isinstance(replace(dataset, read=lambda i: dataset.read(i)).read, Reading)


def test_a_selection_keeps_each_image_to_its_content(tmp_path):
    whole = load_dataset(phantom_card(tmp_path, patients=12))
    some = load_dataset(phantom_card(tmp_path, patients=12), max_cases=6)
    contents = [whole.read.content(i) for i in range(12)]
    for index, case in enumerate(some.cases):
        place = next(i for i, other in enumerate(whole.cases) if other.id == case.id)
        assert some.read.content(index) == contents[place]
        assert np.array_equal(some.read(index).image, whole.read(place).image)


@given(arrays(np.int16, array_shapes(min_dims=2, max_dims=2, max_side=6)))
def test_distances_are_packed_without_loss(distance):
    assert np.array_equal(unpacked_distance(packed_distance(distance)), distance)
    assert unpacked_distance(packed_distance(distance)).dtype == np.int16


@given(st.integers(130, 400), st.integers(1, 400), st.integers(0, 2**32 - 1))
def test_a_measured_distance_takes_a_byte_a_pixel(height, width, seed):
    rng = np.random.default_rng(seed)
    region = np.zeros((height, width), bool)
    top, left = rng.integers(0, height), rng.integers(0, width)
    region[top : top + rng.integers(1, 9), left : left + rng.integers(1, 9)] = True
    distance = signed_distance(region)
    packed = packed_distance(distance)
    assert packed.nbytes <= max(distance.size + 2 * height, 6)
    assert np.array_equal(unpacked_distance(packed), distance)


@pytest.mark.parametrize("value", [FAR, -FAR, 0, 127, 128, -128])
def test_a_distance_of_one_value_takes_no_room(value):
    packed = packed_distance(np.full((400, 300), value, np.int16))
    assert packed.nbytes < 10
    assert np.array_equal(unpacked_distance(packed), np.full((400, 300), value, np.int16))


@given(st.integers(1, 3), st.booleans(), st.integers(0, 2**32 - 1))
def test_images_are_packed_without_loss(channels, eight_bits, seed):
    rng = np.random.default_rng(seed)
    grey = rng.integers(0, 256, (1, 5, 4)) if eight_bits else rng.random((1, 5, 4)) * 255
    image = np.repeat((grey / 255).astype(np.float32), channels, axis=0)
    packed = packed_image(image)
    assert np.array_equal(unpacked_image(packed), image)
    assert unpacked_image(packed).flags.c_contiguous
    assert packed["image"].shape[0] == 1
    if eight_bits:
        assert packed["image"].nbytes == 20


@pytest.fixture
def digests(tmp_path, monkeypatch):
    """A file that is old enough to be remembered; each digest that is computed is counted."""
    monkeypatch.setattr(hashing, "_GRAIN", 0.05)
    hashing.remember(tmp_path / "cache")
    file = tmp_path / "Mr-Smith.png"
    file.write_bytes(b"one")
    counts = Counter()
    real = hashing.hashlib.file_digest

    def counted(opened, name):
        counts["hashed"] += 1
        return real(opened, name)

    monkeypatch.setattr(hashing.hashlib, "file_digest", counted)
    yield file, counts
    hashing.remember(None)


def settled(file):
    """Its digest, once it is old enough."""
    time.sleep(0.1)
    return hashing.hash_content(file)


def test_a_digest_is_remembered_until_the_file_is_touched(digests, tmp_path):
    file, counts = digests
    first = settled(file)
    assert hashing.hash_content(file) == first
    hashing.remember(None)
    hashing.remember(tmp_path / "cache")
    assert hashing.hash_content(file) == first
    assert counts["hashed"] == 1
    assert b"Smith" not in (tmp_path / "cache" / "digests.sqlite").read_bytes()
    times = file.stat()
    file.write_bytes(b"two")  # of the same size, and made to look as old
    os.utime(file, ns=(times.st_atime_ns, times.st_mtime_ns))
    assert hashing.hash_content(file) != first
    assert counts["hashed"] == 2


def test_a_file_as_young_as_a_clock_is_coarse_is_hashed_again(digests, monkeypatch):
    file, counts = digests
    monkeypatch.setattr(hashing, "_GRAIN", 3600)
    assert hashing.hash_content(file) == hashing.hash_content(file)
    assert counts["hashed"] == 2


@pytest.mark.parametrize("damage", ["torn", "altered", "no table"])
def test_a_damaged_table_of_digests_does_not_count(digests, tmp_path, damage):
    import sqlite3

    file, counts = digests
    first = settled(file)
    table = tmp_path / "cache" / "digests.sqlite"
    hashing.remember(None)
    if damage == "torn":
        table.write_bytes(table.read_bytes()[:1000] + b"\xff" * 100)
    else:
        with sqlite3.connect(table) as connection:
            connection.execute(
                "DROP TABLE files"
                if damage == "no table"
                else f"UPDATE files SET digest = '{'0' * 64}'"
            )
        connection.close()
    hashing.remember(tmp_path / "cache")
    assert hashing.hash_content(file) == first
    assert counts["hashed"] == 2


@pytest.mark.parametrize(("free", "before"), [(True, 80), (False, 64)])
def test_processes_share_out_the_images_of_a_survey(tmp_path, work, monkeypatch, free, before):
    """Who waits for the survey has prepared what no other had in hand; nothing else changes."""
    model = model_card(tmp_path, targets=["consolidation"], architecture="net.py:build")
    (tmp_path / "net.py").write_text(NET)
    cell = Cell(model, (None,), phantom_card(tmp_path, patients=80), "consolidation")
    wanted = cell.requests(WithoutROI(whose="population"))
    prepared = []
    alone = EvidenceStore.alone

    def noting(store, name):
        prepared.append(work["image_properties"])
        return alone(store, name)

    with monkeypatch.context() as patch:
        patch.setattr(recalled.Recalled, "is_free", lambda self, index: free)
        patch.setattr(EvidenceStore, "alone", noting)
        computed(tmp_path, wanted, "first", "cache")
    assert prepared[-1] == before, "of which 64 are in the sample of donors"
    assert work["image_properties"] == 80
    computed(tmp_path, wanted, "second", None)
    assert evidence(tmp_path, "first") == evidence(tmp_path, "second")
