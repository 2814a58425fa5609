"""Rewritten networks: the same outputs, multipliers worked out by hand, and the model untouched."""

from __future__ import annotations

import copy
from functools import partial

import pytest
import torch
import torchvision
from explainers.networks import Reader, pictures, same, state, untouched
from torch import nn
from torch.nn import functional

from audit_suite.explainers import rewriting
from audit_suite.explainers.methods.deep import DeepLift
from audit_suite.explainers.rewriting import rewrite, twin
from audit_suite.verdict import NotApplicable


class Written(nn.Module):
    """A network of one forward pass, (B, 1, H, W) to (B, 1)."""

    def __init__(self, forward):
        super().__init__()
        self.written = forward

    def forward(self, images):
        return self.written(images)


def multipliers(forward, image, reference):
    """What DeepLIFT says of the pixels of a row."""
    rows = torch.tensor([[[image]], [[reference]]], dtype=torch.float32)
    found = DeepLift().explain(Written(forward), 0, rows[:1], rows[1:], 0)
    return found.maps[0, 0].tolist()


def test_the_rescale_rule_by_hand():
    def network(x):
        a, b = x[..., 0], x[..., 1]
        return (2 * functional.relu(a - b) + b.relu()).flatten(1)

    # relu(a - b) goes from relu(-2) to relu(2): half of what goes in comes out
    assert multipliers(network, [3, 1], [0, 2]) == pytest.approx([3.0, 1.0 - 1.0])


@pytest.mark.parametrize("name", ["silu", "sigmoid", "gelu", "hardswish", "relu6", "softplus"])
def test_a_single_pixel_gets_the_whole_change(name):
    function = getattr(functional, name)
    change = float(function(torch.tensor(2.5)) - function(torch.tensor(-1.0)))
    assert multipliers(lambda x: function(x).flatten(1), [2.5], [-1.0]) == pytest.approx([change])


def test_where_image_and_reference_agree_the_derivative_stands():
    def network(x):
        return functional.silu(x[..., :1] + x[..., 1:]).flatten(1)

    slope = torch.tensor(1.5, requires_grad=True)
    functional.silu(slope).backward()
    wanted = float(slope.grad)
    assert multipliers(network, [2.0, -0.5], [1.0, 0.5]) == pytest.approx([wanted, -wanted])


def test_a_product_is_shared_by_shapleys_rule():
    def network(x):
        return (x[..., 0] * x[..., 1]).flatten(1)

    assert multipliers(network, [3, 1], [1, 2]) == pytest.approx([2 * 1.5, -1 * 2.0])
    assert multipliers(lambda x: (x * x).flatten(1), [3], [1]) == pytest.approx([8.0])


def test_a_product_of_matrices_too():
    def network(x):  # (a, b) times its own transpose
        return (x @ x.transpose(2, 3)).flatten(1)

    assert multipliers(network, [3, 1], [1, 2]) == pytest.approx([8.0, -3.0])


def test_overlapping_windows_of_a_max_pool_by_hand():
    def network(x):
        return functional.max_pool2d(x, (1, 2), stride=1).sum(dim=3).flatten(1)

    # (5, 5) instead of (2, 3), and both are the middle pixel's doing
    assert multipliers(network, [0, 5, 1], [1, 2, 3]) == pytest.approx([0.0, 5.0, 0.0])
    # 1 instead of 4: the fall is that of the pixel that was the largest
    assert multipliers(network, [1, 0], [0, 4]) == pytest.approx([0.0, -3.0])


class Untidy(nn.Module):
    """All that a hook on modules would miss."""

    def __init__(self, seed=0):
        super().__init__()
        torch.manual_seed(seed)
        self.first = nn.Conv2d(1, 4, 3, padding=1)
        self.norm = nn.BatchNorm2d(4)
        self.norm.running_mean.uniform_(-1, 1)
        self.act = nn.ReLU(inplace=True)
        self.second = nn.Conv2d(4, 4, 3, padding=1)
        self.gate = nn.Conv2d(4, 4, 1)
        nn.init.normal_(self.gate.weight, std=3)
        self.down = nn.MaxPool2d(3, 2, 1)
        self.head = nn.Linear(8, 2)

    def forward(self, x):
        x = self.act(self.norm(self.first(x)))
        y = self.second(x)
        y.sigmoid_()  # nobody takes what it returns
        functional.silu(y, inplace=True)
        y = self.act(y - 0.3)
        scale = torch.sigmoid(self.gate(functional.adaptive_avg_pool2d(x, 1)))
        y = torchvision.ops.stochastic_depth(y * scale, 0.5, "row", self.training)
        y += x
        y = functional.dropout(functional.leaky_relu(y, 0.1, inplace=True), 0.5, self.training)
        y = functional.max_pool2d(self.down(y), 2)
        largest = functional.adaptive_max_pool2d(y, 1)
        return self.head(torch.cat([largest, y.mean((2, 3), keepdim=True)], dim=1).flatten(1))


def untidy_images():
    return pictures(3, channels=1), pictures(4, channels=1, seed=2) - 1


def test_outputs_are_the_same_and_the_network_is_untouched():
    module = Untidy().eval()
    images = pictures(3, channels=1)
    wanted = module(images)
    with untouched(module):
        for output in (0, 1):
            found = rewrite(module, output)(images)
            assert found.shape == (3, 1)
            assert found[:, 0].detach() == pytest.approx(wanted[:, output].detach(), abs=1e-6)


def test_attributions_of_an_untidy_network_add_up():
    module = Untidy().eval()
    with untouched(module):
        found = DeepLift().explain(module, 1, *untidy_images(), 0)
    wanted = found.outputs - found.expected
    assert found.maps.sum(dim=(1, 2)) == pytest.approx(wanted, abs=1e-4 * float(wanted.abs().max()))


@pytest.mark.parametrize("rule", ["rescaled", "product", "pooled"])
def test_without_one_of_the_rules_they_would_not(rule, monkeypatch):
    def network(x):
        gate = torch.sigmoid(4 * x.mean((2, 3), keepdim=True))
        return functional.max_pool2d(x * gate, 3, 2).sum((2, 3))

    explain = partial(DeepLift().explain, Written(network), 0, *untidy_images(), 0)
    assert explain().maps.abs().sum() > 0
    monkeypatch.setattr(rewriting, rule, lambda function, *inputs: function(*inputs))
    with pytest.raises(NotApplicable, match="do not add up"):
        explain()


NAMES = ["densenet121", "resnet50", "efficientnet_b0"]


@pytest.fixture(scope="module", params=NAMES)
def network(request):
    torch.manual_seed(0)
    return getattr(torchvision.models, request.param)(weights=None, num_classes=3).eval()


def test_attributions_of_torchvisions_networks_add_up(network):
    images, references = pictures(2, size=64), pictures(2, size=64, seed=2)
    torch.manual_seed(1)
    wanted = network(images)[:, 2]
    before = state(network)
    found = DeepLift().explain(network, 2, images, references, 0)
    same(before, state(network))
    change = found.outputs - found.expected
    assert found.outputs == pytest.approx(wanted.detach(), rel=1e-5)
    assert found.maps.sum(dim=(1, 2)) == pytest.approx(change, abs=1e-3 * float(change.abs().min()))
    again = rewrite(network, 2)(images)[:, 0].detach()
    assert again == pytest.approx(wanted.detach(), rel=1e-5)


def test_hooks_and_gradients_of_the_user_stay_where_they_are():
    module, images, called = Reader(), pictures(2, channels=1), []
    module.act.register_forward_hook(lambda *_: called.append("act"))
    module(images).sum().backward()
    called.clear()
    with untouched(module):
        rewrite(module, 0)(images)
        assert called == [], "the copy has none"
    module(images)
    assert called == ["act"]


def test_a_twin_shares_storage_but_neither_gradients_nor_modules():
    module = Untidy()
    made = twin(module)
    assert made.first.weight.data_ptr() == module.first.weight.data_ptr()
    assert not made.first.weight.requires_grad
    assert made.act is not module.act
    made.act.inplace = False
    made.norm.momentum = 7
    assert module.act.inplace
    assert module.norm.momentum != 7


def test_layers_used_twice_are_one_in_a_twin():
    shared = nn.Linear(2, 2)
    made = twin(nn.Sequential(shared, nn.ReLU(), shared))
    assert made[0] is made[2]


def branching(x):
    return x.flatten(1)[:, :1] if x.sum() > 0 else -x.flatten(1)[:, :1]


@pytest.mark.parametrize(
    ("module", "reason"),
    [
        (lambda: torch.jit.trace(copy.deepcopy(Untidy().eval()), pictures(2, 1)), "TorchScript"),
        (lambda: torch.export.export(Linear1(), (pictures(2, 1),)).module(), "torch.export"),
        (lambda: Written(branching), "cannot be traced: .*control flow"),
        (lambda: Written(lambda x: x.flatten(1) * len(x)), "cannot be traced: .*len"),
    ],
)
def test_a_network_that_cannot_be_taken_apart(module, reason):
    with pytest.raises(NotApplicable, match=reason):
        rewrite(module(), 0)


class Linear1(nn.Module):
    def forward(self, x):
        return x.flatten(1)[:, :2] * 2


def test_a_network_that_does_not_add_up_is_refused_and_the_layer_named():
    torch.manual_seed(0)
    head = nn.LayerNorm(256), nn.Linear(256, 1)
    module = nn.Sequential(nn.Flatten(), *head).eval()
    images, references = pictures(2, channels=1), 3 * pictures(2, channels=1, seed=2) ** 2
    with pytest.raises(NotApplicable, match=r"do not add up .*no rule for LayerNorm"):
        DeepLift().explain(module, 0, images, references, 0)


def test_a_network_that_a_trace_gets_wrong_is_refused():
    class Hidden(nn.Module):
        """Hands in a layer's output past the graph."""

        def __init__(self):
            super().__init__()
            self.layer = nn.Identity()
            self.layer.register_forward_hook(lambda _layer, _inputs, found: found + 1)

        def forward(self, x):
            return (self.layer(x) ** 2).flatten(1)[:, :1]

    with pytest.raises(NotApplicable, match="does more than a trace shows"):
        DeepLift().explain(Hidden().eval(), 0, pictures(2, 1), pictures(2, 1, seed=2), 0)


def test_a_network_without_a_way_back_is_refused():
    def network(x):
        return x.flatten(1).argmax(dim=1, keepdim=True).float()

    with pytest.raises(NotApplicable, match="cannot go back"):
        DeepLift().explain(Written(network), 0, pictures(2, 1), pictures(2, 1, seed=2), 0)


def test_on_a_plain_network_it_is_shaps_own():
    import shap

    torch.manual_seed(0)
    layers = nn.Conv2d(3, 4, 3), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(), nn.Linear(36, 2)
    module = nn.Sequential(*layers, nn.Tanh()).eval()
    images, references = pictures(2, size=8), pictures(3, size=8, seed=2)
    found = DeepLift().explain(module, 1, images, references, 0).maps
    wanted = shap.DeepExplainer(module, references).shap_values(images)[..., 1].sum(axis=1)
    assert found.numpy() == pytest.approx(wanted, abs=1e-6)


@pytest.mark.parametrize("how", ["amax", "torch", "pool"])
def test_the_maximum_of_a_map_adds_up_however_it_is_written(how):
    class Largest(nn.Module):
        def __init__(self):
            super().__init__()
            self.maps = nn.Conv2d(1, 3, 3, padding=1)
            self.head = nn.Linear(3, 1)
            self.pool = nn.AdaptiveMaxPool2d(1)

        def forward(self, images):
            maps = self.maps(images).relu()
            if how == "amax":
                return self.head(maps.amax(dim=(2, 3)))
            if how == "torch":
                return self.head(torch.amax(maps, (-2, -1)))
            return self.head(self.pool(maps).flatten(1))

    torch.manual_seed(1)
    module = Largest().eval()
    images, references = torch.randn(4, 1, 9, 9), torch.randn(3, 1, 9, 9)
    found = DeepLift().explain(module, 0, images, references, 0)
    gap = found.maps.sum(dim=(1, 2)) - (found.outputs - found.expected)
    assert gap.abs().max() < 1e-4
    assert found.maps.abs().sum() > 0.1
