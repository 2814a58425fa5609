"""Load the first-party check packs of ``plugins/contrib``, the way a project loads its own."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent
CONTRIB = ROOT / "plugins" / "contrib"


def pytest_configure(config: pytest.Config) -> None:
    """Register every pack before an audit starts; conftest files configure first.

    Only in this project: pytest also finds this file where another project collects the shipped
    suites from an editable installation. Tests register what they need themselves.
    """
    if config.rootpath != ROOT or not config.getoption("audit"):
        return
    sys.path.insert(0, str(CONTRIB))
    for path in sorted(CONTRIB.glob("audit_*.py")):
        config.pluginmanager.import_plugin(path.stem)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Skip, with a reason, what this machine cannot run."""
    reasons = {
        "real_data": None if os.environ.get("AUDIT_REAL_DATA") else "AUDIT_REAL_DATA is not set",
        "gpu": None if _has_cuda(items) else "no CUDA device",
    }
    for item in items:
        for marker, reason in reasons.items():
            if reason and item.get_closest_marker(marker):
                item.add_marker(pytest.mark.skip(reason=reason))


def _has_cuda(items: list[pytest.Item]) -> bool:
    if not any(item.get_closest_marker("gpu") for item in items):
        return False
    import torch

    return torch.cuda.is_available()
