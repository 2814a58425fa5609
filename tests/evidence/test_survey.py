"""The surroundings of an image: donors, the population's region, areas off it, moved images."""

from __future__ import annotations

import threading
from collections import Counter
from dataclasses import replace

import numpy as np
import pytest
import torch
from evidence.seeing import seeing_cell

from audit_suite.datasets import BadImage, Case, Dataset
from audit_suite.datasets.acquisition import acquisition
from audit_suite.datasets.dataset import Sample
from audit_suite.datasets.properties import image_properties
from audit_suite.errors import AuditError
from audit_suite.evidence import EvidenceProfile, EvidenceSource, EvidenceStore, compute, keys
from audit_suite.evidence.scores import compute as computing
from audit_suite.evidence.scores import donors, survey
from audit_suite.evidence.scores import request as requesting
from audit_suite.evidence.scores.donors import donor, lenders
from audit_suite.evidence.scores.geometry import geometry
from audit_suite.evidence.scores.prepared import Wanted
from audit_suite.evidence.scores.survey import survey_of
from audit_suite.maskings import Full, OnlyROI, WithoutROI
from audit_suite.maskings.areas import centroid
from audit_suite.maskings.fill import Fill, register_fill
from audit_suite.maskings.fills.inpaint import inpaint

SIZE = 12
COUNT = 150
SHARD_OF_TESTS = 128  # so that these are two shards, with a bad image in each and at the end
BAD = (17, 130, 149)

MASKINGS = (
    Full(),
    WithoutROI(),
    WithoutROI(whose="foreign"),
    WithoutROI(whose="foreign", shape="box", fill="mean"),
    WithoutROI(whose="population"),
    WithoutROI(whose="elsewhere"),
    WithoutROI(whose="elsewhere", fill="noise"),
    OnlyROI(fill="swap"),
    OnlyROI(whose="window"),
    OnlyROI(whose="window", first="centre"),
    WithoutROI(first="plant-inside"),
    WithoutROI(first="plant-outside"),
    WithoutROI(fill="inpaint"),
)


def scene(index):
    """An image of values 1 to 200 and a square region somewhere near the middle."""
    rng = np.random.default_rng(index)
    image = rng.integers(1, 200, (SIZE, SIZE)).astype(np.uint8)
    region = np.zeros((SIZE, SIZE), bool)
    top, left = rng.integers(3, 7, 2)
    region[top : top + 3, left : left + 3] = True
    return image, region


class World:
    """A data set in memory: every third patient has two images, some images cannot be read."""

    def __init__(self, count=COUNT, bad=BAD, patient=lambda i: f"p{i - (i % 4 == 1)}"):
        self.decoded = Counter()
        self.bad, self.scene = set(bad), scene
        self.cases = tuple(
            Case(f"i{i}", patient(i), {"sick": i % 2}, {}, i + 2) for i in range(count)
        )

    def read(self, index):
        self.decoded[index] += 1
        if index in self.bad:
            raise BadImage(f"row {index + 2}: is broken", "mend it")
        image, region = self.scene(index)
        return Sample(image, {"square": region})


@pytest.fixture(scope="module", autouse=True)
def _small_shards():
    with pytest.MonkeyPatch.context() as patched:
        of_size(patched, SHARD_OF_TESTS)
        yield


def of_size(patched, shard):
    """Make shards of so many images."""
    for module in (keys, requesting):
        patched.setattr(module, "SHARD", shard)


@pytest.fixture
def cell(tmp_path):
    return seeing_cell(tmp_path, SIZE)


class Source(EvidenceSource):
    """Evidence of a world, in a store on disk."""

    def __init__(self, cell, world, root, digest="world", **profile):
        settings = EvidenceProfile(**{"device": "cpu", "threads": 1, **profile})
        super().__init__(EvidenceStore(root), settings)
        self.cell, self.world = cell, world
        self.held = Dataset(cell.dataset, digest, world.cases, world.read)
        self.tried.add((cell.model, None, cell.dataset))  # decodes a few images again

    def dataset(self, card):
        return self.held

    def request(self, masking):
        return self.cell.requests(masking)[0]

    def compute(self, *maskings):
        compute([self.request(masking) for masking in maskings], self)
        return self

    def images(self, masking):
        """What the model was shown, shape (n, SIZE, SIZE); NaN where excluded."""
        found = self.read(self.request(masking))
        assert found.embeddings is not None
        images = found.embeddings.reshape(-1, SIZE, SIZE).copy()
        images[~found.used] = np.nan
        return images


def regions(world):
    return np.stack([world.scene(i)[1] for i in range(len(world.cases))])


def usable(world):
    return np.array([i not in world.bad for i in range(len(world.cases))])


@pytest.fixture(scope="module")
def shared(tmp_path_factory, _small_shards):
    """Every masking of one world, computed together."""
    root = tmp_path_factory.mktemp("shared")
    return Source(seeing_cell(root, SIZE), World(), root / "store").compute(*MASKINGS)


# Donors


@pytest.mark.parametrize("count", [5, 64, 300])
def test_a_donor_is_another_patients_and_the_same_each_time(cell, tmp_path, count):
    source = Source(cell, World(count, bad=()), tmp_path)
    used = np.ones(count, bool)
    lent = lenders(source.held, 1, used)
    assert lent == lenders(source.held, 1, used)
    assert lent != lenders(source.held, 2, used)
    for index, other in enumerate(lent):
        assert other is not None
        assert source.held.cases[index].patient != source.held.cases[other].patient


def test_one_patient_alone_has_no_donor(cell, tmp_path):
    source = Source(cell, World(6, bad=(), patient=lambda i: "one"), tmp_path)
    assert lenders(source.held, 1, np.ones(6, bool)) == [None] * 6
    assert donor(source.held, 0, 1, []) is None


def test_images_that_cannot_be_read_lend_nothing(cell, tmp_path):
    world = World(64, bad=range(0, 64, 2))
    source = Source(cell, world, tmp_path)
    found = set(lenders(source.held, 3, usable(world)))
    assert len(found) > 20
    assert not found & world.bad
    wanted = Wanted({geometry(cell.model.input): cell.model.input}, [(("square",), "own")])
    seen = survey_of(source.held, wanted, 3, None)
    assert [seen.donor(i) for i in range(64)] == lenders(source.held, 3, usable(world))


@pytest.mark.parametrize("count", [300, 400, 640, 800, 3200])
@pytest.mark.parametrize("turns", [2, 4])
def test_donors_are_of_both_classes_where_classes_take_turns(cell, tmp_path, count, turns):
    """Every n-th image of a list that alternates would be of one class, or one view."""
    source = Source(cell, World(count, bad=(), patient=lambda i: f"p{i}"), tmp_path)
    lent = np.array(lenders(source.held, 1907, np.ones(count, bool)))
    shares = np.bincount(lent % turns, minlength=turns) / count
    assert shares.min() > 0.4 / turns
    assert len(set(lent)) > min(40, count / 8)


def test_another_patients_region_is_hidden_with_the_own(shared):
    own = regions(shared.world)
    lent = lenders(shared.held, shared.profile.seed, usable(shared.world))
    images = shared.images(WithoutROI(whose="foreign"))
    for index in np.flatnonzero(usable(shared.world)):
        assert np.array_equal(images[index] == 0, own[index] | own[lent[index]])


def test_a_swapped_background_is_the_donors_with_its_own_region_painted_over(shared):
    own = regions(shared.world)
    lent = lenders(shared.held, shared.profile.seed, usable(shared.world))
    full, swapped = shared.images(Full()), shared.images(OnlyROI(fill="swap"))
    for index in (0, 1, 2, 100, 127, 128, 148):
        other = lent[index]
        assert np.array_equal(swapped[index][own[index]], full[index][own[index]])
        shown = ~own[index] & ~own[other]
        assert np.array_equal(swapped[index][shown], full[other][shown])
        painted = inpaint(
            torch.from_numpy(full[other])[None, None],
            torch.from_numpy(own[other])[None, None],
            torch.zeros(1),
        )[0, 0].numpy()
        assert np.array_equal(swapped[index][~own[index]], painted[~own[index]])


def test_nothing_of_a_donors_region_is_lent(cell, tmp_path, shared):
    world = World()

    def changed(index):
        image, region = scene(index)
        return np.where(region & (index % 3 > 0), 255 - image, image).astype(np.uint8), region

    world.scene = changed
    other = Source(cell, world, tmp_path).compute(OnlyROI(fill="swap"))
    kept = [i for i in np.flatnonzero(usable(world)) if i % 3 == 0]
    a, b = shared.images(OnlyROI(fill="swap")), other.images(OnlyROI(fill="swap"))
    assert np.array_equal(a[kept], b[kept])


def test_without_a_donor_the_background_is_the_mean_and_not_the_images_own(cell, tmp_path):
    found = []
    for factor in (1, 0):
        world = World(8, bad=(), patient=lambda i: "one")

        def changed(index, factor=factor):
            image, region = scene(index)
            # What is hidden differs between the two worlds, its mean does not.
            rest = image[~region]
            image[~region] = rest if factor else np.roll(rest, 5)
            return image, region

        world.scene = changed
        source = Source(cell, world, tmp_path / str(factor), digest="one").compute(
            OnlyROI(fill="swap")
        )
        found.append(source.images(OnlyROI(fill="swap")))
    assert np.allclose(found[0], found[1], atol=1e-6)
    hidden = ~regions(world)
    assert np.ptp(found[0][hidden]) < 1e-6


# Areas


def test_the_area_elsewhere_is_off_the_region_and_of_its_size(shared):
    own = regions(shared.world)
    found = shared.read(shared.request(WithoutROI(whose="elsewhere")))
    images = shared.images(WithoutROI(whose="elsewhere"))
    places = set()
    for index in np.flatnonzero(usable(shared.world)):
        hidden = images[index] == 0
        assert hidden.sum() == 9
        assert not (hidden & own[index]).any()
        places.add(hidden.tobytes())
    assert len(places) > 50
    assert found.hidden_fraction[0] == pytest.approx(9 / SIZE**2)


def test_one_area_is_hidden_in_all_and_holds_what_one_patient_in_a_hundred_has(shared):
    images = shared.images(WithoutROI(whose="population"))[usable(shared.world)]
    assert np.array_equal(images == 0, np.broadcast_to(images[0] == 0, images.shape))
    firsts = {}
    for index, case in enumerate(shared.world.cases):
        firsts.setdefault(case.patient, index)
    kept = [i for i in firsts.values() if i not in shared.world.bad]
    assert np.array_equal(images[0] == 0, regions(shared.world)[kept].mean(axis=0) >= 0.01)


@pytest.mark.parametrize("count", [800, 1200])
def test_the_population_holds_both_classes_regions_where_classes_take_turns(cell, tmp_path, count):
    """Else what one class alone has would stay visible, and pass for a background."""
    world = World(count, bad=(), patient=lambda i: f"p{i}")

    def sided(index):
        region = np.zeros((SIZE, SIZE), bool)
        region[4:6, 2:4] = True
        region[8:10, 8:10] = bool(index % 2)
        return np.full((SIZE, SIZE), 99, np.uint8), region

    world.scene = sided
    source = Source(cell, world, tmp_path)
    wanted = Wanted({geometry(cell.model.input): cell.model.input}, [(("square",), "population")])
    seen = survey_of(source.held, wanted, 1, source.store)
    (found,) = seen.typical.values()
    assert np.array_equal(found.population, sided(1)[1])


def test_covered_is_the_share_of_the_own_region_that_was_hidden(shared):
    own = regions(shared.world)
    for masking in MASKINGS:
        if masking.fill != "black" or masking.keep != "outside" or masking.first != "nothing":
            continue
        found = shared.read(shared.request(masking))
        images = shared.images(masking)
        for index in np.flatnonzero(usable(shared.world)):
            hidden = images[index] == 0
            expected = (hidden & own[index]).sum() / own[index].sum()
            assert found.covered_fraction[index] == pytest.approx(expected)
            assert found.hidden_fraction[index] == pytest.approx(hidden.mean())
    assert not shared.read(shared.request(Full())).covered_fraction.any()


@pytest.mark.parametrize(("dilation", "share"), [(-1, 1 / 9), (0, 1), (2, 1)])
def test_covered_follows_the_dilation(cell, tmp_path, dilation, share):
    masking = WithoutROI(dilation=dilation)
    source = Source(cell, World(20, bad=()), tmp_path).compute(masking)
    covered = source.read(source.request(masking)).covered_fraction
    assert covered == pytest.approx(np.full(20, share))


# Moved and planted images


def test_images_are_moved_so_that_regions_meet_in_the_mean_place(shared):
    own = regions(shared.world)
    full = shared.images(Full())
    window = shared.images(OnlyROI(whose="window"))
    moved = shared.images(OnlyROI(whose="window", first="centre"))
    first = {}
    for index, case in enumerate(shared.world.cases):
        first.setdefault(case.patient, index)
    used = np.flatnonzero(usable(shared.world))
    mean = np.mean([centroid(own[i]) for i in first.values() if i not in shared.world.bad], axis=0)
    kept = window[used[0]] != 0
    rows, columns = np.nonzero(kept)
    assert kept.sum() == (np.ptp(rows) + 1) * (np.ptp(columns) + 1)
    assert 0.2 < kept.mean() < 1
    for index in used:
        down, right = (round(float(m - c)) for m, c in zip(mean, centroid(own[index]), strict=True))
        padded = np.zeros((3 * SIZE, 3 * SIZE), np.float32)
        padded[SIZE + down : 2 * SIZE + down, SIZE + right : 2 * SIZE + right] = full[index]
        expected = padded[SIZE : 2 * SIZE, SIZE : 2 * SIZE]
        assert np.array_equal(moved[index], np.where(kept, expected, 0))
        assert np.array_equal(window[index], np.where(kept, full[index], 0))


def test_a_pattern_inside_is_hidden_with_the_region_and_one_outside_is_not(shared):
    plain = shared.images(WithoutROI())
    used = usable(shared.world)
    assert np.array_equal(shared.images(WithoutROI(first="plant-inside"))[used], plain[used])
    outside = shared.images(WithoutROI(first="plant-outside"))
    assert ((outside != plain)[used].sum(axis=(1, 2)) >= 8).all()


# The same bits however the work was split


def test_no_bit_depends_on_order_or_company(cell, tmp_path, shared):
    alone = Source(cell, World(), tmp_path)
    for masking in reversed(MASKINGS):
        alone.compute(masking)
    assert same(alone, shared)


def test_no_bit_depends_on_shards_or_batches(cell, tmp_path, shared, monkeypatch):
    of_size(monkeypatch, 70)
    assert same(Source(cell, World(), tmp_path, batch_size=7).compute(*MASKINGS), shared)


def test_no_bit_depends_on_what_was_stored_before(cell, tmp_path, shared):
    """A second process finds one shard done, and looks at the surroundings anew."""
    first = Source(cell, World(), tmp_path).compute(*MASKINGS)
    for masking in MASKINGS:
        first.store.discard(first.request(masking).key(first, 0))
    again = Source(cell, World(), tmp_path).compute(*MASKINGS)
    assert same(again, shared)


def same(one, other):
    for masking in MASKINGS:
        a, b = one.read(one.request(masking)), other.read(other.request(masking))
        for name in ("scores", "hidden_fraction", "covered_fraction", "used", "embeddings"):
            used = a.used if name in ("scores", "embeddings") else slice(None)
            assert np.array_equal(getattr(a, name)[used], getattr(b, name)[used]), (masking, name)
        assert a.excluded == b.excluded
    return True


# What is decoded, and how often


def test_each_image_is_decoded_once(cell, tmp_path):
    """Donors and the mean's images too: the sample is kept."""
    world = World()
    Source(cell, world, tmp_path).compute(
        *(m for m in MASKINGS if m.whose not in ("population", "window") and m.first != "centre")
    )
    assert set(world.decoded.values()) == {1}
    assert len(world.decoded) == COUNT


@pytest.mark.parametrize(("room", "looks"), [(survey._KEPT, 1), (0, 2)])
def test_typical_regions_cost_a_second_look_at_400_patients_once_in_a_store(
    cell, tmp_path, monkeypatch, room, looks
):
    """And none at all where what was prepared for them can be kept until they are scored."""
    monkeypatch.setattr(survey, "_KEPT", room)
    count = 700
    world = World(count, bad=(5,), patient=lambda i: f"p{i}")
    Source(cell, world, tmp_path).compute(WithoutROI(whose="population"))
    assert max(world.decoded.values()) == looks
    assert sum(world.decoded.values()) <= count + 400 * (looks - 1)
    again = World(count, bad=(5,), patient=lambda i: f"p{i}")
    source = Source(cell, again, tmp_path)
    source.compute(WithoutROI(whose="population", fill="mean"), OnlyROI(whose="window"))
    assert set(again.decoded.values()) == {1}, "read back from the store"
    plain = np.nan_to_num(source.images(WithoutROI(whose="population", fill="mean")), nan=-1)
    hidden = Source(cell, World(count, bad=(5,), patient=lambda i: f"p{i}"), tmp_path)
    black = np.nan_to_num(hidden.images(WithoutROI(whose="population")), nan=-1)
    assert np.array_equal(plain[black > 0], black[black > 0]), "the same area in both"


def test_of_two_processes_only_one_looks(cell, tmp_path):
    def patient(i):
        return f"p{i}"

    worlds = [World(200, bad=(), patient=patient) for _ in range(2)]
    wanted = Wanted({geometry(cell.model.input): cell.model.input}, [(("square",), "population")])
    start, found = threading.Barrier(2), []

    def look(world):
        source = Source(cell, world, tmp_path)
        start.wait()
        found.append(survey_of(source.held, wanted, 1, source.store))

    threads = [threading.Thread(target=look, args=(world,)) for world in worlds]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    looked = sorted(len(world.decoded) for world in worlds)
    assert looked == [64, 200], "one needed its sample alone"
    (a,), (b,) = (one.typical.values() for one in found)
    assert np.array_equal(a.population, b.population)
    assert a.centre == b.centre


def test_damaged_typical_regions_are_looked_for_again(cell, tmp_path):
    source = Source(cell, World(60, bad=()), tmp_path)
    wanted = Wanted({geometry(cell.model.input): cell.model.input}, [(("square",), "population")])
    before = survey_of(source.held, wanted, 1, source.store)
    (stored,) = (tmp_path).glob("*/*.safetensors")
    stored.write_bytes(stored.read_bytes()[:-7])
    after = survey_of(source.held, wanted, 1, source.store)
    (a,), (b,) = before.typical.values(), after.typical.values()
    assert np.array_equal(a.population, b.population)
    source.world.decoded.clear()
    survey_of(source.held, wanted, 1, source.store)
    assert len(source.world.decoded) == min(60, donors._SAMPLE), "mended"


def test_properties_are_of_the_file_and_come_with_full_images_alone(shared):
    tables = {masking: shared.read(shared.request(masking)) for masking in MASKINGS}
    assert [m for m, table in tables.items() if table.properties is not None] == [Full()]
    found = tables[Full()].properties
    for index in (0, 2, 127, 128, 148):
        image, region = scene(index)
        file = [image_properties(image, region), acquisition(image, region)]
        assert np.array_equal(found[index], np.concatenate(file))
    assert np.isnan(found[list(BAD)]).all()


def test_what_cannot_be_read_is_left_out_and_named_by_row(shared):
    found = shared.read(shared.request(OnlyROI(fill="swap")))
    assert np.array_equal(np.flatnonzero(~found.used), BAD)
    assert np.isnan(found.scores[list(BAD)]).all()
    assert list(found.excluded) == [f"row {i + 2}: is broken" for i in BAD]


@pytest.mark.parametrize(
    "masking",
    [
        OnlyROI(whose="window", first="centre"),
        OnlyROI(fill="swap"),
        OnlyROI(fill="swap", dilation=12),
    ],
    ids=lambda masking: masking.id,
)
def test_regions_under_one_hole_are_not_mistaken_for_each_other(tmp_path, masking):
    """What is hidden may be the same for two regions where what is shown is not."""
    cell = seeing_cell(tmp_path, SIZE, '[regions.twin]\ncolumn = "twin"\n')

    class Twins(World):
        def read(self, index):
            image, region = scene(index)
            return Sample(image, {"square": region, "twin": region[::-1, ::-1].copy()})

    def source(name):
        return Source(cell, Twins(bad=()), tmp_path / name)

    square, twin = (replace(masking, region=(name,)) for name in ("square", "twin"))
    together, alone = source("a").compute(square, twin), source("b").compute(twin)
    assert np.array_equal(together.images(twin), alone.images(twin))


# Looked at once


@pytest.fixture
def looks(monkeypatch):
    """What each look at a data set was for: ids of maskings."""
    looks = []
    plain = computing.survey_for

    def looking(dataset, wanted, maskings, seed, store):
        looks.append(sorted({masking.id for masking in maskings}))
        return plain(dataset, wanted, maskings, seed, store)

    monkeypatch.setattr(computing, "survey_for", looking)
    return looks


@pytest.mark.parametrize(
    ("first", "second"),
    [
        (WithoutROI(), WithoutROI(shape="box", fill="mean")),
        (WithoutROI(), WithoutROI(whose="foreign")),
        (Full(), OnlyROI(fill="swap")),
        (WithoutROI(whose="elsewhere"), WithoutROI(whose="population")),
        (WithoutROI(first="plant-inside"), OnlyROI(whose="window", first="centre")),
    ],
    ids=lambda masking: masking.id,
)
def test_shards_that_lack_different_maskings_share_one_look(cell, tmp_path, looks, first, second):
    """A look that the first shard had no need of must not be handed on, empty, to the second."""
    whole = Source(cell, World(), tmp_path / "whole").compute(first, second)
    source = Source(cell, World(), tmp_path / "torn").compute(first, second)
    source.store.discard(source.request(first).key(source, 0))
    source.store.discard(source.request(second).key(source, 1))
    looks.clear()
    torn = Source(cell, World(), tmp_path / "torn").compute(first, second)
    assert len(looks) == 1
    for masking in (first, second):
        for ours, theirs in zip(
            *(each.read(each.request(masking)).embeddings for each in (torn, whole)), strict=True
        ):
            assert np.array_equal(ours, theirs, equal_nan=True)


def test_nothing_is_looked_at_for_what_is_stored(cell, tmp_path, looks):
    """Adding a plain masking to a study does not decode a sample, or 400 patients, first."""
    Source(cell, World(), tmp_path).compute(WithoutROI(fill="mean"), WithoutROI(whose="population"))
    world = World()
    Source(cell, world, tmp_path).compute(
        WithoutROI(fill="mean"), WithoutROI(whose="population"), WithoutROI()
    )
    assert looks[1:] == [["without-square"]]
    assert set(world.decoded.values()) == {1}
    Source(cell, world, tmp_path).compute(WithoutROI(fill="mean"), WithoutROI())
    assert len(looks) == 2, "and nothing at all if all is stored"


# An extension's fill


class Failing(Fill):
    """Raises from its second batch on, as a fill that cannot handle one image would."""

    name = "failing"
    batches = 0

    def __call__(self, visible, hidden, around):
        Failing.batches += 1
        if Failing.batches > 1:
            raise IndexError("row 17")
        return torch.zeros_like(visible)


def test_a_fill_that_fails_costs_its_own_maskings_alone(cell, tmp_path, shared, monkeypatch):
    register_fill(Failing())
    monkeypatch.setattr(Failing, "batches", 0)
    broken = WithoutROI(fill="failing"), OnlyROI(fill="failing")
    source = Source(cell, World(), tmp_path, batch_size=64).compute(*broken, *MASKINGS)
    assert not any(source.missing(source.request(masking)) for masking in MASKINGS)
    assert same(source, shared)
    for masking in broken:
        with pytest.raises(AuditError, match=rf"fill 'failing' of {__name__} raised IndexError: r"):
            source.images(masking)
        assert len(source.missing(source.request(masking))) == 2, "not even its first batch is kept"
    assert Failing.batches <= 4, "it is not asked again and again"
