"""An unknown key of any table of a file: the message lists the keys that this table knows."""

from __future__ import annotations

import pytest

from audit_suite.audit.policy import load_policy
from audit_suite.audit.waivers import load_waivers, today
from audit_suite.cards import load_dataset_card, load_model_card
from audit_suite.errors import AuditError
from audit_suite.training import load_recipe

MODEL = """
schema = 1
name = "m"
targets = ["a"]
loader = "architecture"
architecture = "torchvision:resnet18"
weights = "w.safetensors"
{top}
[input]
size = [64, 64]
mean = [0.0]
std = [1.0]
resize = "pad"
{input}
[claims.a]
auroc = 0.9
source = "paper"
{claim}
"""
DATA = """
schema = 1
name = "d"
reader = "manifest"
manifest = "d.csv"
{top}
[columns]
image = "file"
{columns}
[targets.column]
column = "a"
roi = ["lungs"]
{target}
[regions.lungs]
column = "mask"
{region}
"""
POLICY = """
schema = 1
name = "p"
[[targets]]
match = ["*"]
required = ["R1"]
{kind}
"""
RECIPE = """
kind = "reference"
architecture = "torchvision:resnet18"
epochs = 1
{top}
[[data]]
roi = ["lungs"]
[data.phantom]
kind = "cxr"
patients = 9
{phantom}
[[models]]
output = "m.safetensors"
agreement = 0.5
"""
WAIVERS = """
[[waiver]]
check = "R1"
owner = "o"
reason = "r"
expires = 2000-01-01
{one}
"""


def waivers(path):
    return load_waivers(path, 366, today())


@pytest.mark.parametrize(
    ("text", "where", "load", "key", "known"),
    [
        (MODEL, "top", load_model_card, "colour", ": schema, name, description"),
        (MODEL, "input", load_model_card, "input.colour", " of 'input': size, channels"),
        (MODEL, "claim", load_model_card, "claims.a.colour", " of 'claims.a': auroc, source"),
        (DATA, "columns", load_dataset_card, "columns.colour", " of 'columns': image, patient"),
        (
            DATA,  # a target may be called as one of its own keys
            "target",
            load_dataset_card,
            "targets.column.colour",
            " of 'targets.column': column, values, contains",
        ),
        (POLICY, "kind", load_policy, "targets.0.colour", " of 'targets.0': match, required"),
        (RECIPE, "top", load_recipe, "reference.colour", " of 'reference': kind, architecture"),
        (
            RECIPE,
            "phantom",
            load_recipe,
            "reference.data.0.phantom.colour",
            " of 'reference.data.0.phantom': kind, patients",
        ),
        (WAIVERS, "one", waivers, "waiver.0.colour", " of 'waiver.0': check, model, dataset"),
    ],
)
def test_the_known_keys_of_its_table_are_listed(tmp_path, text, where, load, key, known):
    places = ("top", "input", "claim", "columns", "target", "region", "kind", "phantom", "one")
    path = tmp_path / "file.toml"
    path.write_text(text.format_map(dict.fromkeys(places, "")))
    load(path)  # without the key it is a good file
    path.write_text(text.format_map(dict.fromkeys(places, "") | {where: "colour = 1"}))
    with pytest.raises(AuditError) as caught:
        load(path)
    assert f"key '{key}': unknown key" in caught.value.what
    assert f"known keys{known}" in str(caught.value)


def test_a_recipe_lists_the_keys_of_its_own_kind(tmp_path):
    path = tmp_path / "recipe.toml"
    path.write_text(RECIPE.format(top="patience = 3", phantom=""))  # a key of the other kind
    with pytest.raises(AuditError, match="unknown key") as caught:
        load_recipe(path)
    assert "patience" not in str(caught.value).partition("known keys")[2]


def test_an_unknown_key_of_a_region_lists_those_of_its_format(tmp_path):
    path = tmp_path / "data.toml"
    path.write_text(DATA.format(top="", columns="", target="", region="colour = 1"))
    with pytest.raises(AuditError, match="regions of format 'image' have format, absent"):
        load_dataset_card(path)


def test_two_tables_each_list_theirs(tmp_path):
    path = tmp_path / "model.toml"
    path.write_text(MODEL.format(top="", input="colour = 1", claim="colour = 1"))
    with pytest.raises(AuditError, match=r"of 'input': .*; known keys of 'claims.a': "):
        load_model_card(path)
