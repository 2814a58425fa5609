"""The identity of a model: whatever decides its scores changes its digest, and nothing else does."""

from __future__ import annotations

import importlib
import importlib.metadata
import os
import subprocess
import sys
from contextlib import suppress

import pytest
import torch
from cards import model_card
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from safetensors.torch import save_file
from torch import nn

from audit_suite.cards import load_model_card
from audit_suite.models.load import load_model
from audit_suite.models.sources import noting_imports, sources

NET = """
from torch import nn
import audit_net_layers

def make(factor=1.0):
    return audit_net_layers.Scaled(factor)

def reads(path):
    import torch
    module = audit_net_layers.Scaled(1.0)
    module.load_state_dict(torch.load(path, weights_only=True))
    return module
"""
LAYERS = """
from torch import nn
from audit_net_parts.numbers import OFFSET

class Scaled(nn.Module):
    def __init__(self, factor):
        super().__init__()
        self.linear = nn.Linear(64, 1)
        nn.init.constant_(self.linear.weight, 0.01)
        nn.init.zeros_(self.linear.bias)
        self.factor = factor
        self.register_buffer("hidden", 1.0 * self.linear.bias.detach(), persistent=False)

    def forward(self, batch):
        import audit_net_late
        return self.factor * self.linear(batch.flatten(1)) + OFFSET + audit_net_late.MORE
"""
FILES = {
    "net.py": NET,
    "audit_net_layers.py": LAYERS,
    "audit_net_parts/__init__.py": "",
    "audit_net_parts/numbers.py": "from .more import OFFSET",
    "audit_net_parts/more.py": "OFFSET = 0",
    "audit_net_late.py": "MORE = 0",
}


@pytest.fixture
def project(tmp_path, monkeypatch):
    """A factory that imports a module, which imports a package, and another when it scores."""
    for name, text in FILES.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    monkeypatch.syspath_prepend(tmp_path)
    yield tmp_path
    forget()


def forget():
    for name in [name for name in sys.modules if name.startswith("audit_net_")]:
        del sys.modules[name]
    importlib.invalidate_caches()


def digest(folder, top="", fold=None, **more):
    return load_model(
        model_card(folder, top, architecture="net.py:make", size=8, **more), fold
    ).digest


def test_words_about_a_model_do_not_count(project):
    first = digest(project)
    assert digest(project, 'description = "x"', name="other") == first
    claims = '[claims.sick]\nauroc = 0.9\nsource = "s"'
    (project / "m.toml").write_text((project / "m.toml").read_text() + claims)
    assert load_model(load_model_card(project / "m.toml")).digest == first


@pytest.mark.parametrize(
    "more",
    [
        {"activation": "none"},
        {"targets": ("other",)},
        {"top": "arguments = { factor = 2.0 }"},
        {"top": 'embedding_layer = "linear"'},
    ],
    ids=str,
)
def test_keys_that_decide_scores_count(project, more):
    assert digest(project, **more) != digest(project)


@pytest.mark.parametrize("file", FILES)
def test_the_source_of_every_module_behind_the_factory_counts(project, file):
    """Imported by a factory, by what that imports, by a package, and only while it scores."""
    first = digest(project)
    assert digest(project) == first, "imported before"
    forget()
    assert digest(project) == first, "imported anew"
    (project / file).write_text(FILES[file] + "\n# changed\n")
    forget()
    assert digest(project) != first


def test_a_module_imported_by_a_computed_name_counts_also_the_second_time(project):
    (project / "net.py").write_text(
        NET + "\ndef dynamic():\n    import importlib\n"
        "    importlib.import_module('audit_net_' + 'extra')\n    return make()\n"
    )

    def dynamic():
        return load_model(model_card(project, architecture="net.py:dynamic", size=8)).digest

    (project / "audit_net_extra.py").write_text("A = 1")
    first = dynamic()
    assert dynamic() == first
    (project / "audit_net_extra.py").write_text("A = 2")
    assert dynamic() != first


def test_the_digest_is_the_same_in_another_process_and_folder(project, tmp_path_factory):
    other = tmp_path_factory.mktemp("elsewhere") / "deep"
    for name, text in FILES.items():
        (other / name).parent.mkdir(parents=True, exist_ok=True)
        (other / name).write_text(text)
    model_card(other, architecture="net.py:make", size=8)
    code = (
        "from audit_suite.models.load import load_model\n"
        "from audit_suite.cards import load_model_card\n"
        "print(load_model(load_model_card('m.toml')).digest)"
    )
    env = os.environ | {"PYTHONPATH": ".", "PYTHONHASHSEED": "7"}
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=other, env=env, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == digest(project)


def test_a_file_that_the_factory_reads_itself_counts(project):
    def read():
        line = f'arguments = {{ path = "{(project / "own.pt").as_posix()}" }}'
        return load_model(model_card(project, line, architecture="net.py:reads", size=8)).digest

    importlib.import_module("audit_net_layers")
    state = sys.modules["audit_net_layers"].Scaled(1.0).state_dict()
    torch.save(state, project / "own.pt")
    first = read()
    assert read() == first
    state["linear.weight"][0, 3] += 1e-6
    torch.save(state, project / "own.pt")
    assert read() != first


CHANGES = {
    "a parameter": lambda m: m.linear.weight.data[0, 5].add_(1e-6),
    "a buffer": lambda m: m.mean.add_(1e-6),
    "a buffer that no state dict holds": lambda m: m.hidden.add_(1e-6),
    "a number": lambda m: setattr(m, "factor", 1.5),
    "a tensor beside the parameters": lambda m: m.table.add_(1e-6),
    "a number in a table": lambda m: m.steps["a"].append(1),
    "a bfloat16 buffer": lambda m: m.coarse.add_(1),
}


class Holding(nn.Module):
    """A network whose scores come from everything a module can hold."""

    def __init__(self):
        super().__init__()
        torch.manual_seed(0)
        self.linear = nn.Linear(64, 1)
        self.register_buffer("mean", torch.zeros(()))
        self.register_buffer("hidden", torch.zeros(3), persistent=False)
        self.register_buffer("coarse", torch.zeros(2, dtype=torch.bfloat16))
        self.factor, self.table, self.steps = 1.0, torch.zeros(2), {"a": [1.0]}
        self.path = "/home/somebody"

    def forward(self, batch):
        return self.linear(batch.flatten(1))


def identity(module, **more):
    from audit_suite.models.digest import Identity

    card = more.pop("card")
    with noting_imports() as noted:
        pass
    return Identity(card, None, module, sources(module, "", noted))


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(changed=st.sets(st.sampled_from(sorted(CHANGES))))
def test_all_that_a_module_holds_in_memory_counts(tmp_path, changed):
    card = model_card(tmp_path, size=8)
    module, first = Holding(), identity(Holding(), card=card).digest()
    module.path = "/home/another"
    for change in changed:
        CHANGES[change](module)
    assert (identity(module, card=card).digest() == first) == (not changed)


def test_the_head_alone_does_not_change_the_trunk(tmp_path):
    card = model_card(tmp_path, 'embedding_layer = "linear"\nhead = "linear"', size=8)
    module, first = Holding(), identity(Holding(), card=card)
    module.linear.weight.data.add_(1)
    assert identity(module, card=card).trunk() == first.trunk() is not None
    assert identity(module, card=card).digest() != first.digest()
    module.mean.add_(1)
    assert identity(module, card=card).trunk() != first.trunk()
    assert identity(module, card=model_card(tmp_path, size=8)).trunk() is None


def test_versions_of_libraries_that_decide_scores_count(tmp_path, monkeypatch):
    module = Holding()
    found = sources(module, "", {"timm", "numpy.linalg"})["libraries"]
    assert {"torch", "torchvision", "numpy"} <= set(found)
    assert found["torch"] == importlib.metadata.version("torch")
    (tmp_path / "uses_efficientnet.py").write_text("import efficientnet_lite_pytorch, json\n")
    monkeypatch.syspath_prepend(tmp_path)
    extra = set(sources(module, "uses_efficientnet", ())["libraries"]) - set(found)
    assert {name.replace("_", "-") for name in extra} == {"efficientnet-lite-pytorch"}


def test_the_weights_file_and_the_folds_count(tmp_path):
    (tmp_path / "net.py").write_text(
        "from torch import nn\ndef make(): return nn.Sequential(nn.Flatten(), nn.Linear(64, 1))\n"
    )
    for fold in range(2):
        torch.manual_seed(fold)
        save_file(
            nn.Sequential(nn.Flatten(), nn.Linear(64, 1)).state_dict(),
            tmp_path / f"{fold}.safetensors",
        )
    top = 'folds = ["0.safetensors", "1.safetensors"]'
    one, two = (digest(tmp_path, top, fold, loader="architecture") for fold in range(2))
    assert one != two
    assert digest(tmp_path, top, 0, loader="architecture") == one


def test_imports_are_noted_and_the_statement_is_restored():
    import builtins

    before = builtins.__import__, importlib.import_module
    with noting_imports() as noted, suppress(KeyError):
        import json.decoder

        importlib.import_module("json.encoder")
        raise KeyError(json.decoder)
    assert "json.encoder" in noted
    assert "json.decoder" in noted
    assert (builtins.__import__, importlib.import_module) == before
