"""What runs code says so, and what must not run is refused before it does."""

from __future__ import annotations

import io
import json
import os
import pickle
import zipfile
from collections import OrderedDict

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from safetensors.torch import save_file
from torch import nn

from audit_suite.cards import load_model_card
from audit_suite.errors import AuditError
from audit_suite.models.archive import unsafe_parts
from audit_suite.models.load import load_model
from audit_suite.models.pickles import foreign_imports
from audit_suite.models.vetting import code_of, vet

NET = """
from torch import nn
def make(): return nn.Sequential(nn.Flatten(), nn.Linear(64, 1))
"""


class Bomb:
    """What leaves a mark in the environment when it is unpickled."""

    def __init__(self, call=os.putenv, arguments=("AUDIT_BOMB", "1")):
        self.how = call, arguments

    def __reduce__(self):
        return self.how


@pytest.fixture
def card(tmp_path):
    (tmp_path / "net.py").write_text(NET)

    def make(*lines):
        text = 'schema = 1\nname = "m"\ntargets = ["a"]\n' + "\n".join(lines)
        text += (
            '\n[input]\nsize = [8, 8]\nchannels = 1\nresize = "pad"\nmean = [0.0]\nstd = [1.0]\n'
        )
        (tmp_path / "card.toml").write_text(text)
        return load_model_card(tmp_path / "card.toml")

    return make


def network():
    torch.manual_seed(0)
    return nn.Sequential(nn.Flatten(), nn.Linear(64, 1)).eval()


# The card's word

CODE = [
    (['loader = "callable"', 'architecture = "net.py:make"'], "callable net.py:make"),
    (
        ['loader = "callable"', 'architecture = "net.py:make"', 'weights = "x/w.bin"'],
        "callable net.py:make w.bin",
    ),
    (
        ['loader = "architecture"', 'architecture = "net.py:make"', 'weights = "w.safetensors"'],
        "function net.py:make",
    ),
    (
        ['loader = "architecture"', 'architecture = "os:system"', 'weights = "w.safetensors"'],
        "function os:system",
    ),
    (['loader = "torchscript"', 'weights = "w.pt"'], "TorchScript program w.pt"),
    (['loader = "export"', 'folds = ["0.pt2", "1.pt2"]'], "torch.export program 0.pt2, 1.pt2"),
]
PLAIN = [
    ['loader = "architecture"', 'architecture = "torchvision:resnet18"', 'weights = "w.pt"'],
    [
        'loader = "architecture"',
        'architecture = "audit_suite.models.small_cnn:small_cnn"',
        'weights = "w.pt"',
    ],
]


@pytest.mark.parametrize(("lines", "words"), CODE)
def test_a_card_that_runs_code_needs_a_word(card, lines, words):
    made = card(*lines)
    assert code_of(made) == words
    with pytest.raises(AuditError) as caught:
        vet(made, 0 if made.folds else None)
    assert caught.value.what.endswith(f"loading the model 'm' runs code: {words}")
    assert "`trusted = true`" in caught.value.remedy
    trusted = card(*lines, "trusted = true")
    assert code_of(trusted) == words
    if len(lines) == 2 and "callable" in lines[0]:
        vet(trusted, None)  # there is no file to miss
    else:
        with pytest.raises(AuditError, match="does not exist"):
            vet(trusted, 0 if trusted.folds else None)


@pytest.mark.parametrize("lines", PLAIN)
def test_a_state_dict_in_a_network_that_ships_runs_nothing(tmp_path, card, lines):
    torch.save(network().state_dict(), tmp_path / "w.pt")
    made = card(*lines)
    assert code_of(made) == ""
    vet(made, None)


@pytest.mark.parametrize("word", ['"yes"', "1", '"true"'])
def test_trust_is_true_or_false(card, word):
    with pytest.raises(AuditError, match="key 'trusted'"):
        card(*PLAIN[0], f"trusted = {word}")
    assert not card(*PLAIN[0], "trusted = false").trusted


# Pickles


def saved(content, **how):
    buffer = io.BytesIO()
    torch.save(content, buffer, **how)
    buffer.seek(0)
    return buffer


TENSORS = [
    {"w": torch.zeros(2), "b": torch.ones(1, dtype=torch.bfloat16)},
    OrderedDict(w=torch.zeros(2), i=torch.zeros(3, dtype=torch.int64), b=torch.zeros(1).bool()),
    {"state_dict": nn.Linear(2, 2).state_dict(), "epoch": 3, "names": ["a"], "x": (1.5, None)},
    {"p": nn.Parameter(torch.zeros(2)), "s": torch.Size([2]), "d": torch.device("cpu")},
    {"c": torch.zeros(2, dtype=torch.complex64), "t": torch.float32},
    torch.optim.SGD(nn.Linear(2, 2).parameters(), 0.1).state_dict(),
]


@pytest.mark.parametrize("legacy", [False, True])
@pytest.mark.parametrize("content", TENSORS, ids=range(len(TENSORS)))
def test_tensors_import_nothing_else(content, legacy):
    data = saved(content, _use_new_zipfile_serialization=not legacy)
    assert foreign_imports(data) == []
    data.seek(0)
    assert torch.load(data, weights_only=True) is not None, "and torch agrees"


@pytest.mark.parametrize("protocol", [0, 1, 2, 3, 4, 5])
@pytest.mark.parametrize("how", ["zip", "legacy", "bare"])
def test_what_would_run_is_named_in_any_format(monkeypatch, how, protocol):
    content = {"w": torch.zeros(2), "bomb": Bomb()}
    if how == "bare":
        data = io.BytesIO(pickle.dumps(Bomb(), protocol))
    else:
        data = saved(content, pickle_protocol=protocol, _use_new_zipfile_serialization=how == "zip")
    found = foreign_imports(data)
    assert found
    assert any("putenv" in name or "STACK_GLOBAL" in name for name in found)


@given(st.binary(max_size=200))
def test_no_bytes_break_the_reading_of_pickles(data):
    try:
        names = foreign_imports(io.BytesIO(data))
    except ValueError:
        return
    assert all(isinstance(name, str) for name in names)


@pytest.mark.parametrize("file", ["w.pt", "w.safetensors"])
def test_weights_that_cannot_load_are_found_before_torch_sees_them(tmp_path, card, file):
    made = card(*PLAIN[0][:2], f'weights = "{file}"')
    for content in (b"", b"no weights", b"\xff" * 64):
        (tmp_path / file).write_bytes(content)
        with pytest.raises(AuditError, match=r"key 'weights': .* cannot be read"):
            vet(made, None)
    if file.endswith(".pt"):
        torch.save({"w": Bomb()}, tmp_path / file)
        with pytest.raises(AuditError, match=r"would run code when loaded: refused \(it imports"):
            vet(made, None)
    else:
        save_file(network().state_dict(), tmp_path / file)
        vet(made, None)


# Archives of torch.export


@pytest.fixture(scope="module")
def archive(tmp_path_factory):
    path = tmp_path_factory.mktemp("export") / "w.pt2"
    batch = torch.export.Dim("b", min=1, max=64)
    program = torch.export.export(
        network(), (torch.rand(2, 1, 8, 8),), dynamic_shapes=({0: batch},)
    )
    torch.export.save(program, path)
    return path


def rewritten(archive, path, change=lambda name, data: data, more=()):
    """A copy of an archive, entry by entry."""
    with zipfile.ZipFile(archive) as old, zipfile.ZipFile(path, "w") as new:
        for entry in old.infolist():
            new.writestr(entry.filename, change(entry.filename, old.read(entry)))
        for name, data in more:
            new.writestr(name, data)
    return path


def edited(field, value):
    """A change of every such field in an archive's JSON."""

    def walk(content):
        if isinstance(content, dict):
            return {k: value if k == field else walk(v) for k, v in content.items()}
        return [walk(v) for v in content] if isinstance(content, list) else content

    return lambda name, data: (
        json.dumps(walk(json.loads(data))).encode() if name.endswith(".json") else data
    )


BOMB = saved({"x": Bomb()}).getvalue()
EVIL = "__import__('os').putenv('AUDIT_BOMB', '1')"
ATTACKS = {
    "sample inputs": (lambda n, d: BOMB if "sample_inputs" in n else d, "pickle that imports"),
    "pickled weights": (edited("use_pickle", True), "a pickled tensor"),
    "guards code": (edited("guards_code", [EVIL]), "the guards_code"),
    "a guard in lambda": (edited("guards_code", ["(lambda: 1)()"]), "the guards_code"),
    "a size": (edited("expr_str", EVIL), "the expr_str"),
    "a size by text": (edited("expr_str", "sympify('exec(1)')"), "the expr_str"),
    "an operator": (edited("target", "torch.os.system"), "the operator 'torch.os.system'"),
    "a file": (edited("target", "torch.ops.aten.from_file.default"), "the operator"),
    "a library": (edited("target", "torch.ops.load_library"), "the operator"),
    "a foreign operator": (edited("target", "torch.ops.evil.run.default"), "the operator"),
}


@pytest.mark.parametrize("name", ATTACKS)
def test_an_archive_that_would_run_code_is_refused_and_runs_none(
    tmp_path, card, archive, name, monkeypatch
):
    ran = []
    monkeypatch.setattr(os, "putenv", lambda *arguments: ran.append(arguments))
    change, said = ATTACKS[name]
    rewritten(archive, tmp_path / "w.pt2", change)
    made = card('loader = "export"', 'weights = "w.pt2"', "trusted = true")
    for act in (lambda: vet(made, None), lambda: load_model(made)):
        with pytest.raises(AuditError, match="would run code when loaded: it holds") as caught:
            act()
        assert said in caught.value.what
    assert not ran


@pytest.mark.parametrize(
    ("entry", "said"),
    [
        ("w/data/constants/custom_obj_0", "a pickled object"),
        ("w/data/aotinductor/model/code.so", "no part of an exported program"),
        ("w/DATA/sample_inputs/model.pt", "two entries"),
        ("serialized_state_dict.pt", "pickle that imports"),
    ],
)
def test_entries_that_do_not_belong_are_named(tmp_path, archive, entry, said):
    path = rewritten(archive, tmp_path / "w.pt2", more=[(entry, BOMB)])
    assert any(said in part for part in unsafe_parts(path))


def test_what_torch_exports_is_loaded(tmp_path, card, archive):
    assert unsafe_parts(archive) == []
    rewritten(archive, tmp_path / "w.pt2")
    torch.export.save(torch.export.load(archive), tmp_path / "w.pt2")
    made = card('loader = "export"', 'weights = "w.pt2"', "trusted = true")
    vet(made, None)
    batch = torch.rand(3, 1, 8, 8)
    assert torch.allclose(load_model(made)(batch)[0], network()(batch).double(), atol=1e-6)


@pytest.mark.parametrize("loader", ["export", "torchscript"])
def test_what_is_no_archive_is_said_at_once(tmp_path, card, loader):
    (tmp_path / "w.bin").write_bytes(b"nothing")
    with pytest.raises(AuditError, match="cannot be read as a"):
        vet(card(f'loader = "{loader}"', 'weights = "w.bin"', "trusted = true"), None)
