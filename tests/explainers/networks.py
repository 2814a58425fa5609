"""Small networks whose attributions are known, and what an explainer must leave alone."""

from __future__ import annotations

import contextlib

import numpy as np
import torch
from torch import nn

SQUARE = (slice(None), slice(None), slice(8, 12), slice(4, 8))
"""What `Reader` looks at, of (B, C, H, W)."""


class Linear(nn.Module):
    """Two outputs, each a weighted sum of all pixels."""

    def __init__(self, channels=3, size=16, seed=0):
        super().__init__()
        rng = torch.Generator().manual_seed(seed)
        self.weight = nn.Parameter(torch.randn(2, channels, size, size, generator=rng))

    def forward(self, images):
        return torch.einsum("bchw,tchw->bt", images, self.weight)

    def truth(self, output, images, references):
        parts = self.weight[output].detach() * (images - references.mean(dim=0))
        return parts.sum(dim=1)


class Reader(nn.Module):
    """Its second output reads one square, by a convolution and a nonlinearity."""

    def __init__(self, channels=1):
        super().__init__()
        self.convolution = nn.Conv2d(channels, 4, 1)
        self.act = nn.ReLU(inplace=True)
        with torch.no_grad():
            self.convolution.weight.fill_(0.5)
            self.convolution.bias.fill_(0.1)

    def forward(self, images):
        maps = self.act(self.convolution(images))
        return torch.stack([maps.mean(dim=(1, 2, 3)), maps[SQUARE].sum(dim=(1, 2, 3))], dim=1)


def pictures(count, channels=3, size=16, seed=1):
    rng = torch.Generator().manual_seed(seed)
    return torch.rand(count, channels, size, size, generator=rng)


def state(module):
    """All of a module that could be left changed."""
    weights = {name: value.clone() for name, value in module.state_dict().items()}
    layers = [
        (
            name,
            id(layer),
            type(layer),
            layer.training,
            getattr(layer, "inplace", None),
            sorted(layer.__dict__),
            list(layer._parameters),
            [len(value) for key, value in layer.__dict__.items() if key.endswith("_hooks")],
        )
        for name, layer in module.named_modules()
    ]
    grads = [
        (id(p), p.requires_grad, None if p.grad is None else p.grad.clone())
        for p in module.parameters()
    ]
    return weights, layers, grads


def same(a, b):
    (weights, layers, grads), (others, other_layers, other_grads) = a, b
    assert layers == other_layers
    assert weights.keys() == others.keys()
    assert all(torch.equal(weights[name], others[name]) for name in weights)
    for (one, needs, grad), (two, also, other) in zip(grads, other_grads, strict=True):
        assert (one, needs) == (two, also)
        assert (grad is None) == (other is None)
        assert grad is None or torch.equal(grad, other)


@contextlib.contextmanager
def untouched(module):
    """What runs inside leaves module and streams of random numbers as they are."""
    before = state(module)
    np.random.seed(5)
    torch.manual_seed(5)
    wanted = np.random.get_state()[1].copy(), np.random.get_state()[2], torch.get_rng_state()
    yield
    same(before, state(module))
    assert np.array_equal(np.random.get_state()[1], wanted[0])
    assert np.random.get_state()[2] == wanted[1]
    assert torch.equal(torch.get_rng_state(), wanted[2])
