"""`audit-suite doctor`: everything wrong at once, and the slips that no error shows."""

from __future__ import annotations

import json

import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner

from audit_suite.cli import app
from audit_suite.doctor.cards import check_dataset, check_model, read_cards
from audit_suite.doctor.examine import examine
from audit_suite.evidence.executors.inline import Inline

MODEL = """
schema = 1
name = "ours"
targets = ["consolidation"]
loader = "architecture"
architecture = "torchvision:resnet18"
arguments = { num_classes = 2 }
weights = "model.ckpt"
outputs = ["normal", "consolidation"]
activation = "softmax"
[input]
size = [48, 48]
resize = "short-side"
resize_to = 48
mean = [0.45]
std = [0.22]
"""
DATA = """
schema = 1
name = "hospital"
reader = "manifest"
root = "images"
manifest = "../labels.csv"
[columns]
image = "file"
patient = "mrn"
[targets.consolidation]
column = "Consolidation"
values = { Yes = 1, No = 0 }
missing = "exclude"
roi = ["lungs"]
[regions.lungs]
format = "coco"
file = "../outlines.json"
category = "lung"
"""


def written(folder, model=MODEL, data=DATA):
    (folder / "model.toml").write_text(model)
    (folder / "data.toml").write_text(data)
    return [folder / "model.toml", folder / "data.toml"]


@pytest.fixture
def here(monkeypatch):
    """Models are tried in this process, where torch is imported already."""
    monkeypatch.setattr("audit_suite.doctor.examine.EXECUTORS", {"process": Inline})


def diagnose(folder, **cards):
    return examine(written(folder, **cards), folder / "doctor", folder / "evidence")


def test_a_right_card_is_right(hospital):
    diagnosis = diagnose(hospital)
    assert (diagnosis.wrong, diagnosis.look) == ([], [])
    (seen,) = diagnosis.seen
    assert seen.auroc.value > 0.9
    assert (seen.images, seen.forecast.patients) == (32, 288)
    assert 0.5 < seen.forecast.open_if_honest <= 1
    assert seen.seconds > 0
    assert any("'state_dict.model'" in note for note in diagnosis.notes)
    (picture,) = diagnosis.pictures
    sheet = np.asarray(Image.open(picture))
    assert sheet.shape[0] > 400
    assert (sheet == (255, 176, 0)).all(axis=2).sum() > 500, "the lungs' outlines are drawn"
    assert not (hospital / "evidence").exists(), "nothing is stored"


SLIPS = {
    "resize": (('resize = "short-side"\nresize_to = 48', 'resize = "pad"'), "`resize = "),
    "mean": (("mean = [0.45]\nstd = [0.22]", "mean = [0.0]\nstd = [1.0]"), "`mean = "),
    "swapped": (
        ('["normal", "consolidation"]', '["consolidation", "normal"]'),
        "is below .5: outputs swapped?",
    ),
}


@pytest.mark.parametrize("slip", SLIPS)
def test_a_slip_of_the_model_card_is_named(here, hospital, slip):
    (old, new), said = SLIPS[slip]
    assert old in MODEL
    diagnosis = diagnose(hospital, model=MODEL.replace(old, new))
    assert any(said in symptom.what for symptom in diagnosis.wrong), diagnosis


def test_twelve_bits_in_sixteen_are_named(here, hospital):
    for path in (hospital / "images").iterdir():
        Image.fromarray(np.asarray(Image.open(path)).astype(np.uint16) * 16).save(path)
    diagnosis = diagnose(hospital)
    (depth,) = [s for s in diagnosis.look if "12-bit data?" in s.what]
    assert "uses 6% of the range of 16-bit files" in depth.what
    assert "stored_range = [0, 4095]" in depth.remedy
    assert any("`stored_range = [0, 4095]`" in symptom.what for symptom in diagnosis.wrong)


def test_all_that_is_wrong_is_said_at_once_and_before_anything_is_computed(hospital):
    model = MODEL.replace("mean = [0.45]\nstd = [0.22]\n", "").replace("torchvision", "nets.py")
    data = DATA.replace('category = "lung"', 'category = "heart"').replace("values =", "#")
    data = data.replace('missing = "exclude"', "")
    paths = written(hospital, model, data)
    result = CliRunner().invoke(
        app, ["doctor", *map(str, paths), "--json", str(hospital / "d.json")]
    )
    assert result.exit_code == 1
    said = json.loads((hospital / "d.json").read_text())
    texts = " | ".join(symptom["what"] for symptom in said["wrong"])
    for part in (
        "runs code: function nets.py:resnet18",
        "'mean', 'std' missing",
        "nets.py does not exist",
        "heart",
        "the label is not 0 or 1 (the column holds No",
        "the label is missing",
    ):
        assert part in texts, (part, texts)
    assert said["seen"] == []
    assert result.stdout.count("WRONG") == len(said["wrong"])
    assert f"{len(said['wrong'])} things to correct" in result.stdout
    assert "MRN7" not in result.stdout, "no patient is named"


def test_a_model_is_loaded_although_the_data_are_wrong(here, hospital):
    wrong = MODEL.replace("num_classes = 2", "num_classes = 5")
    diagnosis = diagnose(hospital, model=wrong, data=DATA.replace('"file"', '"gone"'))
    texts = [symptom.what for symptom in diagnosis.wrong]
    assert any("do not fit 'torchvision:resnet18'" in text for text in texts)
    assert any("columns.image = 'gone'" in text for text in texts)


def test_files_that_are_no_cards(tmp_path):
    (tmp_path / "a.toml").write_text("schema = 1\nreader = 'manifest'\n")
    (tmp_path / "b.toml").write_text("not toml")
    cards = read_cards([tmp_path / "a.toml", tmp_path / "b.toml", tmp_path / "c.toml"])
    assert (cards.models, cards.datasets) == ([], [])
    kinds = [symptom.what.split(" ")[0] for symptom in cards.symptoms]
    assert kinds == ["data", "model", "model"]
    assert "does not exist" in cards.symptoms[2].what


def test_what_is_wrong_with_several_targets_is_said_of_each(tmp_path):
    (tmp_path / "m.csv").write_text("image,patient_id,a,b\n1.png,1,x,0\n2.png,2,1,y\n")
    (tmp_path / "d.toml").write_text(
        'schema = 1\nname = "d"\nreader = "manifest"\nmanifest = "m.csv"\n'
        '[targets.one]\ncolumn = "a"\nroi = ["r"]\n[targets.two]\ncolumn = "b"\n'
        '[targets.three]\ncolumn = "c"\n[regions.r]\ncolumn = "mask"\n'
    )
    (card,) = read_cards([tmp_path / "d.toml"]).datasets
    dataset, symptoms = check_dataset(card)
    assert dataset is None
    texts = " | ".join(symptom.what for symptom in symptoms)
    for part in (
        "regions.r.column = 'mask'",
        "targets.three.column = 'c'",
        "column 'a'",
        "column 'b'",
    ):
        assert part in texts
    assert check_model  # its faults are tried above, through the command
