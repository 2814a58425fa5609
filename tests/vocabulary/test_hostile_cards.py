"""Model cards written by an attacker or by accident: one sentence that names the key, or a card."""

from __future__ import annotations

import os

import pytest
import tomli_w
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from audit_suite.cards import canonical_digest, load_model_card
from audit_suite.errors import AuditError
from audit_suite.models.vetting import code_of, vet

BASE = {
    "schema": 1,
    "name": "m",
    "targets": ["a", "b"],
    "loader": "architecture",
    "architecture": "torchvision:resnet18",
    "weights": "w.safetensors",
    "margins": {"R2": {"value": 0.1, "source": "s"}},
    "arguments": {"outputs": 2},
    "claims": {"a": {"auroc": 0.9, "source": "s"}},
    "input": {"size": [64, 64], "resize": "pad", "mean": [0.5], "std": [0.25]},
    "parity": {"images": ["x.png"], "expected": "x.safetensors", "tolerance": 0.1},
}
INF = [float("inf"), float("-inf"), float("nan")]

# `AUDIT_FUZZ=10000` tries that many cards.
fuzzed = settings(
    max_examples=int(os.environ.get("AUDIT_FUZZ", "60")),
    deadline=None,
    suppress_health_check=list(HealthCheck),
)


def with_value(path, value):
    """The base card with one value changed; a path of keys."""
    card = {k: dict(v) if isinstance(v, dict) else v for k, v in BASE.items()}
    table = card
    for key in path[:-1]:
        table[key] = dict(table.get(key, {})) if isinstance(table.get(key, {}), dict) else {}
        table = table[key]
    table[path[-1]] = value
    return card


def use(folder, text):
    """All that a card goes through before a model is loaded."""
    (folder / "m.toml").write_bytes(text)
    card = load_model_card(folder / "m.toml")
    card.digest()
    canonical_digest(card.model_dump(mode="json"))
    code_of(card)
    vet(card, 0 if card.folds else None)
    return card


def outcome(folder, text):
    """What is said of a card: an error of it, or that it is used."""
    try:
        use(folder, text)
    except AuditError as error:
        return str(error)
    return "used"


def refused(folder, card):
    with pytest.raises(AuditError) as caught:
        use(folder, tomli_w.dumps(card).encode())
    assert "m.toml" in caught.value.what
    assert caught.value.remedy
    assert "\n" not in caught.value.what
    return caught.value.what


@pytest.mark.parametrize("value", INF, ids=str)
@pytest.mark.parametrize(
    "path",
    [
        ("margins", "R2", "value"),
        ("claims", "a", "auroc"),
        ("input", "mean"),
        ("input", "std"),
        ("parity", "tolerance"),
        ("arguments", "outputs"),
        ("arguments", "deep"),
    ],
    ids=".".join,
)
def test_what_is_no_finite_number_is_refused_by_key(tmp_path, path, value):
    if path[-1] in ("mean", "std"):
        value = [value]
    elif path[-1] == "deep":
        value = {"deeper": [1, {"x": value}]}
    said = refused(tmp_path, with_value(path, value))
    assert f"key '{'.'.join(path)}" in said
    assert "is not a finite number" in said


@pytest.mark.parametrize("character", ["\0", "\x1b", "\x7f", "\x85", "\r"], ids=ascii)
@pytest.mark.parametrize(
    "path", [("weights",), ("architecture",), ("description",), ("parity", "expected")], ids=str
)
def test_control_characters_are_refused_by_key_and_not_printed(tmp_path, path, character):
    said = refused(tmp_path, with_value(path, f"a{character}b"))
    assert f"key '{'.'.join(path)}': " in said
    assert character not in said


@pytest.mark.parametrize(
    ("path", "value", "said"),
    [
        (("targets",), ["a", "a"], "key 'targets': 'a' is named twice"),
        (("datasets",), ["x", "x"], "key 'datasets': 'x' is named twice"),
        (("targets",), ["a"] * 3 + ["b"], "'a' is named twice"),
        (("input", "size"), [10**9, 64], "key 'input.size.0'"),
        (("input", "size"), [64, 8193], "key 'input.size.1'"),
        (("input", "size"), [64, 10**30], "key 'input.size.1'"),
        (("weights",), "x" * 300, "the longest name in it 300"),
        (("weights",), "~no-such-user-here/w.pt", "cannot be used"),
        (("weights",), "/" + "y/" * 5000 + "w", "it has 10002 bytes"),
        (("trusted",), "yes", "key 'trusted'"),
        (("activation",), "tanh", "key 'activation'"),
    ],
)
def test_absurd_values_are_refused_by_key(tmp_path, path, value, said):
    assert said in refused(tmp_path, with_value(path, value))


def test_folds_of_one_file_are_refused(tmp_path):
    card = with_value(("folds",), ["0.pt", "0.pt"])
    del card["weights"]
    assert "key 'folds': '0.pt' is named twice" in refused(tmp_path, card)


@pytest.mark.parametrize("targets", [["a"], ["b"]])
def test_softmax_over_one_output_is_refused(tmp_path, targets):
    card = {**with_value(("targets",), targets), "activation": "softmax"}
    card.pop("claims")
    said = refused(tmp_path, card)
    assert "key 'activation': softmax over the single output" in said


@pytest.mark.parametrize(
    "text",
    [
        b"x = " + b"[" * 5000,
        b"x = " + b"9" * 5000,
        b"\xff\xfe",
        b"x = 1979-13-40",
        b"",
        b"[[input]]\n",
        b"a." * 3000 + b"b = 1",
    ],
    ids=range(7),
)
def test_files_that_are_no_toml_of_a_card(tmp_path, text):
    with pytest.raises(AuditError, match=r"m\.toml"):
        use(tmp_path, text)


def _paths(content, before=()):
    for key, value in content.items():
        yield (*before, key)
        if isinstance(value, dict):
            yield from _paths(value, (*before, key))


PATHS = [*_paths(BASE), ("trusted",), ("folds",), ("head",), ("activation",), ("datasets",)]
PATHS += [("held_out",), ("embedding_layer",), ("expectations",), ("study",), ("unknown",)]
LEAVES = st.one_of(
    st.text(max_size=20),
    st.integers(-(10**20), 10**20),
    st.floats(),
    st.booleans(),
    st.dates(),
    st.times(),
    st.datetimes(),
    st.sampled_from(
        [
            *("torchvision:", ":", "os:system", ".py:", "net.py:f", "a.b.c:d", "", "/", ".", ".."),
            *("$X", "$", "~", "~x/y", "callable", "export", "torchscript", "none", "softmax", "\0"),
            *("w.pt", "w.pt2", "../" * 50, "x" * 5000, "\u202eevil", "\ud7ff", "a", "b", "${HOME"),
        ]
    ),
)
VALUES = st.recursive(
    LEAVES,
    lambda inner: st.one_of(
        st.lists(inner, max_size=4), st.dictionaries(st.text(max_size=8), inner, max_size=4)
    ),
    max_leaves=8,
)


@fuzzed
@given(changes=st.lists(st.tuples(st.sampled_from(PATHS), VALUES), min_size=1, max_size=4))
def test_any_value_of_any_key_is_a_card_or_an_error_of_it(tmp_path, changes):
    card = dict(BASE)
    for path, value in changes:
        table = card
        for key in path[:-1]:
            below = table.get(key)
            table[key] = dict(below) if isinstance(below, dict) else {}
            table = table[key]
        table[path[-1]] = value
    assert "\0" not in outcome(tmp_path, tomli_w.dumps(card).encode("utf-8", "surrogatepass"))


@fuzzed
@given(data=st.data())
def test_any_bytes_are_a_card_or_an_error_of_it(tmp_path, data):
    text = bytearray(tomli_w.dumps(BASE).encode())
    for _ in range(data.draw(st.integers(1, 4))):
        place = data.draw(st.integers(0, len(text)))
        text[place : place + data.draw(st.integers(0, 3))] = data.draw(st.binary(max_size=4))
    assert outcome(tmp_path, bytes(text))
