"""Searched counterexamples: found on some patients, decided by others, and never an all-clear."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from cards import model_card, phantom_card
from hypothesis import strategies as st

from audit_suite import counterexample
from audit_suite.datasets.dataset import labels_of
from audit_suite.datasets.regions import named_regions
from audit_suite.errors import AuditError
from audit_suite.evidence import Cell, EvidenceProfile, EvidenceSource, EvidenceStore
from audit_suite.evidence.at_input import box_in_file
from audit_suite.evidence.precision import precision_key
from audit_suite.evidence.scores.request import ScoreRequest
from audit_suite.evidence.source import pair
from audit_suite.maskings import Full
from audit_suite.models.preprocessing import fit_geometry
from audit_suite.needs.scores.counterexample import _effect
from audit_suite.regions import union
from audit_suite.search.patients import contrast_roles, halves, risk_roles
from audit_suite.search.request import SearchRequest
from audit_suite.strategies import (
    Area,
    Painted,
    Patch,
    areas,
    only,
    outside_roi,
    patches,
    percents,
    placed,
    register_strategy,
    swapped,
)
from audit_suite.verdict import NotApplicable

NET = """
import torch

class Reader(torch.nn.Module):
    def __init__(self, where):
        super().__init__()
        self.where = where

    def forward(self, batch):
        corner = batch[:, :, 0:6, 0:6].mean(dim=(1, 2, 3))
        lung = batch[:, :, 12:16, 8:11].mean(dim=(1, 2, 3))
        return (60 if self.where == "corner" else 0) * corner + 8 * lung - 4

def build(where):
    return Reader(where)
"""
PLACES = outside_roi(swapped(areas()))
POINT = '[operating_points.consolidation]\nscore = {}\nsource = "test"\n'


class World:
    """A phantom with a marker in the corner, and a model that reads it or the lung."""

    def __init__(self, folder):
        self.folder = folder
        (folder / "net.py").write_text(NET)
        self.data = self.phantom("d", 400)
        request = ScoreRequest(self.cell("corner").model, None, self.data, Full())
        self.point = POINT.format(float(np.median(self.source().read(request).scores)))

    def phantom(self, name, patients):
        more = 'prevalence = 0.5\nshortcuts = [{ name = "corner_marker", agreement = 0.9 }]'
        return phantom_card(self.folder, name, patients=patients, more=more)

    def cell(self, where, data=None, point="", **more):
        top = f'arguments = {{ where = "{where}" }}'
        name = f"{where}{len(point)}"
        model_card(
            self.folder, top, name=name, targets=["consolidation"], architecture="net.py:build",
            activation="none",
        )  # fmt: skip
        file = self.folder / f"{name}.toml"
        file.write_text(file.read_text() + point)
        from audit_suite.cards import load_model_card

        return Cell(load_model_card(file), (None,), data or self.data, "consolidation", **more)

    def source(self, **more):
        profile = EvidenceProfile(device="cpu", threads=1)
        return EvidenceSource(EvidenceStore(self.folder / "evidence"), profile, **more)


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    return World(tmp_path_factory.mktemp("search"))


def answer(world, need, where="corner", **more):
    return need.answer(world.cell(where, **more), world.source())


def test_the_markers_place_is_found_made_small_and_confirmed_on_others(world):
    need = counterexample(PLACES)
    found = answer(world, need)
    place = next(one for one in found.confirmed if not one.whole)
    x0, y0, x1, y1 = place.box
    assert max(x0, y0) < 4, "the marker lies in 1 to 4"
    assert max(x1, y1) <= 9
    assert place.estimate.interval(0.95)[0] > 0.05
    assert found.tries <= 200
    assert place.searched >= place.floor >= 0.7 * place.best
    assert not found < 0.05
    assert place.repeat == f"counterexample(outside_roi(swapped(only({place.change}))))"
    again = eval(place.repeat, {"counterexample": counterexample, **vars_of_strategies()})
    (repeated,) = answer(world, again).confirmed
    assert (repeated.box, repeated.estimate.value) == (place.box, place.estimate.value)


def vars_of_strategies():
    from audit_suite import strategies

    return vars(strategies)


def test_the_model_that_reads_the_lung_has_none_and_that_is_no_pass(world):
    found = answer(world, counterexample(PLACES), "lung")
    with pytest.raises(NotApplicable, match=r"no counterexample is confirmed.*not an all-clear"):
        assert found < 0.05
    assert f"{found.tries} tries of outside_roi(swapped(areas(" in found.covered


def test_a_repeat_decides_again_from_the_store_without_a_model(world):
    need = counterexample(PLACES)
    first = answer(world, need)
    offline = need.answer(world.cell("corner"), world.source(offline=True))
    assert [one.change for one in offline.confirmed] == [one.change for one in first.confirmed]
    with pytest.raises(NotApplicable):
        assert offline < 0.9


def test_effects_are_those_of_brute_force(world):
    """Content put outside all three regions, scored one by one, ranked among all images."""
    cell, source = world.cell("corner"), world.source()
    need = counterexample(outside_roi(swapped(only(Area(40, 90, 20, 50)))), limit=0.001)
    (request,) = need.requests(cell)
    result = source.read(request)
    (candidate,) = result.candidates
    full = source.read(ScoreRequest(cell.model, None, cell.dataset, Full())).scores[:, 0]
    dataset, net = source.dataset(cell.dataset), source.model(cell.model, None)

    def seen(row):
        sample = dataset.read(int(row))
        regions = named_regions(sample, cell.dataset, ("lungs",))
        image, fitted = fit_geometry(sample.image, {"lungs": regions["lungs"]}, cell.model.input)
        return image, union(fitted, ("lungs",))

    import torch

    x0, y0, x1, y1 = Area(40, 90, 20, 50).box(32, 32)
    for n in range(0, len(result.changed), 7):
        (image, own), *lent = (seen(row) for row in (result.changed[n], *result.donors[n]))
        where = np.zeros((32, 32), bool)
        where[y0:y1, x0:x1] = True
        where &= ~own & ~lent[0][1] & ~lent[1][1]
        scores = []
        for other, _ in lent:
            put = np.where(where, other, image)
            scores.append(float(net(torch.from_numpy(put[None]))[0][0, 0]))
        ranks = [((full < s).mean() + (full <= s).mean()) / 2 for s in scores]
        assert candidate.scores[n] == pytest.approx(scores, abs=1e-5)
        assert candidate.effects[n] == pytest.approx(ranks[0] - ranks[1], abs=0.004)


def test_search_and_confirmation_lenders_and_changed_are_disjoint_patients(world):
    dataset = world.source().dataset(world.data)
    cases = [replace(case, patient=f"p{n // 2}") for n, case in enumerate(dataset.cases)]
    dataset = replace(dataset, cases=tuple(cases))
    labels = labels_of(dataset.cases, "consolidation")
    sides = halves(dataset, np.arange(len(cases)), "consolidation", 3)
    seen = set()
    for half in sides:
        roles = contrast_roles(half, labels, 32)
        parts = [{cases[i].patient for i in part} for part in vars(roles).values()]
        assert sum(map(len, parts)) == len(set.union(*parts)), "nobody has two parts"
        assert not seen & {cases[i].patient for i in half}
        seen |= {cases[i].patient for i in half}
        assert set(labels[roles.having]) == {1}
        assert set(labels[roles.lacking]) == {0}
        assert sorted(np.bincount(labels[roles.changed])) == [16, 16]
    assert sides != halves(dataset, np.arange(len(cases)), "consolidation", 4)


def test_the_interval_is_clustered_by_those_who_lend(world):
    """With few lenders, whose content differs, as two-way clustering of the mean has it."""
    cell, source = world.cell("corner"), world.source()
    (request,) = counterexample(PLACES).requests(cell)
    result = source.read(request)
    rng = np.random.default_rng(5)
    n, lenders = 120, 10
    having, lacking = (np.arange(n) % lenders + start for start in (200, 300))
    shift = rng.normal(0, 0.1, 400)
    effects = 0.1 + rng.normal(0, 0.02, n) + shift[having] - shift[lacking]
    made = replace(
        result, changed=np.arange(n), donors=np.stack([having, lacking], axis=1),
    )  # fmt: skip
    candidate = replace(result.candidates[0], effects=effects)
    estimate = _effect(request, made, candidate, source)
    centred = (effects - effects.mean()) / n
    plain = (centred**2).sum() * n / (n - 1)
    shared = sum(
        sum(centred[side == lender].sum() ** 2 for lender in set(side)) - (centred**2).sum()
        for side in (having, lacking)
    )
    assert estimate.se**2 == pytest.approx(plain + shared, rel=1e-6)
    assert estimate.se > 3 * plain**0.5


def test_paint_pushes_those_who_are_decided_rightly(world):
    need = counterexample(outside_roi(patches()), limit=0.15, tries=150)
    found = answer(world, need, point=world.point)
    (place,) = found.confirmed
    assert place.flips is not None
    assert place.donors == 0
    with pytest.raises(NotApplicable, match="reported only: because; 150 tries"):
        found.report(because="because", margin=0.05)
    x0, y0, _, _ = place.box
    assert max(x0, y0) < 6, "white in the corner"


def refused(world, need, what, **more):
    with pytest.raises(NotApplicable, match=what):
        answer(world, need, **more)


def test_where_nothing_can_be_said_that_is_said(world):
    painted = counterexample(outside_roi(patches()))
    refused(world, painted, "no operating point for 'consolidation'")
    few = world.phantom("few", 90)
    refused(world, counterexample(PLACES), "not an all-clear", data=few)
    refused(world, painted, "only 0 patients of one half are", point=POINT.format(-999))
    joined = replace(world.cell("corner"), folds=(0, 1), average="scores")
    with pytest.raises(NotApplicable, match="--audit-folds each"):
        counterexample(PLACES).requests(joined)


@pytest.mark.parametrize("label", [0, 1])
def test_roles_need_lenders_of_either_class_and_cases_at_risk(label):
    labels = np.full(200, label)
    labels[:8] = 1 - label
    with pytest.raises(NotApplicable, match="10 of either class to lend"):
        contrast_roles(range(200), labels, 32)
    with pytest.raises(NotApplicable, match="only 29 patients"):
        risk_roles(range(200), np.arange(200) < 29, 32, "at risk")


def test_what_cannot_be_meant_is_refused_where_it_is_written():
    for wrong in (areas(), swapped(areas()), st.integers(), "areas"):
        with pytest.raises(TypeError, match="outside_roi"):
            counterexample(wrong)
    for wrong in ({"limit": 0}, {"limit": 1.5}, {"tries": 0}, {"toward": "positive"}):
        with pytest.raises(ValueError, match=next(iter(wrong))):
            counterexample(PLACES, **wrong)


def broken(box=lambda self, h, w: placed((h, w), (20, 20), (50, 50)), paint=lambda self, x: x):
    from dataclasses import dataclass

    @dataclass(frozen=True)
    class Broken(Painted):
        size: int

    Broken.box, Broken.paint = box, paint
    Broken.__abstractmethods__ = frozenset()
    return Broken


def raising(self, images):
    raise RuntimeError("mine")


@pytest.mark.parametrize(
    ("change", "what"),
    [
        ({"box": lambda self, h, w: (0, 0, w + 1, h)}, "leaves the frame: box"),
        ({"paint": raising}, "raised RuntimeError: mine"),
        ({"paint": lambda self, x: x[:1]}, "with shape"),
        ({"paint": lambda self, x: x * np.nan}, "pixels that are not finite"),
        ({"paint": lambda self, x: None}, "with shape None"),
    ],
)
def test_a_users_strategy_that_misbehaves_is_named_and_no_pass(world, change, what):
    kind = broken(**change)

    @register_strategy
    def odd():
        return st.builds(kind, percents())

    need = counterexample(outside_roi(odd()), tries=3)
    with pytest.raises(AuditError, match=what) as error:
        answer(world, need, point=world.point)
    assert "the strategy 'odd'" in str(error.value)


def test_a_change_inside_the_region_is_idle_and_said(world):
    inside = counterexample(outside_roi(swapped(only(Area(5, 5, 50, 30)))))
    found = answer(world, inside)
    assert (found.idle, found.confirmed) == (1, ())
    assert "of which 1 left most images as they were" in found.covered
    with pytest.raises(NotApplicable):
        assert found < 0.05


def test_what_decides_the_search_decides_its_key(world, tmp_path):
    cell, profile = world.cell("corner"), world.source().profile
    source = EvidenceSource(EvidenceStore(tmp_path), profile)
    (request,) = counterexample(PLACES).requests(cell)
    keys = {request.keys(source)[0]}
    changes = {
        "tries": 9,
        "limit": 0.2,
        "shrinking": 9,
        "margin": 3,
        "threshold": 1.0,
        "target": "x",
    }
    for name, value in {**changes, "strategy": outside_roi(swapped(areas(6)))}.items():
        keys.add(replace(request, **{name: value}).keys(source)[0])
    keys.add(request.keys(EvidenceSource(source.store, profile.model_copy(update={"seed": 5})))[0])
    rounded = EvidenceSource(source.store, profile.model_copy(update={"precision": "bf16"}))
    rounded.store.write(precision_key(rounded, pair(request)), {})
    keys.add(request.keys(rounded)[0])
    assert len(keys) == 10
    assert isinstance(request, SearchRequest)
    assert not SearchRequest.describe([request], source)[0].endswith("(stored)")
    source.store.write(request.keys(source)[0], {"any": np.zeros(1)})
    assert SearchRequest.describe([request], source)[0].endswith("(stored)")


def test_a_box_is_followed_into_the_file(world, tmp_path):
    """128 x 64 pixels padded to a square of 32: the picture is 16 wide, in the middle."""
    from audit_suite.evidence import at_input

    class Files:
        def dataset(self, card):
            return self

        def read(self, index):
            return self

        image = np.zeros((128, 64), np.uint8)

    spec = world.cell("corner").model.input
    place = at_input.place_in_file(Files(), print, None, 0, spec, (8, 0, 12, 4))
    assert place == pytest.approx((0, 0, 16, 16), abs=4)
    assert at_input.place_in_file(Files(), print, None, 0, spec, (0, 0, 4, 4)) is None, "padding"
    source, model = world.source(), world.cell("corner").model
    assert box_in_file(source, model, world.data, 0, (1, 2, 7, 9)) == (1, 2, 7, 9), "same size"


def test_a_patch_has_the_numbers_that_it_prints():
    assert eval(repr(Patch(3, 4, 5, 6, 7))) == Patch(height=3, width=4, level=5, down=6, right=7)
