"""`audit-suite parity record`: what it writes passes O3, and what can go wrong is said."""

from __future__ import annotations

import sys
import tomllib

import numpy as np
import pytest
from cards import model_card
from PIL import Image
from safetensors.numpy import load_file
from typer.testing import CliRunner

from audit_suite import parity
from audit_suite.cards import load_model_card
from audit_suite.cli import app, main
from audit_suite.evidence import Cell, EvidenceProfile, EvidenceSource, EvidenceStore

PIPELINE = """
import numpy as np
import torch
from PIL import Image

def preprocess(path):
    image = Image.open(path).convert("L").resize((32, 32), Image.Resampling.BILINEAR)
    return torch.from_numpy((np.asarray(image, np.float32) / 255 - 0.5) / 0.25)[None]

def batched(path):
    return preprocess(path)[None].requires_grad_()

def channels_last(path):
    return preprocess(path).numpy().transpose(1, 2, 0)[None].tolist()

def larger(path):
    return np.zeros((1, 64, 64))

def broken(path):
    return np.full((1, 32, 32), np.nan)

def raises(path):
    raise KeyError("no such window")
"""


@pytest.fixture
def here(tmp_path, monkeypatch):
    """A model's card in ``cards``, two images in ``images``, and the release's pipeline."""
    for name in ("cards", "images"):
        (tmp_path / name).mkdir()
    (tmp_path / "my_pipeline.py").write_text(PIPELINE)
    for name, shape in (("a", (40, 60)), ("b", (32, 32))):
        pixels = np.random.default_rng(len(name)).integers(0, 256, shape, np.uint8)
        Image.fromarray(pixels).save(tmp_path / "images" / f"{name}.png")
    model_card(tmp_path / "cards")
    path = tmp_path / "cards" / "m.toml"
    text = path.read_text().replace("mean = [0.0]", "mean = [0.5]").replace("[1.0]", "[0.25]")
    path.write_text(text.replace('"pad"', '"stretch"'))
    monkeypatch.chdir(tmp_path)
    return tmp_path


COMMAND = ["parity", "record", "cards/m.toml", "--images", "images/a.png", "images/b.png"]


def run(function, *more):
    done = CliRunner().invoke(app, [*COMMAND, "--function", function, *more])
    assert done.exit_code == 0, (done.output, done.exception)
    return done.output


def lines(said):
    """The lines to add to the card."""
    return said[said.index("[parity]") : said.index("\n\nlargest")]


@pytest.mark.parametrize("function", ["preprocess", "batched", "channels_last"])
def test_what_is_recorded_passes_o3_once_its_lines_are_in_the_card(here, function):
    said = run(f"my_pipeline.py:{function}", "--out", "golden/g.safetensors")
    card = here / "cards" / "m.toml"
    card.write_text(card.read_text() + lines(said))
    spec = tomllib.loads(lines(said))["parity"]
    assert spec["images"] == ["../images/a.png", "../images/b.png"], "relative to the card"
    arrays = load_file(here / "golden" / "g.safetensors")
    assert {name: array.shape for name, array in arrays.items()} == dict.fromkeys(
        spec["images"], (1, 32, 32)
    )
    model = load_model_card(card)
    source = EvidenceSource(EvidenceStore(here), EvidenceProfile(device="cpu", threads=1))
    found = parity().answer(Cell(model, (None,), None, "sick"), source)
    assert 0 < found.value <= model.parity.tolerance, "PIL rounds to whole grey levels"
    assert "O3 will fail" not in said


def test_a_card_that_says_something_else_is_told_what_would_agree(here):
    card = here / "cards" / "m.toml"
    card.write_text(card.read_text().replace('"stretch"', '"pad"'))
    said = run("my_pipeline.py:preprocess")
    assert "O3 will fail; with resize = \"stretch\" under 'input' it would be" in said


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--function", "my_pipeline.py:larger"], "returned shape (1, 64, 64) for images/a.png"),
        (["--function", "my_pipeline.py:broken"], "numbers for images/a.png that are not finite"),
        (["--function", "my_pipeline.py:raises"], "raised KeyError: 'no such window'"),
        (["--function", "my_pipeline.py:nothing"], "my_pipeline.py has no function 'nothing'"),
        (["--function", "gone.py:preprocess"], "--function: gone.py does not exist"),
        (["--function", "no_such_package:f"], "'no_such_package:f' cannot be imported"),
        (["--function", "preprocess"], "'preprocess' cannot be imported"),
        (
            ["--function", "my_pipeline.py:preprocess", "images/gone.png"],
            "--images: images/gone.png does not exist",
        ),
    ],
)
def test_mistakes_are_one_sentence_and_write_nothing(here, capsys, monkeypatch, arguments, said):
    monkeypatch.setattr(sys, "argv", ["audit-suite", *COMMAND, *arguments])
    with pytest.raises(SystemExit) as stop:
        main()
    error = capsys.readouterr().err
    assert stop.value.code == 2
    assert said in error
    assert "Traceback" not in error
    assert not (here / "golden.safetensors").exists()
