"""What every test starts from: registries without what another test registered.

hypothesis is imported here for good: its plugin would import it anew in each inner pytest.
"""

from __future__ import annotations

import hypothesis
import pytest

from audit_suite import registry
from audit_suite.phantoms.shortcut import SHORTCUTS
from audit_suite.registry import SHIPPED

hypothesis.settings.register_profile("unhurried", deadline=None)  # a busy machine is no fault
hypothesis.settings.load_profile("unhurried")

REGISTRIES = (
    registry.FILLS,
    registry.LOADERS,
    registry.READERS,
    registry.MASK_FORMATS,
    registry.EXPLAINERS,
    registry.CAUSES,
    registry.SECTIONS,
    registry.STRATEGIES,
    SHORTCUTS,
)


@pytest.fixture(autouse=True)
def _registered():
    """Forget what a test registers, itself or through a pack, when it is over."""
    before = [dict(each._entries) for each in REGISTRIES]
    yield
    for each, entries in zip(REGISTRIES, before, strict=True):
        shipped = {name: one for name, one in each._entries.items() if one.origin == SHIPPED}
        each._entries = shipped | entries  # a test may be the first to import the shipped ones
