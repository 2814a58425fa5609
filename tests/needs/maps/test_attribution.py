"""Needs on attributions, on made-up ones: what each estimates, and which folds it is of."""

from __future__ import annotations

import numpy as np
import pytest
from needs.evidence import Stored, case, cell
from needs.evidence import attributions as made

from audit_suite import (
    each_cluster,
    faithfulness,
    incompleteness,
    localisation,
    mass_lift,
    outside_shapley,
    randomisation,
    repeatability,
)
from audit_suite.evidence.attributions.request import NOTHING_DRAWN
from audit_suite.needs.maps.attribution import explained_in
from audit_suite.needs.maps.method_tests import Clusters
from audit_suite.verdict import NotApplicable

FOLDS = 'folds = ["a.safetensors", "b.safetensors"]\nheld_out = "fold"\n'
COUNT = 40


class World:
    """A cell, a source, and attributions by fold, or why a fold has none."""

    def __init__(self, folder):
        self.folder = folder
        self.tables = {}
        cases = [case(i, i % 2, site="ab"[i % 2], fold="0") for i in range(COUNT)]
        self.source = Stored(cases, self.attributions)

    def attributions(self, request):
        table = self.tables[request.fold]
        if isinstance(table, str):
            raise NotApplicable(table)
        return table

    def cell(self, folds=(0,), average="estimates"):
        tags = 'metadata = ["site", "fold"]'
        return cell(self.folder, model=FOLDS, folds=folds, average=average, top=tags)

    def ask(self, need, folds=(0,), average="estimates"):
        return need.estimate(self.cell(folds, average), self.source)


@pytest.fixture
def world(tmp_path):
    return World(tmp_path)


def table(*args, **arrays):
    return made(COUNT, *args, **arrays)


def maps(inside, outside, seed=0, noise=0.01, size=8):
    """Maps with so much in each pixel of a quarter of the frame, and outside it; and the quarter."""
    rng = np.random.default_rng(seed)
    region = np.zeros((COUNT, size, size), bool)
    region[:, : size // 2, : size // 2] = True
    return np.where(region, inside, outside) + noise * rng.random((COUNT, size, size)), region


def test_shapley_share_outside(world):
    values = np.tile([3.0, -1.0], (COUNT, 1))
    inside, area = np.tile([1.0, 0.0], (COUNT, 1)), np.tile([0.4, 0.6], (COUNT, 1))
    world.tables[0] = table(values=values, inside=inside, area=area)
    found = world.ask(outside_shapley())
    assert found.value == pytest.approx(0.25)
    assert found.at["method"] == "region-shapley"
    assert found.n_patients == COUNT


def test_few_references_lent_to_many_images_make_intervals_wider(world):
    rng = np.random.default_rng(0)
    donor = np.arange(COUNT) % 4
    outer = np.array([0.1, 0.2, 0.5, 0.9])[donor] + 0.02 * rng.random(COUNT)
    arrays = {
        "values": np.stack([1 - outer, outer], axis=1),
        "inside": np.tile([1.0, 0.0], (COUNT, 1)),
        "area": np.tile([0.4, 0.6], (COUNT, 1)),
    }
    widths = {}
    for name, more in {"by patient": {}, "by reference too": {"donor": donor}}.items():
        world.tables[0] = table(**arrays, **more)
        found = world.ask(outside_shapley())
        low, high = found.interval(0.95)
        widths[name] = high - low
    # Ten images a reference that differ in nothing else are as good as one.
    assert widths["by reference too"] > 2.5 * widths["by patient"]
    world.tables[0] = table(**arrays, donor=np.arange(COUNT))
    low, high = world.ask(outside_shapley()).interval(0.95)
    assert high - low == pytest.approx(widths["by patient"]), "one each shares nothing"


@pytest.mark.parametrize("need", [outside_shapley(), mass_lift("g"), localisation("g", "rank")])
def test_a_region_that_fills_the_frame_is_asked_nothing(world, need):
    drawn, region = maps(1, 0)
    world.tables[0] = table(
        values=np.ones((COUNT, 2)),
        inside=np.tile([1.0, 0.0], (COUNT, 1)),
        area=np.tile([0.95, 0.05], (COUNT, 1)),
        maps=drawn,
        regions=np.ones_like(region),
    )
    with pytest.raises(NotApplicable, match=r"fills a median (95|100)% of the image"):
        world.ask(need)


@pytest.mark.parametrize(("inside", "outside", "lift"), [(1, 0, 4), (1, 1, 1), (0, 1, 0)])
def test_lift_is_mass_by_area(world, inside, outside, lift):
    drawn, region = maps(inside, outside, noise=1e-9)
    world.tables[0] = table(maps=drawn, regions=region)
    assert world.ask(mass_lift("gradient")).value == pytest.approx(lift, abs=1e-6)


def test_excess_is_above_the_share_of_the_frame(world):
    drawn, region = maps(1, 0)
    world.tables[0] = table(maps=drawn, regions=region)
    for measure in ("pointing", "rank", "mass"):
        found = world.ask(localisation("gradient", measure))
        assert found.value == pytest.approx(0.75, abs=0.05)
    region[3] = False
    assert world.ask(localisation("gradient", "rank")).n_images == COUNT - 1, "one has no region"


def test_maps_that_survive_shuffling_are_not_the_models(world):
    rng = np.random.default_rng(1)
    own = rng.random((COUNT, 14, 14))
    picked = np.arange(0, COUNT, 2)
    for kept, good in ((1.0, False), (0.0, True)):
        stages = np.stack([kept * own[picked] + (1 - kept) * rng.random((20, 14, 14))] * 3)
        world.tables[0] = table(picked=picked, rough=own[picked], shuffled=stages)
        found = world.ask(randomisation("gradient"))
        assert found.n_images == 20
        assert (found.interval(0.9)[1] < 0.1) == good
    same = np.tile(rng.random((1, 14, 14)), (COUNT, 1, 1)) + 1e-3 * rng.random((COUNT, 14, 14))
    kept = same[picked]
    world.tables[0] = table(picked=picked, rough=kept, shuffled=np.stack([kept] * 3))
    assert world.ask(randomisation("gradient")).value > 0.3, "all maps alike excuse nothing"
    for nothing in (0.0, np.nan):  # a dead network draws nothing, and that acquits no method
        blank = np.full((3, *kept.shape), nothing)
        world.tables[0] = table(picked=picked, rough=own[picked], shuffled=blank)
        with pytest.raises(NotApplicable, match="fewer than two patients"):
            world.ask(randomisation("gradient"))


def test_completeness_is_a_ratio_of_means(world):
    drawn, region = maps(1, 0, noise=0)
    total = drawn.sum(axis=(1, 2))
    world.tables[0] = table(outputs=total * 1.25, maps=drawn, regions=region)
    assert world.ask(incompleteness("gradient")).value == pytest.approx(0.2)
    world.tables[0] = table(expected=np.full(COUNT, np.nan), maps=drawn, regions=region)
    with pytest.raises(NotApplicable, match="do not add up"):
        world.ask(incompleteness("grad-cam"))


def test_faithfulness_is_the_mean_area_between_curves(world):
    steps = np.linspace(1, 0, 5)
    deletion = np.tile([steps - 0.3, steps], (COUNT, 1, 1))
    insertion = np.tile([steps + 0.1, steps], (COUNT, 1, 1))
    world.tables[0] = table(deletion=deletion, insertion=insertion)
    assert world.ask(faithfulness("gradient")).value == pytest.approx(0.2)


def test_folds_that_agree_are_told_from_those_that_do_not(world):
    rng = np.random.default_rng(2)
    own, other = rng.random((2, COUNT, 6, 6))
    for second, agree in ((own + 0.1 * other, True), (other, False)):
        world.tables = {0: table(coarse=own), 1: table(coarse=second)}
        found = world.ask(repeatability("gradient"))
        assert (found.interval(0.95)[0] > 0.5) == agree
    assert [r.fold for r in repeatability("gradient").requests(world.cell((0,)))] == [0, 1]


def test_clusters_tell_a_tag_that_maps_go_with_and_no_other(world):
    rng = np.random.default_rng(4)
    own = 0.05 * rng.random((COUNT, 6, 6))
    own[::2, :3] += 1
    own[1::2, 3:] += 1
    world.tables[0] = table(coarse=own)
    assert world.ask(Clusters("gradient", "site")).interval(0.95)[0] > 0.3
    world.tables[0] = table(coarse=rng.random((COUNT, 6, 6)))
    low, high = world.ask(Clusters("gradient", "site")).interval(0.95)
    assert low < 0.1
    assert high < 0.5
    with pytest.raises(NotApplicable, match="too few or too many values"):
        world.ask(Clusters("gradient", "fold"))
    needs = each_cluster("gradient").expand(world.cell(), ())
    assert [need.tag for need in needs] == ["label", "site", "fold"]


def test_held_out_folds_are_joined_and_ensembles_averaged(world):
    values, inside = np.tile([1.0, 1.0], (COUNT, 1)), np.tile([1.0, 0.0], (COUNT, 1))
    first, second = np.arange(0, 10), np.arange(10, 30)
    world.tables = {
        0: table(first, values=values[first], inside=inside[first]),
        1: table(second, values=values[second], inside=inside[second]),
    }
    joined = explained_in(world.cell((0, 1), "held-out"), world.source, "region-shapley")
    assert list(joined.index) == list(range(30))
    assert len(joined.arrays["values"]) == 30
    world.tables = {
        0: table(values=values, inside=inside),
        1: table(outputs=np.full(COUNT, 3.0), values=3 * values, inside=inside),
    }
    mean = explained_in(world.cell((0, 1), "scores"), world.source, "region-shapley")
    assert mean.arrays["values"] == pytest.approx(2 * values)
    assert mean.arrays["inside"] == pytest.approx(inside)
    assert mean.outputs == pytest.approx(2)


def test_picked_images_are_numbered_anew_when_folds_are_joined(world):
    rng = np.random.default_rng(5)
    for fold, start in ((0, 0), (1, 20)):
        own = rng.random((20, 6, 6))
        world.tables[fold] = table(
            np.arange(start, start + 20),
            coarse=own,
            picked=np.arange(4),
            rough=own[:4],
            shuffled=own[None, :4],
        )
    joined = explained_in(world.cell((0, 1), "held-out"), world.source, "gradient")
    assert list(joined.arrays["picked"]) == [0, 1, 2, 3, 20, 21, 22, 23]
    own = joined.arrays["coarse"][joined.arrays["picked"]]
    assert np.array_equal(own, joined.arrays["rough"])
    assert np.array_equal(own, joined.arrays["shuffled"][0])


def test_a_held_out_fold_without_images_in_the_sample_takes_nothing_away(world):
    drawn, region = maps(1, 0)
    world.tables = {0: table(maps=drawn, regions=region), 1: NOTHING_DRAWN, 2: "no such kernel"}
    assert world.ask(mass_lift("gradient"), (0, 1), "held-out").n_images == COUNT
    with pytest.raises(NotApplicable, match="no such kernel"):
        world.ask(mass_lift("gradient"), (0, 2), "held-out")
    with pytest.raises(NotApplicable, match=NOTHING_DRAWN):
        world.ask(mass_lift("gradient"), (1, 1), "held-out")
