"""`audit-suite init`: what it guesses is right, and what it cannot guess it asks for by name."""

from __future__ import annotations

import json
import tomllib
from dataclasses import replace

import numpy as np
import pytest
import torch
from PIL import Image
from torchvision.models import densenet121, resnet18
from typer.testing import CliRunner

from audit_suite.cards import load_dataset_card, load_model_card
from audit_suite.cli import app
from audit_suite.datasets import load_dataset
from audit_suite.errors import AuditError
from audit_suite.models.vetting import vet
from audit_suite.starting.answers import Answers
from audit_suite.starting.checkpoint_look import look_into
from audit_suite.starting.model_card import ModelOptions, model_keys
from audit_suite.starting.toml_lines import Guess, slug, toml_text


def init(folder, **options):
    """Run it without questions; both cards, and what was printed."""
    arguments = {"model": "model.ckpt", "images": "images", "labels": "labels.csv", "out": "audit"}
    words = ["init", "--yes"]
    for name, value in (arguments | options).items():
        if value is None:
            continue
        path = name in ("images", "labels", "masks", "out", "model")
        words += [f"--{name}", str(folder / value) if path else str(value)]
    result = CliRunner().invoke(app, words)
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    assert result.exit_code == 0, result.output
    return (
        tomllib.loads((folder / "audit" / "model.toml").read_text()),
        tomllib.loads((folder / "audit" / "data.toml").read_text()),
        result.output,
    )


def test_a_checkpoint_a_table_and_outlines(hospital):
    model, data, said = init(hospital, masks="outlines.json", region="lungs")
    assert model["architecture"] == "torchvision:resnet18"
    assert model["arguments"] == {"num_classes": 2}
    assert model["outputs"] == ["no-consolidation", "consolidation"]
    assert model["activation"] == "softmax"
    assert (model["input"]["size"], model["input"]["resize_to"]) == ([224, 224], 256)
    assert data["columns"] == {"image": "file", "patient": "mrn"}
    assert data["targets"]["consolidation"] == {
        "column": "Consolidation",
        "values": {"Yes": 1, "No": 0},
        "missing": "exclude",
        "roi": ["lungs-mediastinum"],
    }
    assert data["regions"] == {
        "lungs": {"format": "coco", "file": "../outlines.json", "category": "lung"},
        "lungs-mediastinum": {"format": "hull", "of": ["lungs"]},
    }
    text = (hospital / "audit" / "data.toml").read_text()
    assert 'roi = ["lungs-mediastinum"]  # assumed: outlines of lungs leave out the heart' in text
    for assumed in (
        "lungs-mediastinum: their convex hull",
        "mrn",
        "12 rows without a label",
        "second is 'consolidation'",
        "[224, 224]",
    ):
        assert assumed in said
    card = load_model_card(hospital / "audit" / "model.toml")
    vet(card, None)
    dataset = load_dataset(load_dataset_card(hospital / "audit" / "data.toml"))
    assert len(dataset.cases) == 288
    seen = dataset.read(0).regions
    assert (seen["lungs"] <= seen["lungs-mediastinum"]).all()
    assert seen["lungs"].sum() < seen["lungs-mediastinum"].sum()
    assert (hospital / "audit" / "audits" / "test_own.py").exists()


def test_what_is_said_is_not_assumed(hospital):
    model, _, said = init(
        hospital, size="48", resize="short-side", mean="0.45", std="0.22", patient="mrn"
    )
    assert model["input"] == {
        "size": [48, 48],
        "channels": 3,
        "resize": "short-side",
        "resize_to": 48,
        "mean": [0.45],
        "std": [0.22],
    }
    assert "input.mean" not in said
    assert "assumed  Which column identifies" not in said
    with pytest.raises(AuditError, match=r"already holds model\.toml, data\.toml"):
        init(hospital)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"model": "gone.pt"}, "--model: .*gone.pt does not exist"),
        ({"model": "labels.csv"}, "--model: labels.csv is of no known kind"),
        ({"images": "gone"}, "--images: .*gone is not a folder"),
        ({"labels": None}, "does not hold a folder for each class"),
        ({"patient": "who"}, "--patient: there is no column who"),
        ({"label": "what"}, "--label: there is no column 'what'"),
        ({"masks": "gone"}, "--masks: .*gone does not exist"),
        ({"masks": "model.ckpt"}, "--masks: .*model.ckpt is of no kind"),
        ({"outputs": "a,b,c"}, "--outputs names 3 outputs .* but the model has 2"),
        ({"outputs": "a,b"}, "none of the model's outputs .a, b. is 'consolidation'"),
        ({"size": "big"}, "--size: 'big' is not a size"),
        ({"mean": "a"}, "--mean: 'a' is not a list of numbers"),
    ],
)
def test_one_thing_wrong_is_one_sentence(hospital, options, said):
    with pytest.raises(AuditError, match=said):
        init(hospital, **options)
    assert not (hospital / "audit" / "model.toml").exists()


def test_names_without_endings_and_several_candidates_for_a_label(tmp_path):
    (tmp_path / "images" / "deep").mkdir(parents=True)
    rows = ["study;patient;effusion;edema"]
    for number in range(8):
        Image.new("L", (16, 16), number).save(tmp_path / "images" / "deep" / f"s{number}.png")
        rows.append(f"s{number};p{number};{number % 2};{number // 4}")
    (tmp_path / "labels.csv").write_text("\n".join(rows))
    (tmp_path / "model.py").write_text("def predict(batch): return [[0.0]] * len(batch)\n")
    (tmp_path / "model.py:predict").touch()  # the helper above makes a path of it
    with pytest.raises(AuditError, match=r"which column holds the label.*effusion, edema"):
        init(tmp_path, model="model.py:predict", size="16")
    model, data, said = init(tmp_path, model="model.py:predict", size="16", label="edema")
    assert data["root"] == "../images"
    assert data["columns"]["image"] == "image_file"
    assert (model["loader"], model["trusted"]) == ("function", False)
    assert "write trusted = true" in said
    cases = load_dataset(load_dataset_card(tmp_path / "audit" / "data.toml")).cases
    assert [case.labels["edema"] for case in cases] == [0, 0, 0, 0, 1, 1, 1, 1]


def test_a_folder_for_each_class_and_masks_named_after_images(tmp_path):
    for name, shade in (("normal", 10), ("pneumonia", 200)):
        (tmp_path / "images" / name).mkdir(parents=True)
        (tmp_path / "masks").mkdir(exist_ok=True)
        for number in range(3):
            stem = f"{name}_{number}"
            Image.new("L", (8, 8), shade + number).save(tmp_path / "images" / name / f"{stem}.png")
            mask = np.zeros((8, 8), np.uint8)
            mask[2:6, 2:6] = 255
            Image.fromarray(mask).save(tmp_path / "masks" / f"{stem}_mask.png")
    torch.save(resnet18(num_classes=1).state_dict(), tmp_path / "w.pth")
    _, data, said = init(
        tmp_path, model="w.pth", labels=None, masks="masks", target="pneumonia", size="8"
    )
    assert data["targets"]["pneumonia"]["equals"] == "pneumonia"
    assert data["regions"]["region"] == {"files": "../masks/{stem}_mask.png"}
    assert "each folder is a class: normal, pneumonia" in said
    dataset = load_dataset(load_dataset_card(tmp_path / "audit" / "data.toml"))
    assert sum(case.labels["pneumonia"] for case in dataset.cases) == 3
    assert dataset.read(0).regions["region"].sum() == 16


@pytest.mark.parametrize(
    ("header", "row", "keys"),
    [
        ("image_id,x_min,y_min,x_max,y_max", "a,1,1,5,5", {"format": "boxes", "box": "xyxy"}),
        ("patientId,x,y,width,height", "a,1,1,4,4", {"format": "boxes", "box": "xywh"}),
        ("ImageId,EncodedPixels", "a,1 3", {"format": "rle", "encoding": "kaggle"}),
    ],
)
def test_masks_in_a_table(tmp_path, header, row, keys):
    from audit_suite.starting.masks_look import region_keys

    (tmp_path / "masks.csv").write_text(f"{header}\n{row}\n")
    found = region_keys(tmp_path / "masks.csv", tmp_path, ["a"], Answers(None))
    assert found == found | keys
    assert (found["table"], found["image"]) == ("masks.csv", header.split(",")[0])


@pytest.mark.parametrize(
    ("make", "name"),
    [
        (lambda: resnet18(num_classes=3), "resnet18"),
        (lambda: densenet121(num_classes=14), "densenet121"),
    ],
)
@pytest.mark.parametrize("prefix", ["", "module.", "net.model."])
def test_the_network_of_a_checkpoint_is_found(tmp_path, make, name, prefix):
    with torch.device("meta"):
        network = make()
    shapes = {key: torch.zeros(tensor.shape) for key, tensor in network.state_dict().items()}
    state = {f"{prefix}{key}": t for key, t in shapes.items() if "num_batches" not in key}
    torch.save({"epoch": 3, "model_state_dict": state}, tmp_path / "w.pt")
    found = look_into(tmp_path / "w.pt", "")
    assert found.architecture == f"torchvision:{name}"
    assert (found.outputs, found.channels) == ({"resnet18": 3, "densenet121": 14}[name], 3)


def test_a_network_of_ones_own_is_asked_for(tmp_path):
    state = {"conv.weight": torch.zeros(4, 1, 3, 3), "head.weight": torch.zeros(2, 4)}
    torch.save(state, tmp_path / "w.pt")
    (tmp_path / "images").mkdir()
    Image.new("L", (8, 8)).save(tmp_path / "images" / "a.png")
    (tmp_path / "labels.csv").write_text(
        "file_name,patient,sick\na.png,1,1\na.png,2,0\na.png,3,1\na.png,4,0\n"
    )
    with pytest.raises(AuditError, match="none of torchvision's networks") as caught:
        init(tmp_path, model="w.pt")
    assert "--architecture" in caught.value.remedy
    model, _, _ = init(tmp_path, model="w.pt", architecture="nets.py:make", size="8")
    assert (model["architecture"], model["trusted"]) == ("nets.py:make", False)
    assert model["input"]["channels"] == 1


def test_a_person_is_asked_and_the_answer_counts():
    asked = []

    def prompt(question, likely):
        asked.append((question, likely))
        return "mine"

    answers = Answers(prompt)
    assert answers.ask("Which", "likely") == "mine"
    assert answers.need("Which", "--which") == "mine"
    assert (len(asked), answers.assumed) == (2, [])
    assert Answers(lambda q, likely: "").ask("Which", "likely") == "likely"
    with pytest.raises(AuditError, match="Which"):
        Answers(lambda q, likely: " ").need("Which", "--which")


@pytest.mark.parametrize("names", [("sick",), ("well", "sick")])
@pytest.mark.parametrize(("said", "card"), [("yes", True), ("no", False), ("", False)])
def test_a_model_with_its_sigmoid_inside_is_asked_whether_it_gives_probabilities(
    tmp_path, names, said, card
):
    (tmp_path / "net.py").write_text("")
    options = ModelOptions(
        f"{tmp_path / 'net.py'}:make", outputs=names, size=(8, 8), activation="none", channels=1
    )
    answers = Answers(lambda question, likely: said)
    assert model_keys(options, "sick", tmp_path, answers).get("probabilities", False) is card
    silent = Answers(None)
    assert "probabilities" not in model_keys(options, "sick", tmp_path, silent)
    assert any("return probabilities, from 0 to 1 (yes or no): no" in e for e in silent.assumed)
    sigmoid = replace(options, activation="sigmoid")
    assert "probabilities" not in model_keys(sigmoid, "sick", tmp_path, answers)


def test_what_is_written_is_toml_and_says_what_was_assumed():
    keys = {
        "name": 'ä "b"',
        "input": {"size": Guess([2, 3], "because"), "inner": {"x": 1.5}},
        "targets": {"a.b": {"values": {"Yes please": 1, "No": 0}}},
        "trusted": False,
    }
    text = toml_text("first\nsecond", keys)
    assert tomllib.loads(text) == {
        "name": 'ä "b"',
        "trusted": False,
        "input": {"size": [2, 3], "inner": {"x": 1.5}},
        "targets": {"a.b": {"values": {"Yes please": 1, "No": 0}}},
    }
    assert "size = [2, 3]  # assumed: because" in text
    assert text.startswith("# first\n# second\n")
    assert slug("Pleural Effusion (left)") == "pleural-effusion-left"
    assert json.dumps(slug("ÄÖ")) == '"unnamed"'
