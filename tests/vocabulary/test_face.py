"""The package's face: what `from audit_suite import ...` offers, and what it costs."""

from __future__ import annotations

import ast
import importlib
import pkgutil
import subprocess
import sys
from pathlib import Path

import pytest

import audit_suite

HEAVY = {"numpy", "scipy", "torch", "pydantic", "pytest", "sklearn", "PIL"}


def imported_for_type_checkers():
    """By public name the module and the name in it, as the block under TYPE_CHECKING has them."""
    tree = ast.parse(Path(audit_suite.__file__).read_text())
    (block,) = [
        node
        for node in tree.body
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"
    ]
    assert all(isinstance(node, ast.ImportFrom) for node in block.body)
    return {alias.asname: (node.module, alias.name) for node in block.body for alias in node.names}


BLOCK = imported_for_type_checkers()


def test_what_is_public_what_is_looked_up_and_what_type_checkers_see_are_the_same():
    looked_up = {
        name: tuple(f"audit_suite.{where}".split(":")) for name, where in audit_suite._WHERE.items()
    }
    assert looked_up == BLOCK
    assert list(audit_suite._WHERE) == audit_suite.__all__, "grouped alike"
    assert len(set(audit_suite.__all__)) == len(audit_suite.__all__)


@pytest.mark.parametrize("name", audit_suite.__all__)
def test_every_name_is_what_the_type_checker_takes_it_for(name):
    module, attribute = BLOCK[name]
    value = getattr(importlib.import_module(module), attribute)
    assert getattr(audit_suite, name) is value
    assert vars(audit_suite)[name] is value, "looked up once"
    assert name in dir(audit_suite)


def test_no_name_is_that_of_a_module():
    """Importing a module would put it in the name's place."""
    modules = {module.name for module in pkgutil.iter_modules(audit_suite.__path__)}
    assert not modules & set(audit_suite.__all__)


def test_a_star_import_gives_all_of_it():
    names = {}
    exec("from audit_suite import *", names)
    assert set(audit_suite.__all__) == names.keys() - {"__builtins__"}


def test_a_name_that_does_not_exist_is_an_ordinary_error():
    with pytest.raises(AttributeError, match="module 'audit_suite' has no attribute 'auroq'"):
        _ = audit_suite.auroq
    with pytest.raises(ImportError, match="cannot import name 'auroq'"):
        exec("from audit_suite import auroq", {})
    assert not hasattr(audit_suite, "__wrapped__")


@pytest.mark.parametrize(
    "module", ["audit_suite", "audit_suite.verdict", "audit_suite.errors", "audit_suite.registry"]
)
def test_what_is_light_imports_nothing_heavy(module):
    script = f"import sys, {module}; print(*sorted({HEAVY!r} & sys.modules.keys()))"
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    assert done.stdout.split() == []


def test_what_a_check_is_written_with_needs_neither_torch_nor_pytest():
    """A suite is imported at collection, by workers too."""
    script = "import sys; from audit_suite import *; print(*sorted({'torch', 'pytest'} & sys.modules.keys()))"
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    assert done.stdout.split() == []


@pytest.mark.parametrize(
    "place",
    [
        "audit_suite.cards:load_dataset_card",
        "audit_suite.cards:load_model_card",
        "audit_suite.datasets.load:load_dataset",
        "audit_suite.models.load:load_model",
        "audit_suite.needs.classifier:cross_validated_auroc",
        "audit_suite.needs.classifier:tabular",
        "audit_suite.phantoms:register_shortcut",
    ],
)
def test_names_that_scripts_import_from_their_modules_stay(place):
    module, name = place.split(":")
    assert callable(getattr(importlib.import_module(module), name))
