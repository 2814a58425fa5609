"""The examples of the zoo: each card loads, and scores as the library itself does."""

from __future__ import annotations

import importlib.util
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch

from audit_suite.cards import load_model_card
from audit_suite.models.load import load_model
from audit_suite.models.preprocessing import normalise
from audit_suite.models.vetting import vet

ZOO = Path(__file__).parents[2] / "model_zoo" / "examples"
LIBRARIES = {
    "timm": ["timm"],
    "torchxrayvision": ["torchxrayvision"],
    "monai": ["monai"],
    "monai_bundle": ["monai"],
    "huggingface": ["transformers"],
    "onnx": ["onnx", "onnxruntime", "onnxscript"],
    "tflite": ["ai_edge_litert"],
    "keras": ["keras"],
    "vision_language": ["transformers"],
}
EXAMPLES = sorted(path.parent.name for path in ZOO.glob("*/card.toml"))
IMAGES = torch.rand(16, 3, 32, 32, generator=torch.Generator().manual_seed(5))


def made(name, folder, **how):
    """A copy of an example with its files made, and how its library scores."""
    for library in LIBRARIES.get(name, ()):
        if importlib.util.find_spec(library) is None:
            pytest.skip(f"{library} is not installed")
    target = folder / name
    shutil.copytree(ZOO / name, target, ignore=shutil.ignore_patterns("__pycache__"))
    spec = importlib.util.spec_from_file_location(f"make_{name}", target / "make.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return target, module.make(target, **how)


@pytest.fixture(scope="module")
def example(tmp_path_factory):
    """Each example, made once."""
    known = {}

    def get(name):
        if name not in known:
            known[name] = made(name, tmp_path_factory.mktemp("examples"))
        return known[name]

    return get


@pytest.mark.parametrize("name", EXAMPLES)
def test_an_example_scores_as_its_library_does(example, name):
    folder, library = example(name)
    card = load_model_card(folder / "card.toml")
    vet(card, None)
    images = normalise(IMAGES[:, : card.input.channels], card.input)
    scores, _ = load_model(card)(images)
    wanted = library(images.numpy().copy())
    assert scores.shape == wanted.shape == (16, len(card.targets))
    assert np.abs(scores.numpy() - wanted).max() < 1e-5
    assert np.ptp(wanted, axis=0).min() > 1e-4, "the images are told apart"
