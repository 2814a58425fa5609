"""One kind of evidence: whatever is asked is planned, keyed, computed, stored and read alike."""

from __future__ import annotations

import sys
import types
from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np
import pytest
from cards import model_card, phantom_card
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from audit_suite import auroc, contrast, internal, mass_lift, outside_shapley
from audit_suite.cards import DatasetCard, ModelCard
from audit_suite.errors import AuditError
from audit_suite.evidence import (
    Cell,
    EvidenceProfile,
    EvidenceSource,
    EvidenceStore,
    compute,
    describe_plan,
    plan,
)
from audit_suite.evidence.attributions.request import AttributionRequest
from audit_suite.evidence.executors.inline import Inline
from audit_suite.evidence.scores.request import ScoreRequest
from audit_suite.maskings import PAPER, Full, WithoutROI
from audit_suite.needs import requests_in
from audit_suite.verdict import NotApplicable

unhurried = settings(
    deadline=None, max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture]
)

NETWORK = """
import torch
class Mean(torch.nn.Module):
    def forward(self, batch):
        return batch.mean(dim=(1, 2, 3))[:, None]
def build():
    return Mean()
"""


@dataclass(frozen=True)
class Sizes:
    """A kind of evidence of an extension's own: how large each image's region is."""

    executor: ClassVar[str] = "sizes_pack:compute"
    kept: ClassVar[bool] = True

    model: ModelCard
    fold: int | None
    dataset: DatasetCard
    region: str = "lungs"

    @property
    def rank(self):
        return 0, self.region, self.dataset.name, self.model.name

    @property
    def words(self):
        return f"sizes of '{self.region}'"

    @property
    def scopes(self):
        return (self.dataset,)

    def keys(self, source):
        return [f"{self.region:0>8}" + source.dataset(self.dataset).digest]

    def table(self, stored):
        (arrays,) = stored
        if not len(arrays["sizes"]):
            raise NotApplicable(f"no image has a region '{self.region}'")
        return arrays["sizes"]

    @classmethod
    def describe(cls, group, source):
        return [f"sizes of {', '.join(request.region for request in group)}"]


@dataclass(frozen=True)
class Names(Sizes):
    """Another kind, of the same cost, with another executor and ranks that are no strings."""

    executor: ClassVar[str] = "names_pack:compute"

    @property
    def rank(self):
        return 0, len(self.region), self.region

    def keys(self, source):
        return [f"names-{self.region}"]


@pytest.fixture
def calls(monkeypatch):
    """What the extension's executors were asked, call by call."""
    calls = []

    def computing(requests, source, progress):
        calls.append(tuple(requests))
        for request in requests:
            for key in source.missing(request):
                data = source.dataset(request.dataset)
                drawn = [data.read(i).regions.get(request.region) for i in range(3)]
                sizes = [region.sum() for region in drawn if region is not None]
                source.store.write(key, {"sizes": np.array(sizes)})
                progress(f"{request.dataset.name}: {request.words}")

    for name in ("sizes_pack", "names_pack"):
        module = types.ModuleType(name)
        module.compute = computing
        monkeypatch.setitem(sys.modules, name, module)
    return calls


@pytest.fixture
def cell(tmp_path):
    (tmp_path / "x.py").write_text(NETWORK.replace("build", "y"))
    model = model_card(tmp_path, targets=("consolidation",))
    return Cell(model, (None,), phantom_card(tmp_path), "consolidation")


def source(folder, **more):
    profile = EvidenceProfile(device="cpu", threads=1)
    return EvidenceSource(EvidenceStore(folder / "store"), profile, **more)


def sizes(cell, region="lungs", kind=Sizes):
    return kind(cell.model, None, cell.dataset, region)


def everything(cell):
    """Scores, attributions and an extension's two kinds."""
    scores = [request for masking in PAPER for request in cell.requests(masking)]
    maps = [*cell.explanations("gradient"), *cell.explanations("region-shapley")]
    regions = ("lungs", "heart", "spine")
    return [*scores, *maps, *(sizes(cell, r, kind) for kind in (Sizes, Names) for r in regions)]


# A kind of an extension's own


def test_a_kind_of_ones_own_is_computed_stored_and_read(cell, tmp_path, calls):
    here, lines = source(tmp_path), []
    wanted = [sizes(cell), *cell.requests(Full())]
    compute(wanted, here, lines.append)
    assert calls == [(sizes(cell),)]
    assert lines == ["d: sizes of 'lungs'"]
    expected = [here.dataset(cell.dataset).read(i).regions["lungs"].sum() for i in range(3)]
    assert here.read(sizes(cell)).tolist() == expected
    assert here.missing(sizes(cell)) == []
    again = source(tmp_path, offline=True)
    assert again.read(sizes(cell)).tolist() == expected, "by another process"
    assert again.read(sizes(cell)) is again.read(sizes(cell)), "kept in memory"
    assert len(calls) == 1


def test_what_was_not_planned_is_computed_when_it_is_read(cell, tmp_path, calls):
    here = source(tmp_path)
    assert here.read_stored(sizes(cell)) is None
    assert calls == []
    assert len(here.read(sizes(cell))) == 3
    assert len(here.read_stored(sizes(cell))) == 3


def test_a_kind_may_say_that_it_cannot_be_had(cell, tmp_path, calls):
    here = source(tmp_path)
    for reader in (here.read, here.read, here.read_stored):
        with pytest.raises(NotApplicable, match="no image has a region 'tail'"):
            reader(sizes(cell, "tail"))
    assert len(calls) == 1, "and that is stored, too"


def test_damaged_evidence_of_any_kind_is_computed_again(cell, tmp_path, calls):
    expected = source(tmp_path).read(sizes(cell))
    (file,) = (tmp_path / "store").glob("*/*.safetensors")
    file.write_bytes(file.read_bytes()[:-3])
    assert np.array_equal(source(tmp_path).read(sizes(cell)), expected)
    assert len(calls) == 2


@pytest.mark.parametrize("number", range(4))
def test_offline_any_kind_is_missed_in_its_own_words(cell, tmp_path, calls, number):
    wanted = [
        *cell.requests(WithoutROI()),
        *cell.explanations("gradient"),
        sizes(cell),
        sizes(cell, "heart", Names),
    ][number]
    here = source(tmp_path, offline=True)
    with pytest.raises(AuditError, match=r"--audit-offline: the store .* lacks") as caught:
        here.read(wanted)
    assert "model 'm' on data set 'd' under " in caught.value.what
    assert caught.value.what.endswith(wanted.words)
    assert "run once without --audit-offline" in caught.value.remedy
    assert calls == []


def test_the_plan_in_words_holds_every_kind(cell, tmp_path, calls):
    text = describe_plan(everything(cell), source(tmp_path))
    assert "m on d: sizes of heart, lungs, spine" in text
    assert any("24 images x 5 maskings = 120 forward passes" in line for line in text)
    assert "m on d: gradient of consolidation on up to 48 images" in text
    assert calls == [], "nothing is computed for it"


# The plan


@unhurried
@given(st.data())
def test_the_plan_is_a_union_in_an_order_of_content_alone(cell, data):
    whole = everything(cell)
    drawn = data.draw(st.lists(st.sampled_from(whole), max_size=30))
    planned = plan(drawn)
    assert set(planned) == set(drawn)
    assert len(planned) == len(set(drawn))
    assert plan(data.draw(st.permutations(drawn))) == planned
    assert planned == tuple(request for request in plan(whole) if request in set(drawn))
    executors = [request.executor for request in planned]
    runs = [name for i, name in enumerate(executors) if executors[i - 1 : i] != [name]]
    assert len(runs) == len(set(runs)), "each kind is in one piece"


def test_scores_come_before_attributions_and_the_full_image_first(cell):
    planned = [request for request in plan(everything(cell)) if not isinstance(request, Sizes)]
    kinds = [type(request) for request in planned]
    assert kinds == [ScoreRequest] * 5 + [AttributionRequest] * 2
    assert planned[0].masking == Full()


def test_models_of_one_name_have_their_place_too(cell, tmp_path):
    """Else the order would be that of a set, another in every process."""
    (tmp_path / "other").mkdir()
    other = replace(cell, model=model_card(tmp_path / "other", targets=("consolidation",)))
    assert other.model != cell.model
    for kind in ("requests", "explanations"):
        argument = Full() if kind == "requests" else "gradient"
        pair = [getattr(each, kind)(argument)[0] for each in (cell, other)]
        assert pair[0].rank != pair[1].rank


def test_an_executor_gets_all_requests_of_its_kind_at_once(cell, tmp_path, calls):
    wanted = [sizes(cell, r, kind) for r in ("spine", "lungs", "heart") for kind in (Names, Sizes)]
    compute(wanted * 2, source(tmp_path))
    assert sorted(len(call) for call in calls) == [3, 3]
    for call in calls:
        assert len({request.executor for request in call}) == 1
        assert call == plan(call)


def test_an_executor_gets_only_what_is_not_stored_and_is_not_looked_for_without(
    cell, tmp_path, calls, monkeypatch
):
    compute([sizes(cell, "lungs")], source(tmp_path))
    compute([sizes(cell, "lungs"), sizes(cell, "heart")], source(tmp_path))
    assert calls[1:] == [(sizes(cell, "heart"),)]
    monkeypatch.delitem(sys.modules, "sizes_pack")
    here = source(tmp_path)
    compute([sizes(cell, "lungs"), sizes(cell, "heart")], here)
    assert not here.failures


@pytest.mark.parametrize(
    ("need", "methods"),
    [
        (contrast(mass_lift("gradient"), mass_lift("grad-cam")), ["gradient", "grad-cam"]),
        (contrast(outside_shapley(), mass_lift("gradient")), ["region-shapley", "gradient"]),
        (internal(mass_lift("gradient")), ["gradient"]),
        (internal(contrast(mass_lift("gradient"), auroc())), ["gradient"]),
    ],
    ids=lambda value: getattr(value, "id", None),
)
def test_needs_made_of_needs_of_maps_are_planned(tmp_path, need, methods):
    phantom_card(tmp_path, "home")
    model = model_card(tmp_path, targets=("consolidation",))
    away = phantom_card(tmp_path, "away", 'internal = "home.toml"')
    cell = Cell(model, (None,), away, "consolidation")
    planned = plan(requests_in(need, cell))
    maps = [request for request in planned if isinstance(request, AttributionRequest)]
    assert sorted(request.method for request in maps) == sorted(methods)
    asked = {request.dataset.name for request in planned}
    assert asked == {"home" if need.id.startswith("internal") else "away"}
    assert len(planned) == len(maps) + ("full" in need.id)
    assert describe_plan(planned, source(tmp_path))


# What fails


def test_a_failure_is_raised_wherever_it_was_noted(cell, tmp_path, calls):
    """Of the request, of the model on the data set, or of the data set: the nearest counts."""
    (scores,) = cell.requests(Full())
    for wanted, scopes in ((scores, (scores, scores.pair, scores.dataset)), (sizes(cell), None)):
        for place in range(3 if scopes else 2):
            noted = (scopes or (wanted, wanted.dataset))[place:]
            here = source(tmp_path / f"{wanted.words} {place}")
            sys.modules["sizes_pack"].compute = lambda *_: None
            here.missing = lambda _: []  # as if nothing could be computed
            here.failures.update({scope: AuditError(f"why {i}") for i, scope in enumerate(noted)})
            with pytest.raises(AuditError, match="why 0"):
                here.read(wanted)


def test_evidence_that_does_not_come_is_missed(cell, tmp_path, calls):
    sys.modules["sizes_pack"].compute = lambda *_: None
    with pytest.raises(AuditError, match="of model 'm' on 'd' under sizes of 'lungs' is missing"):
        source(tmp_path).read(sizes(cell))


def broken(requests, source, progress):
    """An executor that stores the first of its requests, then raises."""
    (key,) = requests[0].keys(source)
    source.store.write(key, {"sizes": np.ones(1)})
    raise KeyError("tail")


@pytest.mark.parametrize("how", ["raises", "no function", "no module"])
def test_an_executor_that_breaks_costs_its_own_kind_alone(cell, tmp_path, calls, how):
    here = source(tmp_path)
    wanted = [sizes(cell, region) for region in ("heart", "lungs")]
    if how == "raises":
        sys.modules["sizes_pack"].compute = broken
    elif how == "no function":
        del sys.modules["sizes_pack"].compute
    else:
        sys.modules["sizes_pack"] = None
    (scores,) = cell.requests(Full())
    compute([*wanted, sizes(cell, kind=Names), scores], here)
    assert here.read(scores).used.all()
    assert len(here.read(sizes(cell, kind=Names))) == 3
    error = {"raises": "KeyError: 'tail'", "no function": "AttributeError", "no module": "Module"}
    with pytest.raises(AuditError, match="the executor 'sizes_pack:compute'") as caught:
        here.read(wanted[1])
    assert error[how] in caught.value.what
    assert "stored evidence is kept" in caught.value.remedy
    if how == "raises":
        assert len(here.read(wanted[0])) == 1, "what it stored before"


def test_what_the_computing_raises_is_an_error_of_its_requests(cell, tmp_path, monkeypatch):
    def fail(*_):
        raise ZeroDivisionError("by nought")

    monkeypatch.setattr("audit_suite.evidence.scores.compute.fix_arithmetic", fail)
    here, requests = source(tmp_path), cell.requests(Full())
    compute(requests, here)
    with pytest.raises(AuditError, match="evidence on 'd' raised ZeroDivisionError: by nought"):
        here.read(requests[0])


@pytest.mark.parametrize(
    "answer", [None, "open", [[0]], [[0, 1, 2]], [["0", "why", []]], {"verdict": "pass"}, [[9, "a", "b"]], [[-1, "a", "b"]], []]
)  # fmt: skip
def test_an_answer_that_is_none_fails_the_requests_that_it_was_about(cell, tmp_path, answer):
    class Lying(Inline):
        def call(self, models, function, *rest):
            computes = function.endswith("jobs:compute")
            return answer if computes else super().call(models, function, *rest)

    here = source(tmp_path, executor=Lying())
    requests = cell.requests(Full())
    compute(requests, here)
    with pytest.raises(AuditError, match=r"of the wrong form|is missing"):
        here.read(requests[0])
    assert set(here.failures) <= set(requests)
