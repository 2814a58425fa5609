"""`audit-suite segment`: the right masks at each geometry, and the lines that a card needs."""

from __future__ import annotations

import csv
import sys
import tomllib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner

import audit_suite
from audit_suite.cards import load_dataset_card, load_model_card
from audit_suite.cli import app, main
from audit_suite.datasets import load_dataset
from audit_suite.evidence import EvidenceProfile, EvidenceSource, EvidenceStore
from audit_suite.segmentation import run
from audit_suite.segmentation.writing import write_masks

NETS = """
import torch

class Threshold(torch.nn.Module):
    '''The region is where the image is brighter than one half.'''

    def __init__(self, channels, half):
        super().__init__()
        self.channels, self.half = channels, half

    def forward(self, batch):
        logit = 40 * (batch[:, :1] - 0.5)
        if self.half:
            logit = torch.nn.functional.avg_pool2d(logit, 2)
        if self.channels == 1:
            return logit
        return {"out": torch.cat([-logit, logit, torch.full_like(logit, -60.0)], dim=1)}

class Scores(torch.nn.Module):
    def forward(self, batch):
        return batch.mean(dim=(1, 2, 3))[:, None]

def build(channels=1, half=False):
    return Threshold(channels, half)

def scores():
    return Scores()
"""

MODEL = """
schema = 1
name = "threshold"
task = "segmentation"
targets = {targets}
loader = "callable"
architecture = "nets.py:{function}"
trusted = true
activation = "{activation}"
{more}
[input]
size = [32, 32]
channels = 1
resize = "{resize}"
scale = "unit"
mean = [0.0]
std = [1.0]
"""

DATA = """
schema = 1
name = "images"
reader = "manifest"
{manifest}
[targets.sick]
column = "sick"
{roi}
"""

SHAPES = [(64, 64), (64, 128), (128, 96), (96, 64), (32, 32), (64, 96)]


@pytest.fixture
def here(tmp_path, monkeypatch):
    """Images of several sizes whose region is one bright block of whole input pixels, or two."""
    rng = np.random.default_rng(4)
    rows = ["image,patient_id,sick"]
    for number, (height, width) in enumerate(SHAPES * 2):
        image = rng.integers(0, 60, (height, width)).astype(np.uint8)
        image[truth(number, (height, width))] = 220
        Image.fromarray(image).save(tmp_path / f"secret-{number}.png")
        rows.append(f"secret-{number}.png,name-{number},{number % 2}")
    (tmp_path / "m.csv").write_text("\n".join(rows) + "\n")
    (tmp_path / "nets.py").write_text(NETS)
    write_data(tmp_path)
    write_model(tmp_path)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def truth(number, shape):
    """A block in the middle half of the frame, which no crop of these shapes cuts off."""
    block = np.zeros(shape, bool)
    height, width = shape
    block[height // 4 : height // 2, width * 3 // 8 : width * 5 // 8] = True
    return block


def write_data(folder, name="data.toml", manifest='manifest = "m.csv"', roi=""):
    (folder / name).write_text(DATA.format(manifest=manifest, roi=roi))


def write_model(
    folder, resize="pad", targets='["lungs"]', activation="sigmoid", more="", function="build"
):
    text = MODEL.format(
        resize=resize, targets=targets, activation=activation, more=more, function=function
    )
    (folder / "seg.toml").write_text(text)


def command(*more, region="lungs", out="masks"):
    """The command, with the model in a process of its own."""
    given = ["segment", "data.toml", "--with", "seg.toml", "--out", out, "--device", "cpu", *more]
    done = CliRunner().invoke(app, [*given, "--region", region])
    assert done.exit_code == 0, (done.output, done.exception)
    return done.output


def segment(*regions, out="masks"):
    """The same in this process, which starts no other."""
    run._segmenter.cache_clear()
    said = []
    source = EvidenceSource(EvidenceStore(Path("store")), EvidenceProfile(device="cpu", threads=1))
    cards = load_model_card("seg.toml"), load_dataset_card("data.toml")
    said.append(write_masks(*cards, regions or ("lungs",), source, Path(out), said.append))
    return "\n".join(said)


def mistake(capsys, monkeypatch, *more, region="lungs", out="masks"):
    given = ["segment", "data.toml", "--with", "seg.toml", "--out", out, "--region", region, *more]
    monkeypatch.setattr(sys, "argv", ["audit-suite", *given])
    with pytest.raises(SystemExit) as stop:
        main()
    assert stop.value.code == 2
    said = capsys.readouterr().err
    assert "Traceback" not in said
    return " ".join(said.split())


def overlap(one, other):
    return (one & other).sum() / (one | other).sum()


def table(path):
    with path.open() as file:
        return list(csv.DictReader(file))


@pytest.mark.parametrize("resize", ["pad", "stretch", "crop"])
def test_the_masks_are_right_at_every_geometry_and_the_card_reads_them(here, resize):
    write_model(here, resize)
    segment()
    rows = table(here / "masks" / "masks.csv")
    assert len(rows) == len(SHAPES) * 2
    for number, row in enumerate(rows):
        shape = (SHAPES * 2)[number]
        with Image.open(here / row["lungs"]) as picture:
            mask = np.asarray(picture) > 0
        assert mask.shape == shape
        # Whole blocks of input pixels come back exactly; smoothing blurs other edges by a pixel.
        whole = resize == "stretch" or shape in ((64, 64), (128, 128), (32, 32))
        assert overlap(mask, truth(number, shape)) >= (1 if whole else 0.8), shape
    lines = tomllib.loads((here / "masks" / "card-lines.toml").read_text())
    text = (here / "masks" / "card-lines.toml").read_text()
    assert '# roi = ["lungs-mediastinum"]  # outlines of lungs leave out the heart' in text
    roi = "roi = [" + text.split("# roi = [")[1].partition("\n")[0]
    target = f'[targets.also]\ncolumn = "sick"\n{roi}\n[regions.lungs]'
    write_data(here, "with.toml", text.replace("[regions.lungs]", target))
    card = load_dataset_card(here / "with.toml")
    assert lines["mask_quality"]["source"].startswith("audit-suite segment: model 'threshold'")
    dataset = load_dataset(card)
    first = dataset.read(0).regions["lungs"]
    assert overlap(first, truth(0, first.shape)) == 1
    assert (first <= dataset.read(0).regions["lungs-mediastinum"]).all()
    assert all(case.quality is not None and case.quality > 0.5 for case in dataset.cases)


def test_the_channel_is_that_of_the_target_with_softmax(here):
    write_model(
        here,
        "stretch",
        '["background", "lungs", "heart"]',
        "softmax",
        "arguments = { channels = 3 }",
    )
    segment("lungs", "heart")
    rows = table(here / "masks" / "masks.csv")
    for number, row in enumerate(rows):
        with Image.open(here / row["lungs"]) as picture:
            mask = np.asarray(picture) > 0
        assert overlap(mask, truth(number, mask.shape)) == 1
        assert row["heart_flags"] == "empty"
        assert row["mask_quality"] == "0.0000", "the least of the regions'"
    assert '# roi = ["lungs", "heart"]\n' in (here / "masks" / "card-lines.toml").read_text()


def test_an_output_smaller_than_the_input_is_enlarged(here):
    write_model(here, "stretch", more="arguments = { half = true }")
    segment()
    row = table(here / "masks" / "masks.csv")[0]
    with Image.open(here / row["lungs"]) as picture:
        wrong = (np.asarray(picture) > 0) ^ truth(0, (64, 64))
    corners = {(row, column) for row in (16, 17, 30, 31) for column in (24, 25, 38, 39)}
    assert set(zip(*map(np.ndarray.tolist, np.nonzero(wrong)), strict=True)) <= corners, (
        "where bilinear values are a mixture of both sides, either answer is right"
    )


def test_files_name_no_patient_and_the_tables_keep_the_users_columns(here):
    said = command()
    assert 'manifest = "masks/manifest.csv"' in said
    names = [path.name for path in (here / "masks").rglob("*")]
    assert not any("secret" in name or "name-" in name for name in names)
    assert "secret" not in said
    assert "name-" not in said
    joined = table(here / "masks" / "manifest.csv")
    own = table(here / "m.csv")
    assert [{key: row[key] for key in own[0]} for row in joined] == own
    assert "patient_id" not in table(here / "masks" / "masks.csv")[0]


def test_the_same_twice(here):
    segment()
    segment(out="again")
    for path in (here / "masks").rglob("*.png"):
        assert path.read_bytes() == (here / "again" / path.relative_to(here / "masks")).read_bytes()
    one, two = ((here / n / "card-lines.toml").read_text() for n in ("masks", "again"))
    assert one.replace("masks/", "again/") == two


def test_an_image_that_cannot_be_read_has_no_mask(here):
    (here / "secret-3.png").write_bytes(b"not a picture")
    said = segment()
    row = table(here / "masks" / "masks.csv")[3]
    assert (row["lungs"], row["lungs_flags"], row["mask_quality"]) == ("", "unreadable", "")
    assert "11 masks, 1 unreadable images" in said


def test_what_is_no_segmentation_card_is_refused(here, capsys, monkeypatch):
    text = (here / "seg.toml").read_text().replace('task = "segmentation"\n', "")
    (here / "seg.toml").write_text(text)
    said = mistake(capsys, monkeypatch)
    assert "seg.toml: this is not the card of a segmentation model" in said
    assert 'write task = "segmentation"' in said


def test_a_classifier_behind_such_a_card_is_refused(here, capsys, monkeypatch):
    write_model(here, function="scores")
    said = mistake(capsys, monkeypatch)
    assert "key 'targets' names 1 channels, the model returns (1, 1) for 1 images" in said
    assert not (here / "masks").exists()


def test_code_runs_only_if_the_card_trusts_it(here, capsys, monkeypatch):
    text = (here / "seg.toml").read_text().replace("trusted = true\n", "")
    (here / "seg.toml").write_text(text)
    (here / "nets.py").write_text("open('ran', 'w')\n" + NETS)
    assert "trusted = true" in mistake(capsys, monkeypatch)
    assert not (here / "ran").exists()


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"region": "liver"}, "--region liver: "),
        ({"out": "../elsewhere"}, "lies outside"),
        ({"out": "."}, "exists and is not empty"),
    ],
)
def test_wrong_options_name_themselves(here, capsys, monkeypatch, change, said):
    assert said in mistake(capsys, monkeypatch, **change)


def test_a_column_of_that_name_is_not_overwritten(here, capsys, monkeypatch):
    text = (here / "m.csv").read_text().replace("sick", "sick,lungs", 1).replace(",0\n", ",0,x\n")
    (here / "m.csv").write_text(text.replace(",1\n", ",1,x\n"))
    assert "has a column 'lungs' already" in mistake(capsys, monkeypatch)


def test_an_audit_refuses_a_segmentation_model(here):
    with pytest.raises(audit_suite.AuditError, match="is the card of a segmentation model"):
        audit_suite.run(["seg.toml"], ["data.toml"], ["frame"])
