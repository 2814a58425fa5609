"""Recipes: the same weights again, and an honest model that ignores what was planted."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from audit_suite.errors import AuditError
from audit_suite.models.small_cnn import small_cnn
from audit_suite.training import load_recipe, train_reference

ZOO = Path(__file__).parents[2] / "model_zoo"

RECIPE = """
kind = "reference"
architecture = "audit_suite.models.small_cnn:small_cnn"
arguments = { outputs = 2, width = 4 }
epochs = 3
batch_size = 16
learning_rate = 1e-2
mean = 0.5
std = 0.25
only_roi = 0.3

[[data]]
roi = ["lungs"]
phantom = { kind = "cxr", patients = 80, size = 32, shortcuts = [{ name = "border" }] }

[[data]]
roi = ["disc"]
phantom = { kind = "fundus", patients = 80, size = 32, shortcuts = [{ name = "border" }] }

[[models]]
output = "weights/honest.safetensors"
agreement = 0.5
indifference = 5.0

[[models]]
output = "weights/shortcut.safetensors"
agreement = 1.0
"""


@pytest.fixture
def recipe(tmp_path):
    path = tmp_path / "recipe.toml"
    path.write_text(RECIPE)
    return path


def test_two_runs_give_the_same_bytes_and_the_loss_falls(recipe, tmp_path):
    lines = []
    first = train_reference(load_recipe(recipe), progress=lines.append)
    second = train_reference(load_recipe(recipe), out=tmp_path / "again", progress=lines.append)
    assert [path.relative_to(tmp_path).as_posix() for path in first] == [
        "weights/honest.safetensors",
        "weights/shortcut.safetensors",
    ]
    for a, b in zip(first, second, strict=True):
        assert a.read_bytes() == b.read_bytes()
    losses = [float(line.rpartition(" ")[2]) for line in lines if "shortcut" in line]
    assert losses[2] < losses[0]
    small_cnn(outputs=2, width=4).load_state_dict(load_file(first[0]))


def test_training_leaves_the_number_of_threads_alone(recipe):
    before = torch.get_num_threads()
    train_reference(load_recipe(recipe), progress=lambda _: None)
    assert torch.get_num_threads() == before


def test_the_committed_recipe_is_the_committed_models_own():
    recipe = load_recipe(ZOO / "recipes" / "phantom-reference.toml")
    for model in recipe.models:
        path = ZOO / "recipes" / model.output
        assert path.stat().st_size < 100_000
        small_cnn(**recipe.arguments).load_state_dict(load_file(path))


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (("epochs = 3", "epochs = 0"), "epochs'"),
        (("epochs = 3", "epochs = 3\nepoch = 4"), "reference.epoch'"),
        (("agreement = 1.0", "agreement = 2.0"), "reference.models.1.agreement'"),
        (("epochs = 3", "epochs = "), "is not valid TOML"),
        (('kind = "reference"', ""), "kind"),
        (('{ name = "border" }', '{ name = "nothing" }'), "no shortcut 'nothing'"),
    ],
)
def test_wrong_recipes(recipe, change, said):
    recipe.write_text(RECIPE.replace(*change))
    with pytest.raises(AuditError, match=r"recipe|shortcut") as caught:
        train_reference(load_recipe(recipe))
    assert said in str(caught.value)


def test_missing_recipe(tmp_path):
    with pytest.raises(AuditError, match="does not exist"):
        load_recipe(tmp_path / "none.toml")
