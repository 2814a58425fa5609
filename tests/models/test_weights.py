"""Weights files: read without running code, and fitted whole or not at all."""

from __future__ import annotations

import pytest
import torch
from cards import input_spec
from hypothesis import given
from hypothesis import strategies as st
from safetensors.torch import save_file
from torch import nn

from audit_suite.cards import ModelCard
from audit_suite.errors import AuditError
from audit_suite.models.weights import (
    files_digest,
    fit_state,
    read_tensors,
    unreadable_archive,
    weights_file,
)

NAMES = ["0.bias", "0.weight", "1.bias", "1.weight", "2.bias", "2.weight"]
FATES = ("kept", "missing", "renamed", "reshaped")


def card(**more):
    keys = {"loader": "architecture", "architecture": "net.py:net", "weights": "w.pt"}
    return ModelCard(
        schema=1,
        name="m",
        targets=("a",),
        input=input_spec(),
        **(keys | more),
    )


def network():
    return nn.Sequential(nn.Linear(2, 3), nn.Linear(3, 4), nn.Linear(4, 1))


@pytest.mark.parametrize("file", ["w.safetensors", "w.pt", "w.ckpt"])
def test_a_state_dict_comes_back_as_it_was_saved(tmp_path, file):
    state = network().state_dict()
    if file.endswith(".safetensors"):
        save_file(state, tmp_path / file)
    else:
        torch.save(state, tmp_path / file)
    stored = read_tensors(card(), tmp_path / file)
    assert stored.keys() == state.keys()
    assert all(torch.equal(stored[name], state[name]) for name in state)


@pytest.mark.parametrize("content", [[1, 2], torch.zeros(2)])
def test_what_is_not_a_table_is_refused(tmp_path, content):
    torch.save(content, tmp_path / "w.pt")
    with pytest.raises(AuditError, match=r"key 'weights': .*w.pt is not a state dict"):
        read_tensors(card(), tmp_path / "w.pt")


@given(fates=st.lists(st.sampled_from(FATES), min_size=len(NAMES), max_size=len(NAMES)))
def test_a_state_dict_fits_whole_or_is_refused_with_every_kind_of_difference(fates):
    module, given_ = network(), network().state_dict()
    before = {name: value.clone() for name, value in module.state_dict().items()}
    state = {}
    for name, fate in zip(NAMES, fates, strict=True):
        if fate == "kept":
            state[name] = given_[name]
        elif fate == "renamed":
            state[f"old.{name}"] = given_[name]
        elif fate == "reshaped":
            state[name] = given_[name].flatten()[:0]
    if set(fates) == {"kept"}:
        fit_state(card(), module, "w.pt", state)
        assert all(torch.equal(module.state_dict()[name], given_[name]) for name in NAMES)
        return
    with pytest.raises(AuditError) as caught:
        fit_state(card(), module, "w.pt", state)
    what = caught.value.what
    assert "the weights w.pt do not fit 'net.py:net'" in what
    assert ("missing: " in what) == bool({"missing", "renamed"} & set(fates))
    assert ("unexpected: old." in what) == ("renamed" in fates)
    assert ("shape: " in what) == ("reshaped" in fates)
    for part in what.partition("': ")[2].split("; "):
        assert part.count(", ") <= 2 + part.count("(") * 2, "three names at most"
    assert all(torch.equal(module.state_dict()[name], before[name]) for name in NAMES)


def test_names_beyond_three_are_counted_as_more():
    with pytest.raises(
        AuditError, match=r"missing: 0\.bias, 0\.weight, 1\.bias \.\.\.$|\.\.\."
    ) as caught:
        fit_state(card(), network(), "w.pt", {})
    assert "1.weight" not in caught.value.what


def test_the_file_of_a_model_or_of_a_fold(tmp_path):
    for name in ("w.pt", "0.pt"):
        (tmp_path / name).write_bytes(b"x")
    whole = card(weights=str(tmp_path / "w.pt"))
    assert weights_file(whole, None) == tmp_path / "w.pt"
    folds = card(weights=None, folds=(str(tmp_path / "0.pt"), str(tmp_path / "1.pt")))
    assert weights_file(folds, 0) == tmp_path / "0.pt"
    with pytest.raises(AuditError, match=r"key 'folds\[1\]': .*1.pt does not exist"):
        weights_file(folds, 1)
    assert weights_file(card(loader="callable", weights=None), None) is None


def test_an_unreadable_archive_is_reported_in_one_line(tmp_path):
    error = unreadable_archive(card(), tmp_path / "w.pt2", "ONNX", ValueError("bad\nand more"))
    assert error.what.endswith(
        f"key 'weights': {tmp_path / 'w.pt2'} cannot be read as an ONNX archive: bad"
    )
    assert "key 'loader'" in error.remedy


def test_a_folder_where_a_file_is_read_is_said_and_the_reverse(tmp_path):
    (tmp_path / "w").mkdir()
    (tmp_path / "w.pt").write_bytes(b"x")
    with pytest.raises(AuditError, match=r"key 'weights': .*w is a folder") as caught:
        weights_file(card(weights=str(tmp_path / "w")), None)
    assert caught.value.remedy == "name the file that loader 'architecture' reads"
    with pytest.raises(AuditError, match=r"w.pt is a file") as caught:
        weights_file(card(loader="huggingface", weights=str(tmp_path / "w.pt")), None)
    assert caught.value.remedy == "name the folder that loader 'huggingface' reads"
    for path in (tmp_path / "w", tmp_path / "w.pt"):
        assert weights_file(card(loader="function", weights=str(path)), None) == path


def test_every_file_of_a_folder_is_in_its_digest(tmp_path):
    folder = tmp_path / "w"
    for name in ("config.json", "deep/model.bin"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(name)
    made = card(loader="huggingface", weights=str(folder))
    seen = {files_digest(made, folder)}
    (folder / ".git").mkdir()
    (folder / ".git" / "index").write_text("now and then another")
    seen.add(files_digest(made, folder))
    assert len(seen) == 1
    (folder / "config.json").write_text("another")
    seen.add(files_digest(made, folder))
    (folder / "deep" / "model.bin").rename(folder / "deep" / "other.bin")
    seen.add(files_digest(made, folder))
    (folder / "vocab.txt").write_text("")
    seen.add(files_digest(made, folder))
    assert len(seen) == 4
