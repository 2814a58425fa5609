"""Loaders are registered: what cards and messages know, and how an extension's loader behaves."""

from __future__ import annotations

import importlib
import importlib.util
import pkgutil
import subprocess
import sys
from dataclasses import FrozenInstanceError, dataclass

import numpy as np
import pytest
import torch
from torch import nn

from audit_suite.cards import load_model_card
from audit_suite.errors import AuditError
from audit_suite.models import loaders as package
from audit_suite.models.load import load_model
from audit_suite.models.loader import Loader, register_loader
from audit_suite.registry import LOADERS, SHIPPED

SHIPPED_LOADERS = {"architecture", "callable", "export", "function", "huggingface", "keras"}
SHIPPED_LOADERS |= {"monai_bundle", "onnx", "tflite", "torchscript"}

CARD = """
schema = 1
name = "m"
targets = ["a", "b"]
{lines}
[input]
size = [8, 8]
channels = 1
resize = "pad"
mean = [0.0]
std = [1.0]
"""

EXTENSION = '''
"""A linear model whose weights are a NumPy archive."""

from dataclasses import dataclass

import numpy as np

from audit_suite.models.loader import register_loader


@dataclass(frozen=True)
class NpzLoader:
    name: str = "npz"
    needs_architecture: bool = False
    needs_weights: bool = True
    has_modes: bool = True

    def load(self, card, weights):
        import torch
        from torch import nn

        stored = np.load(weights)
        linear = nn.Linear(64, 2)
        linear.load_state_dict({name: torch.from_numpy(stored[name]) for name in stored})
        return nn.Sequential(nn.Flatten(), nn.Dropout(0.5), linear)


register_loader(NpzLoader())
'''

BATCH = torch.rand(3, 1, 8, 8, generator=torch.Generator().manual_seed(1))


@pytest.fixture
def card(tmp_path):
    def make(*lines):
        (tmp_path / "card.toml").write_text(CARD.format(lines="\n".join(lines)))
        return load_model_card(tmp_path / "card.toml")

    return make


@pytest.fixture
def npz(tmp_path):
    """An extension in a file of its own, imported as a package of that name."""

    def install(text=EXTENSION, name="audit_npz"):
        path = tmp_path / f"{name}.py"
        path.write_text(text)
        spec = importlib.util.spec_from_file_location(name, path)
        module = importlib.util.module_from_spec(spec)
        sys.modules[name] = module
        installed.append(name)
        spec.loader.exec_module(module)
        return module

    installed = []
    linear = nn.Linear(64, 2)
    np.savez(tmp_path / "w.npz", **{k: v.detach().numpy() for k, v in linear.named_parameters()})
    install.truth = linear
    yield install
    for name in installed:
        sys.modules.pop(name, None)


@dataclass(frozen=True)
class Made:
    """A loader that answers with whatever a test wants."""

    answer: object = None
    name: str = "made"
    needs_architecture: bool = False
    needs_weights: bool = False
    has_modes: bool = True

    def load(self, card, weights):
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.modes = []
        self.linear = nn.Linear(64, 2)

    def train(self, mode=True):
        self.modes.append(mode)
        return super().train(mode)

    def forward(self, batch):
        return self.linear(batch.flatten(1))


# The shipped ones


def test_the_shipped_ones_are_one_file_and_one_object_each():
    assert set(LOADERS) == SHIPPED_LOADERS
    modules = {module.name for module in pkgutil.iter_modules(package.__path__)}
    assert modules == SHIPPED_LOADERS, "the file is named as the card names the loader"
    for name, loader in LOADERS.items():
        assert isinstance(loader, Loader)
        assert loader.name == name
        assert type(loader).__module__ == f"{package.__name__}.{name}"
        assert LOADERS.origin(name) == SHIPPED
        assert LOADERS.fingerprint(name) == "", "covered by the release"
        with pytest.raises(FrozenInstanceError):
            loader.name = "other"


@pytest.mark.parametrize(
    ("name", "architecture", "weights", "modes"),
    [
        ("architecture", True, True, True),
        ("callable", True, False, True),
        ("export", False, True, False),
        ("function", True, False, True),
        ("huggingface", False, True, True),
        ("keras", False, True, True),
        ("monai_bundle", False, True, True),
        ("onnx", False, True, False),
        ("tflite", False, True, False),
        ("torchscript", False, True, True),
    ],
)
def test_what_each_needs_is_asked_of_a_card(card, name, architecture, weights, modes):
    loader = LOADERS[name]
    assert (loader.needs_architecture, loader.needs_weights) == (architecture, weights)
    assert loader.has_modes is modes
    keys = {"architecture": 'architecture = "net.py:net"', "weights": 'weights = "w.pt"'}
    complete = [f'loader = "{name}"', *keys.values()]
    assert card(*complete).loader == name
    for needed, key, message in (
        (architecture, "architecture", f"loader '{name}' needs the key 'architecture'"),
        (weights, "weights", f"loader '{name}' needs 'weights' or 'folds'"),
    ):
        without = [line for line in complete if line != keys[key]]
        if needed:
            with pytest.raises(AuditError) as caught:
                card(*without)
            assert message in caught.value.what
        else:
            assert card(*without).loader == name


def test_folds_count_as_weights(card):
    assert card('loader = "export"', 'folds = ["0.pt2", "1.pt2"]').folds == ("0.pt2", "1.pt2")


def test_an_unknown_loader_is_an_error_at_its_key_that_lists_what_is_known(card, npz):
    with pytest.raises(AuditError) as caught:
        card('loader = "caffe"', 'weights = "w.model"')
    assert str(caught.value).startswith("model card ")
    assert (
        f"key 'loader': there is no model loader 'caffe' "
        f"(known: {', '.join(sorted(SHIPPED_LOADERS))})"
    ) in caught.value.what
    npz()
    with pytest.raises(AuditError, match=r"known: .*monai_bundle, npz, onnx"):
        card('loader = "caffe"', 'weights = "w.model"')


def test_cards_are_read_and_loaders_looked_up_without_torch(tmp_path, card):
    card('loader = "export"', 'weights = "w.pt2"')
    code = f"""
import sys
from audit_suite.registry import LOADERS
assert set(LOADERS) == {SHIPPED_LOADERS}
from audit_suite.cards import load_model_card
load_model_card({str(tmp_path / "card.toml")!r})
import audit_suite.models.vetting
heavy = {{"torch", "torchvision", "timm", "monai", "transformers", "onnx", "keras"}}
heavy &= set(sys.modules)
assert not heavy, heavy
"""
    subprocess.run([sys.executable, "-c", code], check=True)


# Those of extensions


def test_a_loader_in_one_file_of_an_extension_scores(tmp_path, card, npz):
    npz()
    assert LOADERS.origin("npz") == "audit_npz"
    made = card('loader = "npz"', 'weights = "w.npz"')
    model = load_model(made)
    wanted = npz.truth(BATCH.flatten(1)).double()
    assert torch.allclose(model(BATCH)[0], wanted, atol=1e-6), "dropout is off: evaluation mode"
    with pytest.raises(AuditError, match="loader 'npz' needs 'weights' or 'folds'"):
        card('loader = "npz"')
    with pytest.raises(AuditError, match=r"'weights': .*none.npz does not exist"):
        load_model(card('loader = "npz"', 'weights = "none.npz"'))


def test_a_loader_gets_the_fold_that_is_asked_for(tmp_path, card):
    asked = []

    @dataclass(frozen=True)
    class Noting(Made):
        def load(self, card, weights):
            asked.append(weights)
            return Net()

    register_loader(Noting())
    for name in ("0.bin", "1.bin"):
        (tmp_path / name).write_bytes(name.encode())
    folds = card('loader = "made"', 'folds = ["0.bin", "1.bin"]')
    load_model(folds, 1)
    load_model(card('loader = "made"', 'weights = "0.bin"'))
    load_model(card('loader = "made"'))
    assert asked == [tmp_path / "1.bin", tmp_path / "0.bin", None]


@pytest.mark.parametrize("modes", [True, False])
def test_only_a_module_with_modes_is_put_into_evaluation_mode(card, modes):
    net = Net()
    register_loader(Made(net, has_modes=modes))
    load_model(card('loader = "made"'))
    assert net.modes == ([False] if modes else [])


@pytest.mark.parametrize(
    ("answer", "problem"),
    [
        (ValueError("no such operator"), "raised ValueError: no such operator"),
        (RuntimeError("version 9"), "raised RuntimeError: version 9"),
        (KeyError("graph"), "raised KeyError: 'graph'"),
        (None, "returned NoneType for .*card.toml, not a torch.nn.Module"),
        (Net, "returned type for .*card.toml, not a torch.nn.Module"),
        ({"linear.weight": 0}, "returned dict for .*card.toml, not a torch.nn.Module"),
    ],
)
def test_one_that_misbehaves_is_named_with_its_extension(card, answer, problem):
    register_loader(Made(answer))
    made = card('loader = "made"')
    with pytest.raises(
        AuditError, match=f"the model loader 'made' of .*test_loaders {problem}"
    ) as caught:
        load_model(made)
    assert "stored evidence is kept" in caught.value.remedy
    if isinstance(answer, Exception):
        assert caught.value.__cause__ is answer


def test_an_error_that_names_the_file_itself_passes_as_it_is(card):
    register_loader(Made(AuditError("w.onnx: opset 7", "export it with opset 17")))
    with pytest.raises(AuditError, match=r"w.onnx: opset 7"):
        load_model(card('loader = "made"'))


def test_a_card_whose_extension_is_gone_is_reported_by_card_and_key(card, npz):
    npz()
    made = card('loader = "npz"', 'weights = "w.npz"')
    del LOADERS._entries["npz"]
    with pytest.raises(
        AuditError, match=r"card.toml: key 'loader': there is no model loader 'npz'"
    ):
        load_model(made)


# Registration


@pytest.mark.parametrize("name", sorted(SHIPPED_LOADERS))
def test_a_shipped_name_is_refused_naming_both(npz, name):
    before = LOADERS[name]
    with pytest.raises(AuditError) as caught:
        npz(EXTENSION.replace('"npz"', f'"{name}"'))
    assert (
        f"audit_npz registers the model loader '{name}', but audit-suite already has"
        in caught.value.what
    )
    assert LOADERS[name] is before


def test_a_name_of_another_extension_is_refused_and_ones_own_replaced(npz):
    npz()
    first = LOADERS["npz"]
    npz()
    assert LOADERS["npz"] is not first, "as a notebook does when a cell is repeated"
    with pytest.raises(AuditError) as caught:
        npz(name="audit_numpy")
    assert (
        "audit_numpy registers the model loader 'npz', but audit_npz already has"
        in caught.value.what
    )


def test_what_is_not_a_loader_is_refused():
    class Nameless:
        needs_architecture = needs_weights = has_modes = True

        def load(self, card, weights):
            return Net()

    for wrong in (Made, Nameless(), Net(), "onnx", None):
        with pytest.raises(
            AuditError, match=r"(?s)test_loaders registers .*, which is not a model loader"
        ) as caught:
            register_loader(wrong)
        assert "has_modes and load" in caught.value.remedy
    assert set(LOADERS) == SHIPPED_LOADERS


def test_registering_returns_the_loader():
    loader = Made(Net())
    assert register_loader(loader) is loader
    assert LOADERS["made"] is loader


# Identity


def test_the_code_of_an_extensions_loader_counts_in_digests(card, npz):
    npz()
    keys = ['loader = "npz"', 'weights = "w.npz"', 'embedding_layer = "1"', 'head = "2"']
    made = card(*keys)
    first, trunk = load_model(made).digest, load_model(made).trunk
    npz()
    assert load_model(made).digest == first, "the same file"
    assert load_model(made).trunk == trunk
    npz(EXTENSION.replace("0.5", "0.25"))
    assert load_model(made).digest != first
    assert load_model(made).trunk != trunk
