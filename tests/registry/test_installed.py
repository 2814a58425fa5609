"""A package with an entry point of the extensions' group, installed for real."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

EXTENSION = """
from dataclasses import dataclass
from audit_suite.extend import Fill, register_fill

@dataclass(frozen=True)
class Dots(Fill):
    name = "dots"
    words = "dotted fill"

    def __call__(self, visible, hidden, around):
        return visible

def register():
    register_fill(Dots())
"""


@pytest.fixture(scope="module")
def installed(tmp_path_factory):
    """A folder for PYTHONPATH that holds the package and its metadata."""
    site = tmp_path_factory.mktemp("site")
    (site / "dotty.py").write_text(EXTENSION)
    metadata = site / "dotty-1.0.dist-info"
    metadata.mkdir()
    (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: dotty\nVersion: 1.0\n")
    (metadata / "entry_points.txt").write_text("[audit_suite.extensions]\ndots = dotty:register\n")
    return site


def python(site, code):
    """What a fresh interpreter prints."""
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, "PYTHONPATH": str(site)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


@pytest.mark.parametrize(
    "first",
    [
        "audit_suite.extend",
        "audit_suite.cli",
        "audit_suite.maskings",
        "audit_suite.evidence",
        "audit_suite.sections",
        "audit_suite.suites.test_controls",
        "dotty",
    ],
)
def test_it_is_known_whatever_was_imported_first(installed, first):
    code = (
        f"import {first}\nfrom audit_suite import WithoutROI\nfrom audit_suite.registry import FILLS\n"
        "print(WithoutROI(fill='dots').label, '|', FILLS.origin('dots'))"
    )
    assert python(installed, code) == "without ROI (dotted fill) | extension 'dots' (dotty)"


def test_a_shipped_name_does_not_wait_for_extensions(installed):
    code = (
        "import sys\nfrom audit_suite import WithoutROI\nWithoutROI(fill='black')\n"
        "print('dotty' in sys.modules)"
    )
    assert python(installed, code) == "False"
