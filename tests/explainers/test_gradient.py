"""Expected gradients: shap's own estimator, and what stratifying is good for."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from explainers.networks import pictures
from torch import nn

from audit_suite.explainers.methods.gradient import ExpectedGradients
from audit_suite.verdict import NotApplicable


class Cubes(nn.Module):
    """The sum of cubes, whose integrated gradients are x^3 - r^3 pixel by pixel if r is 0."""

    def forward(self, images):
        return (images**3).sum(dim=(1, 2, 3))[:, None]


def test_independent_draws_are_shaps_to_the_last_digit():
    import shap

    torch.manual_seed(0)
    module = nn.Sequential(nn.Conv2d(3, 4, 3), nn.SiLU(), nn.Flatten(), nn.Linear(144, 2)).eval()
    images, references = pictures(2, size=8), pictures(3, size=8, seed=2)
    ours = ExpectedGradients(samples=7, stratified=False, batch_size=4)
    found = ours.explain(module, 1, images, references, 11).maps
    explainer = shap.GradientExplainer(module, references, batch_size=3)
    for number in range(2):
        wanted = explainer.shap_values(images[number : number + 1], nsamples=7, rseed=11)[0, ..., 1]
        assert found[number].numpy() == pytest.approx(wanted.sum(axis=0), abs=1e-6)


@pytest.mark.parametrize("stratified", [True, False])
def test_the_mean_over_seeds_is_the_integral(stratified):
    explainer = ExpectedGradients(samples=20, stratified=stratified)
    images, references = pictures(1, size=3), torch.zeros(2, 3, 3, 3)
    maps = [explainer.explain(Cubes(), 0, images, references, seed).maps for seed in range(60)]
    wanted = (images**3).sum(dim=1)
    found = torch.stack(maps)
    bound = 4 * found.std(dim=0) / 60**0.5 + 1e-6
    assert ((found.mean(dim=0) - wanted).abs() <= bound).all()
    assert found.std() > 0


def test_stratified_samples_come_closer_to_adding_up():
    images, references = pictures(2, size=3), pictures(4, size=3, seed=2)

    def gap(stratified):
        explainer = ExpectedGradients(samples=40, stratified=stratified)
        found = [explainer.explain(Cubes(), 0, images, references, seed) for seed in range(10)]
        gaps = [each.maps.sum(dim=(1, 2)) - (each.outputs - each.expected) for each in found]
        return float(torch.stack(gaps).abs().mean())

    assert gap(True) < gap(False) / 5


def test_stratified_draws_treat_references_and_the_way_alike():
    chosen, way = ExpectedGradients(samples=24).draws(4, seed=0)
    assert np.bincount(chosen).tolist() == [6, 6, 6, 6]
    for reference in range(4):
        assert np.floor(way[chosen == reference] * 6).tolist() == [0, 1, 2, 3, 4, 5]
    few, _ = ExpectedGradients(samples=3).draws(50, seed=0)
    assert len(set(few.tolist())) == 3, "more references than samples: some of them, once each"


@pytest.mark.parametrize("batch_size", [1, 7, 1000])
def test_the_batch_size_changes_nothing(batch_size):
    images, references = pictures(3, size=3), pictures(2, size=3, seed=2)
    found, wanted = (
        ExpectedGradients(samples=10, batch_size=size).explain(Cubes(), 0, images, references, 1)
        for size in (batch_size, 16)
    )
    assert found.maps.numpy() == pytest.approx(wanted.maps.numpy(), abs=1e-6)


class Cut(nn.Module):
    def forward(self, images):
        return images.detach().sum(dim=(1, 2, 3))[:, None]


class Elsewhere(nn.Module):
    def __init__(self):
        super().__init__()
        self.weight = nn.Parameter(torch.ones(1))

    def forward(self, images):
        return self.weight * images.detach().sum(dim=(1, 2, 3))[:, None]


@pytest.mark.parametrize("module", [Cut(), Elsewhere()])
def test_a_model_that_no_gradient_passes_is_refused(module):
    with pytest.raises(NotApplicable, match="no gradient"):
        ExpectedGradients(samples=2).explain(module, 0, pictures(1), pictures(1, seed=2), 0)
