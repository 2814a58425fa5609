"""What is explained of a network: on the scale that the audited score follows."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

from audit_suite.explainers.methods.deep import DeepLift
from audit_suite.explainers.methods.gradient import ExpectedGradients
from audit_suite.explainers.outputs import explained_outputs
from audit_suite.explainers.region_shapley import region_values
from audit_suite.verdict import NotApplicable

IMAGES = torch.rand(4, 1, 6, 6, generator=torch.Generator().manual_seed(0))


class Logits(nn.Module):
    """The first logit falls with the lower half of the image, the second rises with the upper."""

    def __init__(self, outputs: int = 2, shift: float = 0.0) -> None:
        super().__init__()
        self.outputs, self.shift = outputs, shift

    def forward(self, images):
        upper, lower = images[:, 0, :3].sum(dim=(1, 2)), images[:, 0, 3:].sum(dim=(1, 2))
        rest = [0.3 * upper + k for k in range(self.outputs - 2)]
        return torch.stack([-lower, upper, *rest], dim=1) + self.shift * lower[:, None]


@pytest.mark.parametrize("outputs", [2, 3, 5])
def test_under_softmax_it_is_the_log_odds_of_the_score(outputs):
    module = explained_outputs(Logits(outputs), "softmax", IMAGES[:1])
    score = Logits(outputs)(IMAGES).double().softmax(dim=1)
    assert torch.allclose(module(IMAGES), torch.logit(score).float(), atol=1e-4)
    moved = explained_outputs(Logits(outputs, shift=5.0), "softmax", IMAGES[:1])
    assert torch.allclose(moved(IMAGES), module(IMAGES), atol=1e-4), "what all share moves nothing"


@pytest.mark.parametrize("activation", ["sigmoid", "none"])
def test_else_it_is_the_raw_output(activation):
    module = Logits()
    assert explained_outputs(module, activation, IMAGES[:1]) is module
    flat = explained_outputs(
        nn.Sequential(nn.Flatten(), nn.Linear(36, 1), nn.Flatten(0)), activation, IMAGES[:1]
    )
    assert flat(IMAGES).shape == (4, 1)


def test_one_output_under_softmax_says_nothing():
    network = nn.Sequential(nn.Flatten(), nn.Linear(36, 1))
    with pytest.raises(NotApplicable, match="gives every image the same score"):
        explained_outputs(network, "softmax", IMAGES[:1])


def test_half_the_answer_that_comes_by_the_other_logit_is_seen():
    """The second logit alone would put all of it into the upper half."""
    halves = torch.zeros(4, 6, 6, dtype=torch.int8)
    halves[:, 3:] = 1
    module = explained_outputs(Logits(), "softmax", IMAGES[:1])
    with torch.no_grad():
        values, _, _ = region_values(
            lambda batch: module(batch)[:, 1], IMAGES, halves, 2, torch.zeros(1, 1, 6, 6), 0
        )
    wanted = np.stack([IMAGES[:, 0, :3].sum(dim=(1, 2)), IMAGES[:, 0, 3:].sum(dim=(1, 2))], axis=1)
    assert values == pytest.approx(wanted, rel=1e-4)


@pytest.mark.parametrize("explainer", [ExpectedGradients(samples=400), DeepLift()])
def test_pixel_methods_follow_it(explainer):
    torch.manual_seed(0)
    network = nn.Sequential(nn.Conv2d(1, 3, 3), nn.ReLU(), nn.Flatten(), nn.Linear(48, 2)).eval()
    module = explained_outputs(network, "softmax", IMAGES[:1])
    references = torch.zeros(1, 1, 6, 6)
    found = explainer.explain(module, 1, IMAGES, references, 0)
    with torch.no_grad():
        odds = torch.logit(network(torch.cat([IMAGES, references])).softmax(dim=1)[:, 1])
    assert torch.allclose(found.maps.sum(dim=(1, 2)), odds[:4] - odds[4], atol=0.02)
