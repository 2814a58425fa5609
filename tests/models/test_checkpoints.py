"""Checkpoints as people have them: unwrapped where they fit, said, and never guessed."""

from __future__ import annotations

from argparse import Namespace

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from torch import nn

from audit_suite.cards import InputSpec, ModelCard
from audit_suite.errors import AuditError
from audit_suite.models.checkpoints import fit_checkpoint, states_in
from audit_suite.models.notes import taking_notes
from audit_suite.models.weights import inspect_state, read_tensors

KEYS = ["state_dict", "model_state_dict", "model", "net", "network"]
PREFIXES = ["", "module.", "model.", "net.", "_orig_mod.", "_orig_mod.module.", "model._orig_mod."]


def card(**more):
    keys = {"loader": "architecture", "architecture": "net.py:net", "weights": "w.pt"}
    spec = InputSpec(size=(8, 8), resize="pad", mean=(0.0,), std=(1.0,))
    return ModelCard(schema=1, name="m", targets=("a",), input=spec, **(keys | more))


def network(seed=0):
    torch.manual_seed(seed)
    body = nn.Sequential(nn.Conv2d(1, 2, 3), nn.BatchNorm2d(2), nn.Conv2d(2, 2, 3))
    return nn.Sequential(body, nn.Flatten(), nn.Linear(32, 1))


def prefixed(state, prefix):
    return {f"{prefix}{name}": value for name, value in state.items()}


def fitted(tmp_path, content, **keys):
    """The network after a checkpoint was saved, read and put into it, and the notes."""
    torch.save(content, tmp_path / "w.pt")
    module = network(seed=99)
    made = card(**keys)
    with taking_notes() as notes:
        fit_checkpoint(made, module, tmp_path / "w.pt", read_tensors(made, tmp_path / "w.pt"))
    return module.state_dict(), notes


def same(one, other):
    return one.keys() == other.keys() and all(torch.equal(one[key], other[key]) for key in one)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(
    keys=st.lists(st.sampled_from(KEYS), max_size=2, unique=True),
    prefix=st.sampled_from(PREFIXES),
    counted=st.booleans(),
    more=st.booleans(),
)
def test_wrappers_and_prefixes_are_taken_off(tmp_path, keys, prefix, counted, more):
    state = {
        name: value
        for name, value in network().state_dict().items()
        if counted or not name.endswith("num_batches_tracked")
    }
    content = prefixed(state, prefix)
    for key in keys:
        content = {key: content, **({"epoch": 3, "lr": [0.1]} if more else {})}
    found, notes = fitted(tmp_path, content)
    assert same(found, network().state_dict())
    place = ".".join([*reversed(keys), *filter(None, [prefix.strip(".")])])
    assert notes == ([f"w.pt: the weights are those of its state '{place}'"] if place else [])


def test_a_lightning_checkpoint_is_read_without_its_optimizer_and_loss(tmp_path):
    net = network()
    optimizer = torch.optim.AdamW(net.parameters())
    net(torch.rand(2, 1, 8, 8)).sum().backward()
    optimizer.step()
    state = prefixed(net.state_dict(), "model.") | {"loss.pos_weight": torch.ones(1)}
    found, notes = fitted(
        tmp_path,
        {
            "epoch": 1,
            "state_dict": state,
            "optimizer_states": [optimizer.state_dict()],
            "hyper_parameters": {"lr": 1e-3},
        },
    )
    assert same(found, net.state_dict())
    assert notes == [
        "w.pt: the weights are those of its state 'state_dict.model'",
        "w.pt: 1 tensors are not the network's: loss.pos_weight",
    ]


AVERAGES = {
    "ema": lambda state: {"ema": state},
    "ema.module": lambda state: {"ema": {"module": state, "decay": 0.9}},
    "model_ema": lambda state: {"model_ema": state},
    "state_dict_ema": lambda state: {"state_dict_ema": state},
}


@pytest.mark.parametrize("place", AVERAGES)
def test_of_a_plain_and_an_averaged_state_the_plain_one_is_taken_and_it_is_said(tmp_path, place):
    content = AVERAGES[place](network(2).state_dict()) | {"model": network(1).state_dict()}
    found, notes = fitted(tmp_path, content)
    assert same(found, network(1).state_dict())
    assert notes == [
        "w.pt: the weights are those of its state 'model'",
        f"w.pt: it also holds '{place}', not taken; the key `state` chooses: state = \"{place}\"",
    ]
    for state in {place, place.partition(".")[0]}:
        found, notes = fitted(tmp_path, content, state=state)
        assert same(found, network(2).state_dict())
        assert notes == [f"w.pt: the weights are those of its state '{place}'"]


def test_the_average_in_the_same_table_is_an_average_too(tmp_path):
    table = prefixed(network(1).state_dict(), "net.") | prefixed(
        network(2).state_dict(), "ema.module."
    )
    assert same(fitted(tmp_path, {"state_dict": table})[0], network(1).state_dict())
    found, _ = fitted(tmp_path, {"state_dict": table}, state="state_dict.ema")
    assert same(found, network(2).state_dict())
    found, notes = fitted(tmp_path, {"ema": network(2).state_dict()})
    assert same(found, network(2).state_dict()), "it is the only one"
    assert notes == ["w.pt: the weights are those of its state 'ema'"]


def test_two_plain_states_are_not_guessed_between(tmp_path):
    content = {"student": network(1).state_dict(), "teacher": network(2).state_dict()}
    with pytest.raises(AuditError, match="holds several states that fit") as caught:
        fitted(tmp_path, content)
    assert "'student', 'teacher'" in caught.value.what
    assert 'state = "student"' in caught.value.remedy
    assert same(fitted(tmp_path, content, state="teacher")[0], network(2).state_dict())


def test_a_state_that_is_not_there_is_named_with_those_that_are(tmp_path):
    with pytest.raises(AuditError, match=r"key 'state': .*w.pt holds no state 'ema'") as caught:
        fitted(tmp_path, {"model": network().state_dict()}, state="ema")
    assert caught.value.remedy.startswith("it holds: 'model'")


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda s: {k: v for k, v in s.items() if "2.weight" not in k}, "missing: "),
        (lambda s: s | {"extra.weight": torch.zeros(1)}, "unexpected: extra.weight"),
        (lambda s: s | {"2.weight": torch.zeros(5, 32)}, r"shape: 2.weight \(5, 32\) instead of"),
    ],
)
def test_what_does_not_fit_is_named_in_the_networks_own_names(tmp_path, change, said):
    content = {"state_dict": prefixed(change(network().state_dict()), "module.")}
    with pytest.raises(AuditError, match=r"w.pt \(state 'state_dict.module'\) do not fit") as e:
        fitted(tmp_path, content)
    assert said.partition("\\")[0].partition(" instead")[0] in e.value.what
    assert "module." not in e.value.what.partition("do not fit")[2]


@pytest.mark.parametrize("content", [{"a": 1}, {"state_dict": {"a": 1}}, {}, {"x": {1: 2}}])
def test_what_holds_no_state_is_said(tmp_path, content):
    with pytest.raises(AuditError, match=r"key 'weights': .*w.pt is not a state dict"):
        fitted(tmp_path, content)


def test_a_checkpoint_that_holds_a_class_says_how_to_save_it(tmp_path):
    content = {"state_dict": network().state_dict(), "hyper_parameters": Namespace(lr=1)}
    torch.save(content, tmp_path / "w.ckpt")
    with pytest.raises(AuditError, match=r"refused \(it imports argparse.Namespace\)") as caught:
        inspect_state(card(), tmp_path / "w.ckpt")
    assert 'save_file(model.state_dict(), "model.safetensors")' in caught.value.remedy
    with pytest.raises(AuditError, match="would run code when loaded: refused"):
        read_tensors(card(), tmp_path / "w.ckpt")


def test_a_buffer_that_is_empty_until_weights_come_is_filled(tmp_path):
    class Calibrated(nn.Module):
        def __init__(self, thresholds=None):
            super().__init__()
            self.linear = nn.Linear(2, 2)
            self.register_buffer("thresholds", thresholds)

    torch.save(Calibrated(torch.tensor([0.1, 0.2])).state_dict(), tmp_path / "w.pt")
    module = Calibrated()
    fit_checkpoint(card(), module, tmp_path / "w.pt", read_tensors(card(), tmp_path / "w.pt"))
    assert module.thresholds.tolist() == pytest.approx([0.1, 0.2])


def test_states_are_found_by_their_places():
    tensors = {"w": torch.zeros(1)}
    content = {"a": tensors, "b": {"c": tensors, "n": 1}, "optimizer": {"state": {0: tensors}}}
    assert [state.place for state in states_in(content)] == ["a", "b.c"]
    assert [state.place for state in states_in(tensors)] == [""]
