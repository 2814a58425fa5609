"""What a model returns, and what of it is scored: named by the card, by the model, or obvious."""

from __future__ import annotations

from collections import namedtuple
from types import SimpleNamespace

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from audit_suite.cards import InputSpec, ModelCard
from audit_suite.errors import AuditError
from audit_suite.explainers.outputs import explained_outputs
from audit_suite.models.audited import AuditedModel
from audit_suite.models.notes import note, taking_notes
from audit_suite.models.outputs import find_columns, find_pick, note_probabilities, ranked

INPUT = InputSpec(size=(8, 8), channels=1, resize="pad", mean=(0.0,), std=(1.0,))


def card(targets=("a", "b"), **keys):
    return ModelCard(
        schema=1,
        name="m",
        loader="callable",
        architecture="x:y",
        targets=targets,
        input=INPUT,
        **keys,
    )


class Linear(nn.Module):
    """A network whose answer is put into whatever a test wants."""

    def __init__(self, outputs, wrap=lambda logits: logits):
        super().__init__()
        torch.manual_seed(outputs)
        self.linear = nn.Linear(64, outputs)
        self.wrap = wrap

    def logits(self, batch):
        return self.linear(batch.flatten(1))

    def forward(self, batch):
        return self.wrap(self.logits(batch))


BATCH = torch.rand(5, 1, 8, 8, generator=torch.Generator().manual_seed(1))


def audited(made, network):
    with taking_notes() as notes, torch.inference_mode():
        model = AuditedModel(made, network, "", None)
        model.find_outputs(BATCH)
    model.notes = tuple(notes)
    return model


# One, two, or many outputs


@given(st.data())
def test_scores_are_those_of_the_named_outputs(data):
    """Brute force: activation over all outputs, then the columns of the targets, as log odds."""
    names = [f"o{i}" for i in range(data.draw(st.integers(1, 5)))]
    targets = data.draw(st.permutations(names))[: data.draw(st.integers(1, len(names)))]
    kinds = ["sigmoid", "none"] + (["softmax"] if len(names) > 1 else [])
    activation = data.draw(st.sampled_from(kinds))
    network = Linear(len(names))
    made = card(targets=tuple(targets), outputs=tuple(names), activation=activation)
    scores, _ = audited(made, network)(BATCH)
    logits = network.logits(BATCH).detach().double()
    for column, target in enumerate(targets):
        which = names.index(target)
        if activation == "softmax":
            p = logits[:, which].exp() / logits.exp().sum(dim=1)
            wanted = (p / (1 - p)).log()
        else:
            wanted = logits[:, which]
        assert torch.allclose(scores[:, column], wanted, rtol=1e-9)


@pytest.mark.parametrize("activation", ["sigmoid", "softmax"])
def test_images_that_a_probability_can_no_longer_tell_apart_keep_their_order(activation):
    """Logits from 20 to 200: every probability of float32 is exactly 1."""
    logits = torch.tensor([200.0, 20, 100, 21, 99])
    both = torch.stack([torch.zeros(5), logits], dim=1)
    made = card(targets=("sick",), outputs=("well", "sick"), activation=activation)
    scores = ranked(made, both, (1,))[:, 0]
    assert (both.softmax(dim=1)[:, 1] == 1).all()
    assert torch.equal(scores, logits.double())


def test_a_class_that_a_network_rules_out_is_no_error():
    """A log-softmax of a probability of 0 is -inf, on either side; only nan is no score."""
    logits = torch.tensor([[0.0, -torch.inf], [-torch.inf, 0.0], [-1.0, -2.0]])
    made = card(targets=("sick",), outputs=("well", "sick"), activation="softmax")
    scores = ranked(made, logits, (1,))[:, 0]
    assert torch.isfinite(scores).all()
    assert scores.argsort().tolist() == [0, 2, 1]
    assert ranked(made, torch.full((1, 2), -torch.inf), (1,)).isnan().all()


@pytest.mark.parametrize("names", [("normal", "sick"), ("sick", "normal"), ("a", "sick", "b")])
def test_explainers_explain_the_targets_own_log_odds(names):
    """One column of many: its log odds under softmax, which for two is the logit difference."""
    network = Linear(len(names))
    model = audited(card(targets=("sick",), outputs=names, activation="softmax"), network)
    (column,) = model.columns
    explained = explained_outputs(model.module, "softmax", BATCH[:1])(BATCH)[:, column]
    assert torch.allclose(explained.double(), model(BATCH)[0][:, 0], atol=1e-5)
    if len(names) == 2:
        logits = network.logits(BATCH)
        sick = names.index("sick")
        assert torch.allclose(explained, logits[:, sick] - logits[:, 1 - sick], atol=1e-5)


def test_one_logit_may_come_without_a_second_dimension():
    network = Linear(1, wrap=lambda logits: logits[:, 0])
    scores, _ = audited(card(targets=("a",)), network)(BATCH)
    assert torch.allclose(scores, network.logits(BATCH).double())


def test_more_outputs_than_targets_shows_the_key_to_write():
    with pytest.raises(AuditError, match=r"'targets' names 1 outputs, the model returns") as caught:
        audited(card(targets=("sick",)), Linear(2))(BATCH)
    assert 'outputs = ["other1", "sick"]' in caught.value.remedy
    with pytest.raises(AuditError, match=r"key 'outputs' names 3 outputs") as caught:
        audited(card(targets=("a",), outputs=("a", "b", "c")), Linear(2))(BATCH)
    assert "one target per output" in caught.value.remedy


def test_targets_must_be_among_the_outputs_and_softmax_needs_two():
    with pytest.raises(ValueError, match=r"'targets' names \['a'\], which are not among 'outputs'"):
        card(outputs=("b", "c"))
    with pytest.raises(ValueError, match=r'outputs = \["normal", "sick"\]'):
        card(targets=("sick",), activation="softmax")
    assert card(targets=("b",), outputs=("a", "b"), activation="softmax").output_names == ("a", "b")


def test_keys_that_are_not_used_change_no_digest():
    plain = card()
    content = plain.model_dump(mode="json", by_alias=True)
    later = {"outputs", "output", "state", "same_as", "probabilities", "operating_points"}
    assert not later & set(content)
    point = {"a": {"probability": 0.3, "source": "x"}}
    for more in (
        {"outputs": ("a", "b")},
        {"output": 0},
        {"same_as": "x.toml"},
        {"operating_points": point},
    ):
        assert card(**more).digest() != plain.digest()


def test_a_state_is_chosen_only_where_there_are_checkpoints():
    with pytest.raises(ValueError, match="key 'state' chooses in a checkpoint, and loader 'call"):
        card(state="ema")


# What is returned

Pair = namedtuple("Pair", ["logits", "features"])
WRAPS = {
    "tuple": (lambda x: (x, x.repeat(1, 7)), 0, False),
    "list": (lambda x: [x.repeat(1, 7), x], 1, False),
    "alone": (lambda x: (x,), 0, False),
    "dict": (lambda x: {"scores": x, "maps": x[:, :, None, None]}, "scores", False),
    "logits": (lambda x: {"logits": x, "aux": x}, "logits", False),
    "object": (lambda x: SimpleNamespace(logits=x, loss=None), "logits", True),
    "named tuple": (lambda x: Pair(x, x.repeat(1, 7)), "logits", True),
    "hidden": (lambda x: SimpleNamespace(logits=x, hidden=(x,)), "logits", True),
}


@pytest.mark.parametrize("kind", WRAPS)
def test_the_obvious_part_is_taken_and_said(kind):
    wrap, by, attribute = WRAPS[kind]
    network = Linear(2, wrap)
    model = audited(card(), network)
    assert torch.allclose(model(BATCH)[0], network.logits(BATCH).double())
    assert torch.allclose(model.module(BATCH), network.logits(BATCH)), "for explainers"
    pick = find_pick(card(), network(BATCH), len(BATCH))
    assert (pick.by, pick.attribute) == (by, attribute)
    said = [f"the scores are the model's output {by!r}"] if kind != "alone" else []
    assert [each.partition(", of")[0] for each in model.notes] == said


def test_two_parts_that_could_be_it_are_asked_about():
    network = Linear(2, lambda x: {"main": x, "aux": -x})
    with pytest.raises(AuditError, match=r"several things: 'main' \(5, 2\), 'aux'") as caught:
        audited(card(), network)
    assert 'output = "main"' in caught.value.remedy
    scores, _ = audited(card(output="aux"), network)(BATCH)
    assert torch.allclose(scores, (-network.logits(BATCH)).double())
    with pytest.raises(AuditError, match=r"returns no output 'auxiliary'") as caught:
        audited(card(output="auxiliary"), network)
    assert "'main' (5, 2)" in caught.value.remedy


def test_a_position_is_picked_and_one_beyond_the_end_is_said():
    network = Linear(2, lambda x: (x, -x))
    scores, _ = audited(card(output=1), network)(BATCH)
    assert torch.allclose(scores, (-network.logits(BATCH)).double())
    with pytest.raises(AuditError, match=r"returns no output 2"):
        audited(card(output=2), network)


def test_an_embedding_is_found_in_a_network_whose_scores_are_picked():
    network = Linear(2, lambda x: {"logits": x})
    model = audited(card(embedding_layer="linear"), network)
    assert torch.allclose(model(BATCH)[1], network.logits(BATCH))


# What the model's own files call its outputs

LABELS = ["No Finding", "Pleural Effusion", "Pneumonia"]


def columns(labels=LABELS, **keys):
    with taking_notes() as notes:
        return find_columns(card(**keys), labels), notes


def test_labels_of_the_model_place_targets_by_name():
    found, notes = columns(targets=("pneumonia", "pleural-effusion"))
    assert found == (3, (2, 1))
    assert "0 = 'No Finding', 1 = 'Pleural Effusion', 2 = 'Pneumonia'" in notes[0]
    found, notes = columns(targets=("no_finding", "pleural.effusion", "pneumonia"))
    assert (found, notes) == ((3, (0, 1, 2)), [])


def test_outputs_that_are_not_where_the_model_has_them_are_refused():
    with pytest.raises(AuditError, match="'pneumonia' is not where the model's files have it"):
        columns(targets=("pneumonia",), outputs=("pneumonia", "no-finding", "x"))
    found, notes = columns(targets=("lunge",), outputs=("nichts", "erguss", "lunge"))
    assert found == (3, (2,))
    assert "otherwise than the model's files" in notes[0]


def test_another_number_of_outputs_shows_the_line_to_write():
    with pytest.raises(AuditError, match="names 1 outputs, the model's files 3") as caught:
        columns(targets=("tumour",))
    assert 'outputs = ["no-finding", "pleural-effusion", "pneumonia"]' in caught.value.remedy


# Probabilities


@pytest.mark.parametrize(
    ("outputs", "activation", "noted"),
    [
        (torch.rand(4, 3).softmax(dim=1), "sigmoid", True),
        (torch.rand(4, 3).softmax(dim=1), "softmax", True),
        (torch.rand(4, 3).softmax(dim=1), "none", False),
        (torch.rand(4, 3), "sigmoid", False),
        (torch.rand(4, 3) - 0.5, "softmax", False),
        (torch.ones(4, 1), "sigmoid", False),
        (torch.full((4, 2), torch.nan), "sigmoid", False),
    ],
)
def test_an_activation_that_is_applied_twice_is_noted(outputs, activation, noted):
    with taking_notes() as notes:
        names = {"targets": tuple("abc")[: outputs.shape[1]]}
        note_probabilities(card(activation=activation, **names), outputs)
    assert bool(notes) == noted
    assert not noted or 'activation = "none"' in notes[0]
    assert not noted or "probabilities = true" in notes[0]


def test_notes_outside_of_loading_go_nowhere_and_repeat_once():
    note("nobody listens")
    with taking_notes() as notes:
        note("a")
        note("a")
        with taking_notes() as inner:
            note("b")
    assert (notes, inner) == (["a"], ["b"])
