"""Occlusion and Grad-CAM by hand."""

from __future__ import annotations

import pytest
import torch
import torchvision
from explainers.networks import SQUARE, Linear, Reader, pictures
from torch import nn
from torch.nn import functional

from audit_suite.errors import AuditError
from audit_suite.explainers.methods.grad_cam import GradCam
from audit_suite.explainers.methods.occlusion import Occlusion
from audit_suite.verdict import NotApplicable


@pytest.mark.parametrize(("height", "width"), [(16, 16), (13, 30), (5, 7), (1, 1)])
@pytest.mark.parametrize("step", [0.3, 0.5, 1.0])
def test_squares_cover_the_frame_and_stay_inside(height, width, step):
    squares = Occlusion(square=0.25, step=step).squares(height, width)
    side = max(1, round(0.25 * min(height, width)))
    assert (squares.sum(dim=(1, 2)) == side**2).all()
    assert squares.any(dim=0).all()
    assert len(squares.flatten(1).unique(dim=0)) == len(squares)


def test_occlusion_of_a_linear_model_by_hand():
    module, images, references = Linear(), pictures(2), pictures(3, seed=2)
    found = Occlusion(square=0.25, step=1.0, batch_size=3).explain(module, 1, images, references, 0)
    tiles = functional.avg_pool2d(module.truth(1, images, references)[:, None], 4) * 16
    wanted = tiles.repeat_interleave(4, dim=2).repeat_interleave(4, dim=3)[:, 0]
    assert found.maps.numpy() == pytest.approx(wanted.numpy(), abs=1e-4)


def test_overlapping_squares_give_a_pixel_their_mean():
    image = torch.zeros(1, 1, 1, 4)
    image[..., 1] = 6

    class Sum(nn.Module):
        def forward(self, images):
            return images.sum(dim=(1, 2, 3))[:, None]

    class Wide(Occlusion):
        def squares(self, height, width):
            return torch.tensor([[[1, 1, 0, 0]], [[0, 1, 1, 0]], [[0, 0, 1, 1]]]).bool()

    found = Wide().explain(Sum(), 0, image, torch.zeros(1, 1, 1, 4), 0)
    assert found.maps[0, 0].tolist() == pytest.approx([6, 6, 3, 0])


def test_grad_cam_by_hand():
    module = Reader().eval()
    images = pictures(2, channels=1) - 0.5
    found = GradCam().explain(module, 1, images, images, 0)
    maps = functional.relu(0.5 * images + 0.1)  # the same four times, each of weight 16 / 256
    assert found.maps.numpy() == pytest.approx((4 * 16 / 256 * maps[:, 0]).numpy(), abs=1e-6)
    named = GradCam(layer="convolution").explain(module, 1, images, images, 0)
    before = 0.5 * images + 0.1  # what the nonlinearity, in place, has not touched
    weights = (before[SQUARE] > 0).sum(dim=(1, 2, 3), keepdim=True) / 256
    assert named.maps.numpy() == pytest.approx(
        (4 * weights * before).relu()[:, 0].numpy(), abs=1e-6
    )


def test_what_speaks_against_the_output_is_cut_off():
    torch.manual_seed(0)
    module = nn.Sequential(nn.Conv2d(1, 3, 3), nn.ReLU(), nn.Flatten(), nn.Linear(588, 1)).eval()
    with torch.no_grad():
        module[-1].weight.copy_(-module[-1].weight.abs())
    assert (GradCam().explain(module, 0, pictures(1, 1), pictures(1, 1), 0).maps == 0).all()


@pytest.mark.parametrize(
    ("name", "channels", "layer"),
    [("densenet121", 1024, "features"), ("resnet18", 512, "layer4")],
)
def test_the_maps_taken_are_those_before_pooling(name, channels, layer):
    module = getattr(torchvision.models, name)(weights=None, num_classes=2).eval()
    found = GradCam()._layer(module, pictures(1, size=64))
    assert found is module.get_submodule(layer)
    kept = []
    handle = found.register_forward_hook(lambda _layer, _inputs, maps: kept.append(maps.shape))
    with torch.no_grad():
        module(pictures(1, size=64))
    handle.remove()
    assert kept == [(1, channels, 2, 2)]


@pytest.mark.parametrize(
    ("module", "layer", "reason"),
    [
        (Linear(), None, "needs a convolution"),
        (torch.jit.trace(Reader().eval(), pictures(1, 1)), None, "TorchScript"),
        (nn.Sequential(nn.Flatten(), nn.Linear(256, 1)), "1", "gives none"),
    ],
)
def test_models_without_maps_are_refused(module, layer, reason):
    images = pictures(1, 1) if layer or reason == "TorchScript" else pictures(1)
    with pytest.raises(NotApplicable, match=reason):
        GradCam(layer).explain(module, 0, images, images, 0)


def test_a_layer_that_does_not_exist_is_the_users_mistake():
    with pytest.raises(AuditError, match=r"no layer 'conv9'(.|\n)*convolution, act"):
        GradCam("conv9").explain(Reader(), 0, pictures(1, 1), pictures(1, 1), 0)


def test_hooks_are_removed_even_if_the_model_raises():
    class Broken(Reader):
        def forward(self, images):
            super().forward(images)
            raise RuntimeError("broken")

    module = Broken()
    with pytest.raises(RuntimeError, match="broken"):
        GradCam("act").explain(module, 0, pictures(1, 1), pictures(1, 1), 0)
    assert not module.act._forward_hooks
