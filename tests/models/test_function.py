"""A model is a function of the image: what depends on more is refused, and says by how much."""

from __future__ import annotations

import pytest
import torch
from cards import model_card
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from torch import nn

from audit_suite.cards import load_model_card
from audit_suite.errors import AuditError
from audit_suite.models.load import load_model

NET = """
import torch
from torch import nn

class Kind(nn.Module):
    def __init__(self, kind):
        super().__init__()
        self.kind, self.calls = kind, 0
        self.register_buffer("counter", torch.zeros(()))
        torch.manual_seed(0)
        self.linear = nn.Linear(64, 1)
        self.norm = nn.BatchNorm1d(1)
    def train(self, mode=True):
        return super().train(mode if self.kind != "batch norm" else True)
    def forward(self, batch):
        y = self.linear(batch.flatten(1))
        if self.kind == "dropout":
            return nn.functional.dropout(y, 0.5, training=True)
        if self.kind == "random":
            return y + torch.rand_like(y)
        if self.kind == "calls":
            self.calls += 1
            return y + 0.01 * self.calls
        if self.kind == "counter":
            self.counter += 1
            return y
        if self.kind == "batch norm":
            return self.norm(y)
        if self.kind == "mean of the batch":
            return y - y.mean(0, keepdim=True)
        if self.kind == "order":
            return y + 0.01 * torch.arange(len(y))[:, None]
        if self.kind == "size":
            return y + 0.01 * len(y)
        if self.kind == "neighbour":
            return y + 0.5 * torch.roll(y, 1, 0)
        if self.kind == "rank":
            return y.argsort(0).argsort(0) / len(y)
        if self.kind == "lazy":
            self.counter.fill_(7)
        return y

def make(kind):
    return Kind(kind)
"""
TWICE = ("dropout", "random", "calls")
COMPANY = ("batch norm", "mean of the batch", "order", "size", "neighbour", "rank")


@pytest.fixture
def load(tmp_path):
    (tmp_path / "net.py").write_text(NET)

    def load(kind, activation="none"):
        card = model_card(
            tmp_path,
            f'arguments = {{ kind = "{kind}" }}',
            architecture="net.py:make",
            activation=activation,
            size=8,
        )
        return load_model(card)

    return load


@pytest.mark.parametrize("activation", ["none", "sigmoid"])
@pytest.mark.parametrize("kind", [*TWICE, *COMPANY, "counter"])
def test_what_is_no_function_of_the_image_is_refused(load, kind, activation):
    with pytest.raises(AuditError) as caught:
        load(kind, activation)
    what = caught.value.what
    assert "m.toml" in what
    if kind == "counter":
        assert "scoring changes the model's buffer 'counter'" in what
        return
    seen = "scored twice" if kind in TWICE else "scored in one batch and in two"
    assert f"the same 4 images (noise) {seen} differ by" in what
    assert ("dropout" if kind in TWICE else "training mode") in what


@pytest.mark.parametrize("kind", ["none", "lazy"])
def test_a_function_is_loaded(load, kind):
    scores, _ = load(kind)(torch.rand(3, 1, 8, 8))
    assert scores.shape == (3, 1)


@settings(
    suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=20
)
@given(scale=st.floats(1e-3, 1e6), seed=st.integers(0, 9))
def test_the_tolerance_grows_with_scores_that_have_no_activation(load, scale, seed):
    """Rounding of large outputs is no dependence on the batch."""
    model = load("none")
    torch.manual_seed(seed)
    model.module.linear.weight.data.normal_(0, scale)
    from audit_suite.models.function import check_function

    assert check_function(model, torch.rand(8, 1, 8, 8), "images").shape == (8, 1)


def network():
    torch.manual_seed(0)
    return nn.Sequential(
        *(nn.Conv2d(1, 4, 3), nn.BatchNorm2d(4), nn.ReLU(), nn.Dropout(0.5)),
        *(nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(4, 1)),
    )


def exported(folder, module, batch, dynamic):
    dims = {0: torch.export.Dim("b", min=1, max=64)}
    program = torch.export.export(
        module, (torch.rand(batch, 1, 8, 8),), dynamic_shapes=(dims,) if dynamic else None
    )
    torch.export.save(program, folder / "w.pt2")
    text = (
        'schema = 1\nname = "m"\ntargets = ["sick"]\nloader = "export"\nweights = "w.pt2"\n'
        '[input]\nsize = [8, 8]\nchannels = 1\nresize = "pad"\nmean = [0.0]\nstd = [1.0]\n'
    )
    (folder / "m.toml").write_text(text)
    return load_model_card(folder / "m.toml")


@pytest.mark.filterwarnings("ignore::UserWarning")
def test_a_program_exported_in_training_mode_is_refused(tmp_path):
    card = exported(tmp_path, network().train(), 2, True)
    with pytest.raises(AuditError, match=r"scored (twice|in one batch and in two) differ by"):
        load_model(card)


def test_a_program_for_one_image_runs_image_by_image(tmp_path):
    net = network().eval()
    model = load_model(exported(tmp_path, net, 1, False))
    batch = torch.rand(5, 1, 8, 8)
    assert torch.allclose(model(batch)[0], net(batch).double(), atol=1e-6)


@pytest.mark.parametrize("images", [1, 2, 3, 5, 9])
def test_a_program_for_another_fixed_batch_is_filled_up(tmp_path, images):
    net = network().eval()
    model = load_model(exported(tmp_path, net, 3, False))
    batch = torch.rand(images, 1, 8, 8, generator=torch.Generator().manual_seed(images))
    assert torch.allclose(model(batch)[0], net(batch).double(), atol=1e-6)
