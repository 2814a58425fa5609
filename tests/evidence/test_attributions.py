"""Which images are explained, against which references, and what is stored of it."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from cards import model_card, phantom_card
from torch import nn

from audit_suite.errors import AuditError
from audit_suite.evidence import Cell, EvidenceProfile, EvidenceSource, EvidenceStore, compute
from audit_suite.evidence.arithmetic import computing_in, repeatable_gradients
from audit_suite.evidence.attributions.pixels import shuffled, sized
from audit_suite.evidence.attributions.request import REGION_SHAPLEY
from audit_suite.evidence.attributions.sample import (
    REFERENCES,
    _shared_patients,
    explained,
    references,
)
from audit_suite.evidence.budget import Budget
from audit_suite.explainers.methods.occlusion import Occlusion
from audit_suite.registry import EXPLAINERS
from audit_suite.verdict import NotApplicable

NETWORK = """
import torch

class Net(torch.nn.Module):
    def __init__(self, factor):
        super().__init__()
        self.maps = torch.nn.Conv2d(1, 2, 3, padding=1)
        self.head = torch.nn.Linear(2, 1)
        rng = torch.Generator().manual_seed(0)
        with torch.no_grad():
            for weights in self.parameters():
                weights.copy_(factor * torch.randn(weights.shape, generator=rng))

    def forward(self, batch):
        return self.head(self.maps(batch).relu().mean(dim=(2, 3)))

def net(factor=1.0):
    return Net(factor)

def wide(factor=1.0):
    torch.manual_seed(0)
    layers = [torch.nn.Conv2d(1, 32, 5), torch.nn.ReLU(), torch.nn.Conv2d(32, 32, 3)]
    head = [torch.nn.AdaptiveAvgPool2d(1), torch.nn.Flatten(), torch.nn.Linear(32, 1)]
    return torch.nn.Sequential(*layers, torch.nn.ReLU(), *head)

def flat(factor=1.0):
    return torch.nn.Sequential(Net(factor), torch.nn.Flatten(0))
"""


def phantoms(folder, name="phantoms", top="", seed=5, patients=60):
    """The card of a phantom cohort whose patients have one to three images."""
    more = f"images_per_patient = [1, 3]\nseed = {seed}"
    return phantom_card(folder, name, top, patients=patients, more=more)


@pytest.fixture
def ask(tmp_path):
    """A source and a request on phantoms."""
    (tmp_path / "network.py").write_text(NETWORK)

    def make(
        method=REGION_SHAPLEY,
        seed=1,
        function="net",
        factor=1.0,
        more="",
        patients=60,
        count=20,
        keys="",
        store="evidence",
        batch=None,
    ):
        phantoms(tmp_path, "others", seed=6, patients=30)
        profile = EvidenceProfile(device="cpu", threads=1, seed=seed, batch_size=batch)
        source = EvidenceSource(
            EvidenceStore(tmp_path / store), profile, explaining=Budget(images=count)
        )
        model = model_card(
            tmp_path,
            f"arguments = {{ factor = {factor} }}\n{keys}",
            name="net",
            targets=("consolidation",),
            architecture=f"network.py:{function}",
            activation="none",
        )
        data = phantoms(tmp_path, top=more, patients=patients)
        cell = Cell(model, (None,), data, "consolidation")
        (request,) = cell.explanations(method)
        return source, request

    return make


def read(source, request):
    return source.read(request)


def sample(source, request):
    cases = source.dataset(request.dataset).cases
    return [(index, cases[index]) for index, _ in explained(request, source)]


def test_half_are_positive_and_no_patient_comes_twice(ask):
    source, request = ask()
    drawn = sample(source, request)
    assert [case.labels["consolidation"] for _, case in drawn] == [1] * 10 + [0] * 10
    assert len({case.patient for _, case in drawn}) == 20


def test_the_seed_alone_decides_the_sample(ask):
    chosen = [
        [index for index, _ in sample(*ask(**more))]
        for more in ({}, {"factor": 3.0}, {"method": "gradient"}, {"seed": 2})
    ]
    assert chosen[0] == chosen[1] == chosen[2]
    assert chosen[0] != chosen[3]


@pytest.mark.parametrize("count", [20, 1000])
def test_references_are_of_patients_who_are_not_explained(ask, count):
    source, request = ask(count=count)
    dataset = source.dataset(request.dataset)
    by_pixels = {}
    for index, case in enumerate(dataset.cases):
        by_pixels.setdefault(dataset.read(index).image.tobytes(), set()).add(case.patient)
    lent = references(request, source)
    assert len(lent) >= 2
    patients = set().union(*(by_pixels[one.image.tobytes()] for one in lent))
    assert not patients & {case.patient for _, case in sample(source, request)}


@pytest.mark.parametrize("method", sorted(EXPLAINERS))
def test_images_per_pass_are_no_setting_of_a_method(ask, method):
    """A profile that leaves them open gives the maps that one with few at once gives."""
    open_, few = (read(*ask(method, count=4, store=f"{n}", batch=n)) for n in (None, 3))
    assert open_.arrays.keys() == few.arrays.keys()
    for name, array in open_.arrays.items():
        assert np.allclose(array, few.arrays[name], atol=1e-4), name


@pytest.mark.parametrize("batch", [None, 16])
@pytest.mark.parametrize(
    "error", [RuntimeError("CUDA error: misaligned address"), torch.OutOfMemoryError("CUDA")]
)
def test_what_a_card_fails_at_is_neither_a_refusal_nor_tried_with_as_many_images_again(
    ask, monkeypatch, error, batch
):
    tried, lines = [], []

    def fail(*_, **__):
        tried.append(1)
        raise error

    monkeypatch.setattr("shap.DeepExplainer.shap_values", fail)
    source, request = ask("deep", count=4, batch=batch)
    compute([request], source, lines.append)
    with pytest.raises(AuditError, match=f"deep of 'net' failed: {error}"):
        source.read(request)
    assert tried == [1]
    assert not [line for line in lines if "memory ran out" in line]
    assert source.missing(request)


def test_a_network_that_the_method_cannot_go_through_is_refused(ask, monkeypatch):
    def fail(*_, **__):
        raise RuntimeError("no rule for this step")

    monkeypatch.setattr("shap.DeepExplainer.shap_values", fail)
    source, request = ask("deep", count=4)
    with pytest.raises(NotApplicable, match="no rule for this step"):
        source.read(request)
    assert not source.missing(request)


@pytest.mark.parametrize(("device", "kernels"), [("cpu", "any"), ("cuda", "repeatable")])
def test_attention_is_gone_back_through_by_kernels_that_repeat(device, kernels):
    with repeatable_gradients(SimpleNamespace(device=device)):
        fast = (
            torch.backends.cuda.flash_sdp_enabled(),
            torch.backends.cuda.mem_efficient_sdp_enabled(),
        )
        assert torch.backends.cuda.math_sdp_enabled()
    assert fast == ((True, True) if kernels == "any" else (False, False))


def test_a_method_of_its_own_batch_keeps_it_unless_the_profile_has_one():
    own = Occlusion(batch_size=10)
    assert [sized(own, size).batch_size for size in (None, 3)] == [10, 3]


def test_references_may_be_of_a_declared_data_set(ask):
    source, request = ask(more='references = "others.toml"')
    plain, same = ask()
    other = [one.image.tobytes() for one in references(request, source)]
    own = [one.image.tobytes() for one in references(same, plain)]
    assert not set(other) & set(own)
    assert request.keys(source) != same.keys(plain)
    source, request = ask(more='references = "missing.toml"')
    with pytest.raises(AuditError, match=r"missing\.toml"):
        source.read(request)


def test_region_values_add_up_and_are_stored_once(ask, monkeypatch):
    source, request = ask()
    found = source.read(request)
    values = found.arrays["values"]
    assert values.sum(axis=1) == pytest.approx(found.outputs - found.expected, abs=1e-5)
    assert found.arrays["area"].sum(axis=1) == pytest.approx(1)
    lungs = [found.players.index(name) for name in ("left_lung", "right_lung")]
    assert found.arrays["inside"][:, lungs] == pytest.approx(1)
    assert "background left" in found.players or "background upper left" in found.players
    monkeypatch.setattr(
        "audit_suite.evidence.attributions.compute._compute", None
    )  # nothing is computed
    again = source.read(request)
    assert np.array_equal(again.arrays["values"], values)


def test_regions_told_apart_are_told_by_their_pixels(ask):
    source, plain = ask()
    request = replace(plain, apart=("border", "lungs", "spine"))
    found = source.read(request)
    assert "border" in found.players, "a region of its own where it is asked for"
    apart, area = found.arrays["apart"], found.arrays["area"]
    assert apart[:, :, 1] == pytest.approx(found.arrays["inside"]), "the lungs are the ROI here"
    assert (apart[:, found.players.index("border"), 0] == 1).all()
    of_regions = (apart * area[:, :, None]).sum(axis=1)
    for number, index in enumerate(found.index):
        drawn = source.dataset(request.dataset).read(int(index)).regions
        assert of_regions[number, 2] == pytest.approx(drawn["spine"].mean())
    values = found.arrays["values"]
    assert values.sum(axis=1) == pytest.approx(found.outputs - found.expected, abs=1e-5)


def test_what_is_told_apart_is_part_of_the_key_and_nothing_is_no_part_of_it(ask, monkeypatch):
    source, plain = ask()
    keys = {key for names in ((), ("border",)) for key in replace(plain, apart=names).keys(source)}
    assert len(keys) == 2
    assert "border" not in source.read(plain).players
    monkeypatch.setattr("audit_suite.evidence.attributions.request.canonical_digest", dict)
    assert "apart" not in plain.keys(source)[0], "what was stored before stays valid"


def test_maps_come_with_their_own_tests(ask):
    source, request = ask("gradient")
    found = source.read(request)
    count = len(found.index)
    shapes = {name: array.shape for name, array in found.arrays.items()}
    assert shapes["maps"] == shapes["regions"] == (count, 32, 32)
    assert shapes["shuffled"][:2] == (3, len(found.arrays["picked"]))
    assert shapes["deletion"] == shapes["insertion"] == (count, 2, 9)
    deletion, insertion = found.arrays["deletion"], found.arrays["insertion"]
    assert deletion[:, :, 0] == pytest.approx(np.stack([found.outputs] * 2, axis=1), abs=1e-5)
    assert insertion[:, :, -1] == pytest.approx(deletion[:, :, 0], abs=1e-5)
    assert insertion[:, :, 0] == pytest.approx(deletion[:, :, -1], abs=1e-5), "of an empty image"


def test_a_model_that_gives_no_column_is_explained_alike(ask):
    one = read(*ask("gradient"))
    flat = read(*ask("gradient", function="flat"))
    assert np.allclose(one.arrays["maps"], flat.arrays["maps"], atol=1e-6)


def test_a_refusal_is_stored_with_its_reason(ask, monkeypatch):
    def refuse(*_):
        raise RuntimeError("no such kernel\nand more")

    source, request = ask("gradient")
    monkeypatch.setattr("audit_suite.explainers.methods.gradient.ExpectedGradients.explain", refuse)
    for _ in range(2):
        with pytest.raises(
            NotApplicable, match="gradient cannot handle this model: no such kernel"
        ):
            source.read(request)
        monkeypatch.undo()


@pytest.mark.parametrize(
    "error",
    [
        torch.OutOfMemoryError("out of memory"),
        RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate 9 bytes"),
    ],
)
def test_want_of_memory_is_no_word_on_the_model(ask, monkeypatch, error):
    def exhausted(*_):
        raise error

    source, request = ask("gradient")
    with monkeypatch.context() as patched:
        patched.setattr(
            "audit_suite.explainers.methods.gradient.ExpectedGradients.explain", exhausted
        )
        with pytest.raises(AuditError, match=r"failed: .*memory") as caught:
            source.read(request)
    assert "--audit-batch-size" in str(caught.value)
    source.failures.clear()
    assert len(source.read(request).index) == 20, "nothing was stored of it"


def test_regions_are_never_refused_for_what_may_pass(ask, monkeypatch):
    def broken(*_):
        raise RuntimeError("an illegal access was encountered")

    source, request = ask()
    with monkeypatch.context() as patched:
        patched.setattr("audit_suite.evidence.attributions.regions.region_values", broken)
        with pytest.raises(AuditError, match="region-shapley of 'net' failed: an illegal"):
            source.read(request)
    source.failures.clear()
    assert len(source.read(request).index) == 20


def test_a_method_that_fails_on_the_shuffled_model_keeps_its_maps(ask, monkeypatch):
    from audit_suite.explainers.methods.gradient import ExpectedGradients

    plain, asked = ExpectedGradients.explain, []

    def explain(self, module, *rest):
        asked.append(module)
        if len(asked) > 2:  # the maps, the same from fewer samples, then the stages
            raise NotApplicable("attributions do not add up")
        return plain(self, module, *rest)

    source, request = ask("gradient")
    monkeypatch.setattr(ExpectedGradients, "explain", explain)
    found = source.read(request).arrays
    assert np.isnan(found["shuffled"]).all()
    assert np.isfinite(found["maps"]).all()
    assert np.isfinite(found["rough"]).all()


def test_every_explained_image_has_a_reference_of_its_own_where_there_are_enough(ask):
    source, request = ask()
    found = source.read(request)
    count = max(REFERENCES, len(found.index))
    lent = np.bincount(found.arrays["donor"], minlength=len(references(request, source, count)))
    assert lent.max() - lent.min() <= 1, "dealt in turn"
    assert len(lent) > REFERENCES or len(found.index) <= REFERENCES


def test_whoever_is_in_the_audited_set_lends_nothing_to_it(ask):
    """A reference set of the same house, with patients of the audited one among its own."""
    source, request = ask()
    whole = source.dataset(request.dataset)
    card = request.dataset.model_copy(update={"name": "all"})
    more = tuple(
        replace(case, id=f"more-{case.id}", patient=f"more-{case.patient}") for case in whole.cases
    )
    lending = replace(whole, card=card, cases=whole.cases + more)
    assert _shared_patients(lending, whole) == {case.patient for case in whole.cases}
    other = tuple(replace(case, labels={"consolidation": 0}) for case in whole.cases)
    assert _shared_patients(replace(whole, cases=other), whole) == set(), "names that mean others"
    assert _shared_patients(replace(whole, cases=more), whole) == set()


def test_offline_nothing_is_computed(ask):
    source, request = ask()
    source.offline = True
    with pytest.raises(
        AuditError, match=r"lacks the evidence of model 'net' .* under method 'region-shapley'"
    ):
        source.read(request)


def test_broken_weights_are_noted_and_the_rest_is_computed(ask):
    source, request = ask()
    broken = replace(request, model=request.model.model_copy(update={"architecture": "x.py:y"}))
    compute([broken, request], source)
    assert isinstance(source.failure(broken), AuditError)
    assert len(source.read(request).index) == 20
    with pytest.raises(AuditError, match=r"x\.py"):
        source.read(broken)


def test_no_region_of_interest_is_not_applicable(ask):
    _, request = ask()
    card = request.dataset.model_copy(
        update={
            "targets": {
                "consolidation": request.dataset.targets["consolidation"].model_copy(
                    update={"roi": ()}
                )
            }
        }
    )
    with pytest.raises(NotApplicable, match="declares no ROI"):
        Cell(request.model, (None,), card, "consolidation").explanations("gradient")


def test_shuffling_goes_from_the_head_down_and_leaves_the_model_alone():
    torch.manual_seed(0)
    model = nn.Sequential(*(nn.Linear(6, 6) for _ in range(5)))
    before = [weights.clone() for weights in model.parameters()]
    touched = []
    for share in (0.0, 0.5, 1.0):
        spoiled = shuffled(model, share, seed=1)
        layers = zip(model, spoiled, strict=True)
        touched.append([not torch.equal(a.weight, b.weight) for a, b in layers])
        for a, b in zip(model.parameters(), spoiled.parameters(), strict=True):
            assert torch.equal(a.flatten().sort()[0], b.flatten().sort()[0]), "the same numbers"
    assert touched == [
        [False, False, False, False, True],
        [False, False, True, True, True],
        [True] * 5,
    ]
    assert all(torch.equal(a, b) for a, b in zip(before, model.parameters(), strict=True))
    with pytest.raises(NotApplicable, match="no parameters"):
        shuffled(nn.ReLU(), 1.0, seed=1)


def test_a_model_that_keeps_an_embedding_is_explained_whether_compiled_or_not(ask, monkeypatch):
    monkeypatch.setattr(torch, "compile", partial(torch.compile, backend="eager"))
    plain = read(*ask("gradient", store="plain")).arrays
    source, request = ask("gradient", keys='embedding_layer = "maps"')
    model = source.model(request.model, None)
    batch = torch.rand(4, 1, 32, 32)
    with model.running(model.compiled_for(batch)):
        _, embedding = model(batch)
    model.module(batch).sum().backward()
    found = read(source, request).arrays
    for name in ("maps", "shuffled"):
        assert np.array_equal(found[name], plain[name]), name
    assert embedding.shape == (4, 2)
    assert not model._seen.value.requires_grad, "a pass with gradients is not held in memory"


def test_a_copy_of_a_network_leaves_the_embedding_of_its_model_alone(ask):
    source, request = ask(keys='embedding_layer = "maps"')
    model = source.model(request.model, None)
    _, embedding = model(torch.rand(2, 1, 32, 32))
    shuffled(model.module, 1.0, seed=1)(torch.rand(5, 1, 32, 32))
    assert model._seen.value is embedding


@pytest.mark.parametrize("method", [REGION_SHAPLEY, "gradient"])
def test_explanations_are_the_same_bytes_whether_scores_came_before_or_not(ask, method):
    found = []
    for scores_first in (False, True):
        source, request = ask(method, function="wide", count=8, store=f"scores-{scores_first}")
        model = source.model(request.model, None)
        model.lay_out(channels_last=False)  # as a model is on a card when it was loaded
        model.device = "cuda"
        if scores_first:
            with computing_in("tf32", model):
                model(torch.rand(2, 1, 32, 32))
        found.append(read(source, request))
    alone, after = found
    assert after.outputs.tobytes() == alone.outputs.tobytes()
    for name, array in alone.arrays.items():
        assert after.arrays[name].tobytes() == array.tobytes(), name
