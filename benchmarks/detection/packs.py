"""Shortcuts of contrib packs, loaded in the same way as pytest loads them."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pytest

import pytest_audit.hooks
from audit_suite.cards import PhantomSpec, ShortcutSpec
from audit_suite.phantoms import cohort, register_shortcut, render
from detection.grid import SIZE, TARGET, Kind

ROOT = Path(__file__).parents[2]
CONTRIB = ROOT / "plugins" / "contrib"

_PROBES = 40  # cases drawn to determine where a shortcut lies
_MOSTLY = 0.95  # share of the changed pixels


def load_packs() -> None:
    """Register the shortcuts of every contrib pack in this process, through the pytest hook.

    The audit itself needs no help: the project's conftest loads the packs there.
    """
    manager = pytest.PytestPluginManager()
    manager.add_hookspecs(pytest_audit.hooks)
    if str(CONTRIB) not in sys.path:
        sys.path.insert(0, str(CONTRIB))
    for path in sorted(CONTRIB.glob("audit_*.py")):
        manager.register(importlib.import_module(path.stem))
    manager.hook.pytest_audit_register_shortcuts(register=register_shortcut)


def contributed(name: str) -> Kind:
    """A kind for a registered shortcut; where it lies is measured on drawn images.

    Args:
        name: The shortcut's name.

    Raises:
        AuditError: If no shortcut has that name.
    """
    spec = PhantomSpec(
        kind="cxr", patients=_PROBES, size=SIZE, shortcuts=(ShortcutSpec(name=name),)
    )
    bare, inside, outside = spec.model_copy(update={"shortcuts": ()}), 0, 0
    for case in cohort(spec, (TARGET,)):
        plain, regions = render(bare, replace(case, planted=()))
        image, _ = render(spec, case)
        changed = plain != image
        inside += int((changed & regions["lungs"]).sum())
        outside += int((changed & ~regions["lungs"]).sum())
    share = inside / max(inside + outside, 1)
    if share < 1 - _MOSTLY:
        return Kind("outside", "background-shortcut", "contributed; drawn outside the lungs")
    note = f"contributed; drawn {share:.0%} inside the lungs"
    if share > _MOSTLY:
        return Kind("inside", "undetermined", note)
    return Kind("diffuse", "acquisition", note)


def with_contributed(kinds: Mapping[str, Kind], names: list[str]) -> dict[str, Kind]:
    """The kinds of a run: the shipped ones, and registered shortcuts by name."""
    return {**kinds, **{name: contributed(name) for name in names if name not in kinds}}
