"""What all methods on pixels have in common, and closed forms of those that add up."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest
import torch
from explainers.networks import SQUARE, Linear, Reader, pictures, untouched
from torch import nn

from audit_suite.explainers.methods.deep import DeepLift
from audit_suite.explainers.methods.grad_cam import GradCam
from audit_suite.explainers.methods.gradient import ExpectedGradients
from audit_suite.explainers.methods.occlusion import Occlusion
from audit_suite.explainers.methods.partition import Partition
from audit_suite.registry import EXPLAINERS

ADDING_UP = [ExpectedGradients(samples=8), DeepLift(), Partition(evaluations=40)]
ALL = [*ADDING_UP, Occlusion(), GradCam()]


def by_name(explainers):
    return pytest.mark.parametrize("explainer", explainers, ids=lambda each: each.name)


def convolutional(channels=3, seed=0):
    torch.manual_seed(seed)
    layers = nn.Conv2d(channels, 4, 3, padding=1), nn.ReLU(inplace=True), nn.MaxPool2d(2)
    module = nn.Sequential(*layers, nn.Flatten(), nn.Linear(256, 2)).eval()
    with torch.no_grad():
        module[-1].weight[1] = module[-1].weight[1].abs()  # what is there speaks for output 1
    return module


@by_name(ADDING_UP)
@pytest.mark.parametrize("output", [0, 1])
@pytest.mark.parametrize("channels", [1, 3])
def test_a_linear_model_gets_weight_times_distance(explainer, output, channels):
    module = Linear(channels)
    images, references = pictures(3, channels), pictures(4, channels, seed=2)
    found = explainer.explain(module, output, images, references, 3)
    truth = module.truth(output, images, references)
    assert found.maps.shape == (3, 16, 16)
    assert found.maps.dtype == torch.float32
    total = found.maps.sum(dim=(1, 2))
    assert total == pytest.approx(truth.sum(dim=(1, 2)), abs=1e-4)
    assert total == pytest.approx(found.outputs - found.expected, abs=1e-4)
    assert found.expected == pytest.approx(
        module(references).mean(dim=0)[[output] * 3].detach(), abs=1e-4
    )
    if explainer.name != "partition":  # whose budget ends at tiles
        assert found.maps.numpy() == pytest.approx(truth.numpy(), abs=1e-5)


def test_tiles_of_a_linear_model_get_their_sum():
    module, images, references = Linear(), pictures(1), pictures(2, seed=2)
    found = Partition(evaluations=2 + 2 + 4 + 2).explain(module, 0, images, references, 0)
    halves = module.truth(0, images, references)[0].split(8, dim=0)
    for half, wanted in zip(found.maps[0].split(8, dim=0), halves, strict=True):
        assert float(half.sum()) == pytest.approx(float(wanted.sum()), abs=1e-4)


def test_every_pixel_of_a_linear_model_where_the_budget_lets_tiles_be_split_to_the_end():
    module, images, references = Linear(size=4), pictures(2, size=4), pictures(2, size=4, seed=2)
    found = Partition(evaluations=2000).explain(module, 0, images, references, 0)
    truth = module.truth(0, images, references)
    assert found.maps.numpy() == pytest.approx(truth.numpy(), abs=1e-5)


@by_name(ALL)
def test_the_square_that_is_read_gets_the_attribution(explainer):
    module = Reader().eval()
    image = torch.zeros(1, 1, 16, 16)
    image[SQUARE] = 10
    if explainer.name != "grad-cam":  # whose weights know no place
        image[0, 0, 1:5, 10:14] = 10  # as bright, and not read
    references = torch.rand(3, 1, 16, 16, generator=torch.Generator().manual_seed(0)) / 10
    map_ = explainer.explain(module, 1, image, references, 0).maps[0].abs()
    inside = map_[SQUARE[2:]]
    assert inside.sum() / map_.sum() > (0.55 if explainer.name == "occlusion" else 0.75)
    assert map_.max() == inside.max()
    elsewhere = explainer.explain(module, 0, image, references, 0).maps[0].abs()
    if explainer.name != "grad-cam":
        assert elsewhere[SQUARE[2:]].sum() / elsewhere.sum() < 0.6, "output 0 reads all"


@by_name(ALL)
def test_nothing_is_left_behind(explainer):
    module = convolutional()
    module(pictures(2)).sum().backward()  # gradients that are the user's
    images, references = pictures(2), pictures(3, seed=2)
    kept = images.clone(), references.clone()
    with untouched(module):
        explainer.explain(module, 1, images, references, 3)
    assert torch.equal(images, kept[0])
    assert torch.equal(references, kept[1])
    assert not images.requires_grad


@by_name(ALL)
def test_the_seed_decides_and_neither_the_hour_nor_the_company(explainer):
    module, images, references = convolutional(), pictures(3), pictures(3, seed=2)
    found = explainer.explain(module, 1, images, references, 3)
    assert found.maps.abs().sum() > 0
    np.random.seed(1)
    torch.manual_seed(1)
    again = explainer.explain(module, 1, images, references, 3)
    assert torch.equal(found.maps, again.maps)
    alone = explainer.explain(module, 1, images[2:], references, 3)
    assert alone.maps[0].numpy() == pytest.approx(found.maps[2].numpy(), abs=1e-6)
    with torch.no_grad():
        inside = explainer.explain(module, 1, images, references, 3)
    assert torch.equal(found.maps, inside.maps), "also where gradients are switched off"


@by_name(ALL)
def test_what_is_said_of_the_outputs(explainer):
    module, images, references = convolutional(), pictures(2), pictures(3, seed=2)
    found = explainer.explain(module, 1, images, references, 3)
    with torch.no_grad():
        assert found.outputs == pytest.approx(module(images)[:, 1])
        baseline = module(references)[:, 1].mean()
    if explainer.name in ("gradient", "deep"):
        assert found.expected == pytest.approx(baseline.expand(2))
    elif explainer.name != "partition":
        assert found.expected.isnan().all()


def test_names_are_slugs_and_settings_tell_two_apart():
    names = {explainer.name for explainer in EXPLAINERS.values()}
    assert names == {"gradient", "deep", "partition", "occlusion", "grad-cam"}
    assert ExpectedGradients(samples=8) != ExpectedGradients()


def test_shap_is_imported_only_when_it_is_needed():
    code = "import sys, audit_suite.explainers; sys.exit('shap' in sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)
