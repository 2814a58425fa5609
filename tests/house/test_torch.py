"""The process that judges imports no torch, whatever it imports of the package."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import audit_suite

PACKAGE = Path(audit_suite.__file__).parent
JUDGE = (
    "audit", "causes", "needs", "planning", "record", "report", "sections", "statistics", "suites"
)  # fmt: skip


def modules():
    """Every module of the package: its name, and what it imports at its top and anywhere."""
    found = {}
    for path in sorted(PACKAGE.rglob("*.py")):
        name = ".".join(path.relative_to(PACKAGE.parent).with_suffix("").parts)
        tree = ast.parse(path.read_text(encoding="utf-8"))
        for node in ast.walk(tree):
            if isinstance(node, ast.If) and getattr(node.test, "id", "") == "TYPE_CHECKING":
                node.body = []
        top = set(imports(tree.body))
        found[name.removesuffix(".__init__")] = top, set(imports(ast.walk(tree)))
    return found


def imports(nodes):
    for node in nodes:
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def test_nothing_of_the_judges_imports_torch_not_even_inside_a_function():
    found = modules()
    heavy = {"torch", "torchvision"}
    while more := {name for name, (top, _) in found.items() if top & heavy} - heavy:
        heavy |= more
    assert "audit_suite.evidence.scores.prepare" in heavy, "by way of another module"
    judges = {name for name in found if name.split(".")[1:2] and name.split(".")[1] in JUDGE}
    assert len(judges) > 80
    assert {name: found[name][1] & heavy for name in judges if found[name][1] & heavy} == {}


def test_importing_all_of_the_judges_imports_no_torch():
    """Nor scipy.stats, which took half of the time in which an audit starts."""
    names = [name for name in modules() if name.split(".")[1:2] and name.split(".")[1] in JUDGE]
    code = (
        f"import importlib, sys; [importlib.import_module(name) for name in {names}];"
        "import pytest_audit.session; sys.exit(bool({'torch', 'scipy.stats'} & {*sys.modules}))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_the_process_of_a_model_imports_torchvision_only_for_a_model_of_it():
    """It pulls in torch's compiler: half of the seconds that such a process took to start."""
    code = (
        "import sys, audit_suite.child.serving, audit_suite.evidence.scores.compute, "
        "audit_suite.evidence.attributions.compute, audit_suite.models.load; "
        "sys.exit('torch' not in sys.modules or bool({'torchvision', 'torch._dynamo'} & {*sys.modules}))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
