"""What every test starts from: clean registries, and child processes whose lines are not measured.

hypothesis is imported here for good: its plugin would import it anew in each inner pytest.
"""

from __future__ import annotations

import os

import hypothesis
import pytest

from audit_suite import registry
from audit_suite.phantoms.shortcut import SHORTCUTS
from audit_suite.registry import SHIPPED

hypothesis.settings.register_profile("unhurried", deadline=None)  # a busy machine is no fault
hypothesis.settings.load_profile("unhurried")

REGISTRIES = (
    *(each for each in vars(registry).values() if isinstance(each, registry.Registry)),
    SHORTCUTS,
)


@pytest.fixture(scope="session", autouse=True)
def line_coverage():
    """What makes a child process measure its lines too, taken away here for all tests.

    Importing torch and running an audit take a quarter longer with it, and tests in this process
    run the same lines. A test of what only a child runs gives these variables back.
    """
    variables = {name: value for name, value in os.environ.items() if name.startswith("COVERAGE_")}
    for name in variables:
        del os.environ[name]
    yield variables
    os.environ.update(variables)


@pytest.fixture(autouse=True)
def _registered():
    """Forget what a test registers, itself or through a pack, when it is over."""
    before = [dict(each._entries) for each in REGISTRIES]
    yield
    for each, entries in zip(REGISTRIES, before, strict=True):
        shipped = {name: one for name, one in each._entries.items() if one.origin == SHIPPED}
        each._entries = shipped | entries  # a test may be the first to import the shipped ones


@pytest.fixture(params=["software", pytest.param("real", marks=pytest.mark.gpu)])
def gpu(request):
    """PyTorch has a CUDA card: one in software, and the machine's if there is one."""
    if request.param == "real":
        yield
        return
    from device.software import software_card  # imports torch

    with software_card():
        yield
