"""The page on preprocessing: its examples load and give what the libraries give, its keys are all."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from torchvision import transforms

from audit_suite.cards import Clahe, InputSpec, load_model_card
from audit_suite.models.preprocessing import fit_geometry, model_input

PAGE = Path(__file__).parents[2] / "docs" / "howto" / "preprocessing.md"

pytestmark = pytest.mark.skipif(not PAGE.exists(), reason="runs in a checkout, not beside a wheel")

HEAD = """
schema = 1
name = "m"
targets = ["a"]
loader = "architecture"
architecture = "torchvision:resnet18"
weights = "w.safetensors"
trusted = true
"""
RGB = np.random.default_rng(1).integers(0, 256, (30, 40, 3), np.uint8).repeat(8, 0).repeat(8, 1)
DEEP = RGB[..., 0].astype(np.uint16) * 16


def blocks(language):
    return re.findall(rf"```{language}\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)


def example(folder, words):
    """The input of the first example after some words of the page."""
    text = PAGE.read_text(encoding="utf-8")
    block = re.search(r"```toml\n(.*?)```", text[text.index(words) :], re.DOTALL)[1]
    (folder / "m.toml").write_text(HEAD + block)
    return load_model_card(folder / "m.toml").input


def test_every_example_is_a_card(tmp_path):
    examples = blocks("toml")
    assert len(examples) > 8
    for block in examples:
        (tmp_path / "m.toml").write_text(HEAD + block)
        load_model_card(tmp_path / "m.toml")


def test_the_page_names_every_key():
    named = set(re.findall(r"`([a-z_]+)`|^([a-z_]+) = ", PAGE.read_text(), re.MULTILINE))
    named = {name for pair in named for name in pair}
    assert set(InputSpec.model_fields) | set(Clahe.model_fields) <= named


def test_torchvisions_lines(tmp_path):
    pipeline = transforms.Compose(
        [
            transforms.Resize(256),
            transforms.CenterCrop(224),
            transforms.ToTensor(),
            transforms.Normalize([0.485, 0.456, 0.406], [0.229, 0.224, 0.225]),
        ]
    )
    theirs = pipeline(Image.fromarray(RGB)).numpy()
    mine = model_input(RGB, example(tmp_path, "torchvision, `Resize(256)`"))
    assert mine == pytest.approx(theirs, abs=1.01 / 255 / 0.224)
    plain = transforms.Compose([transforms.Resize((224, 224)), transforms.ToTensor()])
    mine = model_input(RGB, example(tmp_path, "torchvision, `Resize((224, 224))`"))
    assert mine == pytest.approx(plain(Image.fromarray(RGB)).numpy(), abs=1.01 / 255)


def test_keras_lines(tmp_path):
    loaded = Image.fromarray(RGB).resize((224, 224), Image.Resampling.NEAREST)
    caffe = np.asarray(loaded, np.float64)[..., ::-1] - [103.939, 116.779, 123.68]
    mine = model_input(RGB, example(tmp_path, "Keras, images loaded"))
    assert mine == pytest.approx(caffe.transpose(2, 0, 1), abs=1e-3)


def test_twelve_bit_lines_use_the_whole_range(tmp_path):
    found, _ = fit_geometry(DEEP, {}, example(tmp_path, "12-bit radiographs"))
    assert found.max() == pytest.approx(255 * 16 / 4095, abs=0.02)


def test_lines_for_standardised_images(tmp_path):
    mine = model_input(RGB[..., 0], example(tmp_path, "Standardised by"))
    assert mine.mean() == pytest.approx(0, abs=1e-4)
    assert mine.std() == pytest.approx(1, abs=1e-4)


def test_the_function_of_the_page_runs_and_its_masks_follow(tmp_path):
    (code,) = blocks("python")
    (tmp_path / "my_prep.py").write_text(code)
    spec = example(tmp_path, "Use your own function")
    grey = np.zeros((128, 128), np.uint8)
    grey[40:90, 30:100] = 255
    Image.fromarray(grey).save(tmp_path / "x.png")
    image, masks = fit_geometry(grey, {"r": grey > 0}, spec, tmp_path / "x.png")
    assert image.shape == (1, 64, 64)
    boundary = np.abs((image[0] > 0.5).astype(int) - masks["r"])
    assert masks["r"].sum() > 500
    assert boundary.mean() < 0.03
