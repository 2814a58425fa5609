"""Compiled networks: when one is used, for how many, and what is left if it cannot be made."""

from __future__ import annotations

import time
from contextlib import nullcontext
from functools import partial
from types import SimpleNamespace

import pytest
import torch
from cards import model_card
from torch import nn

from audit_suite.evidence.arithmetic import computing_in
from audit_suite.evidence.scores import trial
from audit_suite.models import compiling, function
from audit_suite.models.audited import AuditedModel
from audit_suite.models.compiling import CompiledForms, compiled
from audit_suite.pulse import listening

COMPILE = torch.compile
ON_A_CARD = SimpleNamespace(device="cuda", lay_out=lambda channels_last: None)


class Tiny(nn.Module):
    """Two layers, one of them spatial."""

    def __init__(self):
        super().__init__()
        self.body = nn.Conv2d(1, 4, 3)
        self.head = nn.Linear(4, 2)

    def forward(self, batch):
        return self.head(self.body(batch).relu().mean(dim=(2, 3)))


@pytest.fixture
def graphs(monkeypatch):
    """The graphs that were compiled, by a compiler that does nothing to them."""
    made = []

    def note(graph, _inputs):
        made.append(graph)
        return graph.forward

    torch._dynamo.reset()
    monkeypatch.setattr(torch, "compile", partial(COMPILE, backend=note))
    yield made
    torch._dynamo.reset()


@pytest.fixture
def model(tmp_path):
    card = model_card(tmp_path, 'embedding_layer = "body"\nhead = "tail"', targets=("a", "b"))
    network = nn.Sequential()
    network.body, network.tail = nn.Conv2d(1, 4, 3), nn.Linear(4, 2)
    network.forward = lambda batch: network.tail(network.body(batch).mean(dim=(2, 3)))
    return AuditedModel(card, network.eval(), "digest", "trunk")


def test_a_compiled_form_gives_what_the_network_gives(graphs):
    torch.manual_seed(0)
    network, batch = Tiny().eval(), torch.rand(4, 1, 8, 8)
    made = compiled(network, batch)
    assert len(graphs) == 1
    with torch.inference_mode():
        assert torch.equal(made(batch), network(batch))
    assert len(graphs) == 1, "it was compiled when it was tried"


def test_it_fits_one_shape_in_one_arithmetic(graphs):
    batch = torch.rand(4, 1, 8, 8)
    made = compiled(Tiny().eval(), batch)
    assert made.fits(torch.rand(4, 1, 8, 8))
    assert not made.fits(batch[:3])
    with torch.autocast("cpu", torch.bfloat16):
        assert not made.fits(batch)
    with computing_in("tf32", ON_A_CARD):
        assert not made.fits(batch), "scores of tf32 are not those of fp32"
    assert made.fits(batch)


def test_all_folds_of_a_model_are_compiled(graphs):
    """By default torch compiles one piece of code eight times, and then no more, silently."""
    for count in range(2, 14):
        assert compiled(Tiny().eval(), torch.rand(count, 1, 8, 8)) is not None
        assert len(graphs) == count - 1


LIMITS = dict(compiling._LIMITS)


def test_one_too_many_is_not_taken_for_a_compiled_one(graphs, monkeypatch):
    limits = {names: 2 if value == compiling._SHAPES else value for names, value in LIMITS.items()}
    monkeypatch.setattr(compiling, "_LIMITS", limits)
    made = [compiled(Tiny().eval(), torch.rand(count, 1, 8, 8)) for count in range(2, 6)]
    assert [each is not None for each in made] == [True, True, False, False]


@pytest.mark.parametrize("known", [0, 1])
def test_settings_of_torch_are_known_by_old_and_new_names_and_may_be_missing(monkeypatch, known):
    class Config:
        def patch(self, changes):
            return changes

    config = Config()
    limit, fail = ([names[known] for names in LIMITS][n] for n in (0, 1))
    setattr(config, limit, 8)
    monkeypatch.setattr(torch._dynamo, "config", config)
    assert compiling._raised_limits() == {limit: 64}
    setattr(config, fail, False)
    assert compiling._raised_limits() == {limit: 64, fail: True}


class Other(Tiny):
    """Compiled, it gives a bit more."""

    more = 1e-3

    def forward(self, batch):
        return super().forward(batch) + (self.more if torch.compiler.is_compiling() else 0)


class Paired(Tiny):
    """Two outputs."""

    def forward(self, batch):
        return super().forward(batch), batch


@pytest.mark.parametrize("network", [Other, Paired])
def test_what_gives_something_else_is_not_used(graphs, network):
    assert compiled(network().eval(), torch.rand(2, 1, 8, 8)) is None


STORED = {**function._PASSES, "fp32": function._FP32["cuda"]}


@pytest.mark.parametrize(
    ("precision", "context"),
    [
        ("fp32", nullcontext()),
        ("tf32", computing_in("tf32", ON_A_CARD)),
        ("bf16", torch.autocast("cpu", torch.bfloat16)),
    ],
)
def test_scores_of_a_compiled_form_are_not_taken_for_those_of_another_model(
    graphs, precision, context
):
    """Whoever compares stored scores with those of the network discards what differs by more."""
    network = Other().eval()
    with context:
        for share, used in ((0.4, True), (0.6, False)):
            network.more = share * STORED[precision]
            made = compiled(network, torch.rand(2, 1, 8, 8))
            assert (made is not None) == used


def test_a_machine_without_a_compiler_tries_once(monkeypatch):
    tried = []

    def missing(module, **_):
        tried.append(module)
        raise RuntimeError("no C++ compiler")

    monkeypatch.setattr(torch, "compile", missing)
    forms, network = CompiledForms(), Tiny().eval()
    assert [forms.of(network, torch.rand(2, 1, 8, 8)) for _ in range(3)] == [None] * 3
    assert len(tried) == 1
    forms.of(network, torch.rand(3, 1, 8, 8))
    assert len(tried) == 2


def test_only_who_asks_for_it_scores_by_the_compiled_form(graphs, model):
    """Else digits of a search would depend on whether scores were computed in the same process."""
    ran = []
    batch = torch.rand(4, 1, 32, 32)
    plain, seen = model.score(batch)
    made = model.compiled_for(batch)
    made._run = lambda images, run=made._run: ran.append(len(images)) or run(images)
    model.score(batch)
    assert not ran
    with model.running(made):
        scores, embedding = model.score(batch)
        model.score(batch[:3])
    assert ran == [4]
    assert torch.equal(scores, plain)
    assert torch.equal(embedding, seen)
    model.score(batch)
    assert ran == [4]


def test_an_embedding_that_no_pass_made_is_none_and_not_the_one_before(model):
    class Silent:
        def fits(self, batch):
            return True

        def __call__(self, batch):
            return batch[:, 0, 0, :2]

    batch = torch.rand(4, 1, 32, 32)
    model.score(batch)
    with model.running(Silent()):
        _, embedding = model.score(batch)
    assert embedding is None


def on_a_card(model):
    """A source of one model, and a request, as on CUDA; the model itself is on the processor."""
    model.device = "cuda"
    source = SimpleNamespace(
        profile=SimpleNamespace(device="cuda", batch_size=None, batch_for=lambda size: 16),
        precisions=SimpleNamespace(of=lambda pair: "tf32"),
        model=lambda card, fold: model,
    )
    return SimpleNamespace(model=model.card, fold=None, pair=None), source


def slow(result, taking=1.2):
    """A function that takes so many seconds."""

    def wait(*_, **__):
        time.sleep(taking)
        return result

    return wait


def test_trying_and_compiling_show_signs_of_life(model, monkeypatch):
    """An audit ends a process without one for five minutes, and compiling takes two or more."""
    request, source = on_a_card(model)
    monkeypatch.setattr(compiling, "compiled", slow(None))
    monkeypatch.setattr(compiling, "WORTH", 0.0)
    monkeypatch.setattr(trial, "_measured_once", slow(8))
    for work in (
        lambda: trial.batch_size(request, source),
        lambda: trial.compiled_for(request, source, 300, 8, lambda line: None),
    ):
        beats = []
        with listening(beats.append):
            work()
            assert len(beats) >= 2


def test_compiling_is_tried_where_it_pays_and_said_if_it_cannot_be_done(model, monkeypatch, graphs):
    request, source = on_a_card(model)
    said = []
    assert trial.compiled_for(request, source, 300, 8, said.append) is None
    assert (graphs, said) == ([], [])
    monkeypatch.setattr(compiling, "WORTH", 0.0)
    made = trial.compiled_for(request, source, 300, 8, said.append)
    with computing_in("tf32", model):
        assert made.fits(torch.rand(8, 1, 32, 32))
    assert trial.compiled_for(request, source, 400, 8, said.append) is made, "for another data set"
    assert len(graphs) == 1
    monkeypatch.setattr(torch, "compile", None)
    assert trial.compiled_for(request, source, 300, 4, said.append) is None
    assert said == [f"{model.card.name}: the network cannot be compiled here; it is used as it is"]
    source.profile.device = "cpu"
    assert trial.compiled_for(request, source, 300, 8, said.append) is None
