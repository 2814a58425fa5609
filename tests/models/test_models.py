"""Models by card: every format, and every way a card and its files can disagree."""

from __future__ import annotations

import pickle

import pytest
import torch
from cards import input_spec
from safetensors.torch import save_file
from torch import nn

from audit_suite.cards import load_model_card
from audit_suite.errors import AuditError
from audit_suite.models.load import load_model

FACTORY = """
import torch
from torch import nn

class Tiny(nn.Module):
    def __init__(self, outputs):
        super().__init__()
        self.body = nn.Conv2d(1, 4, 3, padding=1)
        self.head = nn.Linear(4, outputs)
    def forward(self, batch):
        return self.head(self.body(batch).relu().mean(dim=(2, 3)))

def tiny(outputs=2):
    return Tiny(outputs)

def no_module():
    return 3

def leaves():
    raise SystemExit(0)

def lacks():
    class Lacks(nn.Module):
        def forward(self, batch):
            return {}["organ"]
    return Lacks()

def strange():
    class Strange(nn.Module):
        def forward(self, batch):
            return {"scores": batch}
    return Strange()

def nan():
    class Nan(nn.Module):
        def forward(self, batch):
            return torch.full((len(batch), 2), float("nan")) * batch.sum()
    return Nan()

class Viewing(nn.Module):
    def __init__(self):
        super().__init__()
        torch.manual_seed(0)
        self.body = nn.Sequential(nn.Conv2d(1, 4, 3, padding=1), nn.Conv2d(4, 4, 3, padding=1))
        self.head = nn.Linear(4 * 16 * 16, 2)
    def flat(self, maps):
        return maps.view(len(maps), -1)
    def forward(self, batch):
        return self.head(self.flat(self.body(batch)))

class Flattening(Viewing):
    def flat(self, maps):
        return maps.flatten(1)

def loads(weights):
    module = Tiny(2)
    module.load_state_dict(torch.load(weights, weights_only=True))
    return module
"""

CARD = """
schema = 1
name = "m"
targets = ["a", "b"]
loader = "{loader}"
{lines}
[input]
size = [16, 16]
channels = 1
resize = "pad"
mean = [0.0]
std = [1.0]
"""


class Tiny(nn.Module):
    def __init__(self, outputs=2):
        super().__init__()
        self.body = nn.Conv2d(1, 4, 3, padding=1)
        self.head = nn.Linear(4, outputs)

    def forward(self, batch):
        return self.head(self.body(batch).relu().mean(dim=(2, 3)))


@pytest.fixture
def module():
    torch.manual_seed(0)
    return Tiny().eval()


@pytest.fixture
def card(tmp_path):
    (tmp_path / "net.py").write_text(FACTORY)

    def make(loader, *lines, size="[16, 16]"):
        text = CARD.format(loader=loader, lines="\n".join(lines)).replace("[16, 16]", size)
        (tmp_path / "card.toml").write_text(text)
        return load_model_card(tmp_path / "card.toml")

    return make


TINY = 'architecture = "net.py:tiny"'
BATCH = torch.rand(5, 1, 16, 16, generator=torch.Generator().manual_seed(1))


def save(module, path, kind):
    if kind == "safetensors":
        save_file(module.state_dict(), path)
    elif kind == "pt":
        torch.save(module.state_dict(), path)
    elif kind == "checkpoint":
        torch.save({"state_dict": module.state_dict()}, path)
    elif kind == "torchscript":
        torch.jit.trace(module, BATCH).save(str(path))
    else:
        batch = torch.export.Dim("batch", min=1, max=512)
        torch.export.save(torch.export.export(module, (BATCH,), dynamic_shapes=({0: batch},)), path)


@pytest.mark.parametrize(
    ("kind", "file", "loader", "lines"),
    [
        ("safetensors", "w.safetensors", "architecture", [TINY]),
        ("pt", "w.pt", "architecture", [TINY]),
        ("checkpoint", "w.pt", "architecture", [TINY]),
        ("pt", "w.pt", "callable", ['architecture = "net.py:loads"']),
        ("torchscript", "w.pt", "torchscript", []),
        ("export", "w.pt2", "export", []),
    ],
)
@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning")
def test_every_format_gives_the_same_scores(tmp_path, module, card, kind, file, loader, lines):
    save(module, tmp_path / file, kind)
    model = load_model(card(loader, *lines, f'weights = "{file}"'))
    scores, embedding = model(BATCH)
    assert torch.allclose(scores, module(BATCH).double(), atol=1e-6)
    assert scores.dtype == torch.float64, "what ranks images is not rounded"
    assert embedding is None


def test_torchvision_by_name_with_an_embedding(tmp_path, card):
    from torchvision.models import resnet18

    torch.manual_seed(0)
    reference = resnet18(num_classes=2).eval()
    save_file(reference.state_dict(), tmp_path / "w.safetensors")
    made = card(
        "architecture",
        'architecture = "torchvision:resnet18"',
        "arguments = { num_classes = 2 }",
        'weights = "w.safetensors"',
        'embedding_layer = "layer4"',
    )
    made = made.model_copy(update={"input": input_spec((32, 32))})
    batch = torch.rand(3, 3, 32, 32)
    scores, embedding = load_model(made)(batch)
    assert torch.allclose(scores, reference(batch).double(), atol=1e-6)
    assert embedding.shape == (3, 512), "averaged over space"


def test_weights_lie_channels_last_where_the_network_can_take_it(card):
    def load(how):
        return load_model(card("callable", f'architecture = "net.py:{how}"'))

    viewing, flattening = load("Viewing"), load("Flattening")
    assert torch.allclose(viewing(BATCH)[0], flattening(BATCH)[0], atol=1e-6)
    for model, last in ((viewing, False), (flattening, True)):
        weights = model.module.body[1].weight
        assert weights.is_contiguous(memory_format=torch.channels_last) is last
        assert weights.is_contiguous() is not last


@pytest.mark.parametrize(
    ("name", "function"),
    [("softmax", lambda x: x.softmax(1).logit()), ("sigmoid", lambda x: x), ("none", lambda x: x)],
)
def test_activations(tmp_path, module, card, name, function):
    save(module, tmp_path / "w.pt", "pt")
    model = load_model(card("architecture", TINY, 'weights = "w.pt"', f'activation = "{name}"'))
    assert torch.allclose(model(BATCH)[0], function(module(BATCH).double()), atol=1e-6)


def test_embedding_comes_from_the_same_pass(tmp_path, module, card):
    save(module, tmp_path / "w.pt", "pt")
    model = load_model(card("architecture", TINY, 'weights = "w.pt"', 'embedding_layer = "body"'))
    _, embedding = model(BATCH)
    assert torch.allclose(embedding, module.body(BATCH).mean(dim=(2, 3)), atol=1e-6)


def test_folds_are_models_of_their_own(tmp_path, module, card):
    save(module, tmp_path / "0.pt", "pt")
    save(Tiny(), tmp_path / "1.pt", "pt")
    made = card("architecture", TINY, 'folds = ["0.pt", "1.pt"]')
    first, second = load_model(made, 0), load_model(made, 1)
    assert torch.allclose(first(BATCH)[0], module(BATCH).double(), atol=1e-6)
    assert first.digest == load_model(made, 0).digest != second.digest


class Bomb:
    def __reduce__(self):
        return (exec, ("import os; os.environ['BOMB'] = 'exploded'",))


def test_a_pickle_that_runs_code_is_refused(tmp_path, card, monkeypatch):
    monkeypatch.delenv("BOMB", raising=False)
    torch.save({"weight": Bomb()}, tmp_path / "w.pt")
    made = card("architecture", TINY, 'weights = "w.pt"')
    with pytest.raises(AuditError, match="would run code when loaded: refused") as caught:
        load_model(made)
    assert "safetensors" in caught.value.remedy
    (tmp_path / "w.pt").write_bytes(pickle.dumps(Bomb()))
    with pytest.raises(AuditError):
        load_model(made)
    import os

    assert "BOMB" not in os.environ


@pytest.mark.parametrize(
    ("loader", "lines", "said"),
    [
        ("architecture", [TINY, 'weights = "none.pt"'], "key 'weights'.*none.pt does not exist"),
        ("architecture", [TINY, 'folds = ["none.pt"]'], r"key 'folds\[0\]'"),
        (
            "architecture",
            [TINY, "arguments = { outputs = 3 }", 'weights = "w.pt"'],
            "do not fit.*shape: head.bias",
        ),
        (
            "architecture",
            ['architecture = "torchvision:resnet18"', 'weights = "w.pt"'],
            "missing: bn1.bias",
        ),
        (
            "architecture",
            ['architecture = "torchvision:resnet19"', 'weights = "w.pt"'],
            "torchvision has no model",
        ),
        (
            "architecture",
            ['architecture = "net.py:huge"', 'weights = "w.pt"'],
            "no function 'huge'.*tiny",
        ),
        (
            "architecture",
            ['architecture = "nets.py:tiny"', 'weights = "w.pt"'],
            "nets.py does not exist",
        ),
        ("architecture", ['architecture = "no.such:tiny"', 'weights = "w.pt"'], "no.such"),
        ("architecture", ['architecture = "tiny"', 'weights = "w.pt"'], "'tiny'"),
        (
            "architecture",
            [TINY, "arguments = { wide = 3 }", 'weights = "w.pt"'],
            "raised TypeError",
        ),
        ("architecture", [TINY, 'weights = "w.pt"', 'embedding_layer = "neck"'], "no layer 'neck'"),
        (
            "architecture",
            [TINY, 'weights = "bad.safetensors"'],
            "is not a readable safetensors file",
        ),
        ("architecture", [TINY, 'weights = "bad.pt"'], "weights.*bad.pt"),
        ("architecture", [TINY, 'weights = "list.pt"'], "is not a state dict"),
        ("torchscript", ['weights = "bad.pt"'], "cannot be read as a TorchScript archive"),
        ("export", ['weights = "bad.pt"'], "cannot be read as a torch.export archive"),
        ("callable", ['architecture = "net.py:no_module"'], "returned int, not a torch.nn.Module"),
        ("callable", ['architecture = "net.py:strange"'], "the model returns dict for 2 images"),
        ("callable", ['architecture = "net.py:leaves"'], "raised SystemExit"),
        ("callable", ['architecture = "net.py:lacks"'], "the model raised KeyError on a batch"),
        ("callable", ['architecture = "broken.py:net"'], "cannot be imported: ZeroDivisionError"),
        ("callable", ['architecture = "net.py:nan"'], "scores that are not finite"),
        (
            "callable",
            ['architecture = "net.py:tiny"', "arguments = { outputs = 3 }"],
            "names 2 outputs",
        ),
    ],
)
def test_what_disagrees_is_said(tmp_path, module, card, loader, lines, said):
    save(module, tmp_path / "w.pt", "pt")
    torch.save([1, 2], tmp_path / "list.pt")
    (tmp_path / "bad.safetensors").write_bytes(b"no tensors")
    (tmp_path / "bad.pt").write_bytes(b"no archive")
    (tmp_path / "broken.py").write_text("1 / 0")
    made = card(loader, *lines)
    with pytest.raises(AuditError, match=said) as caught:
        load_model(made, 0 if made.folds else None)
    assert "card.toml" in caught.value.what
    assert caught.value.remedy


def test_a_model_that_raises_on_its_input(tmp_path, module, card):
    save(module, tmp_path / "w.pt", "pt")
    made = card("architecture", TINY, 'weights = "w.pt"')
    made = made.model_copy(update={"input": input_spec((16, 16))})
    with pytest.raises(
        AuditError, match=r"raised RuntimeError on a batch of shape \(2, 3, 16, 16\)"
    ):
        load_model(made)


@pytest.mark.usefixtures("gpu")
def test_the_gpu_scores_the_same(tmp_path, module, card):
    save(module, tmp_path / "w.pt", "pt")
    made = card("architecture", TINY, 'weights = "w.pt"')
    cpu, gpu = load_model(made)(BATCH)[0], load_model(made, device="cuda")(BATCH.cuda())[0]
    assert torch.allclose(cpu, gpu.cpu(), atol=1e-5)
