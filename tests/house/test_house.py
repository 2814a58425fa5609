"""The house: what ships, what a newcomer runs, and the extension points."""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

needs_checkout = pytest.mark.skipif(
    not (ROOT / "audit_suite").is_dir(), reason="runs in a checkout, not beside an installed wheel"
)


@needs_checkout
def test_the_wheel_holds_the_two_packages_and_nothing_else(tmp_path):
    subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(tmp_path)],
        cwd=ROOT,
        check=True,
        capture_output=True,
    )
    (wheel,) = tmp_path.glob("*.whl")
    names = zipfile.ZipFile(wheel).namelist()
    tops = {name.split("/")[0] for name in names}
    assert {top for top in tops if not top.endswith(".dist-info")} == {
        "audit_suite",
        "pytest_audit",
    }
    for needed in (
        "audit_suite/suites/test_region_sensitivity.py",
        "audit_suite/pictures/drawing/page.html.j2",
        "audit_suite/plausibility/viewer/index.html",
        "audit_suite/plausibility/viewer/reader.js",
        "audit_suite/report/templates/report.css",
        "audit_suite/report/templates/report.html.j2",
        "audit_suite/py.typed",
        "audit_suite/zoo/models/phantom-shortcut.toml",
        "audit_suite/zoo/weights/phantom-shortcut.safetensors",
        "pytest_audit/plugin.py",
    ):
        assert needed in names
    assert any(name.endswith("licenses/LICENSE") for name in names)


@needs_checkout
def test_every_dependency_says_why():
    for line in re.findall(r'^  "[^"]+",?.*$', (ROOT / "pyproject.toml").read_text(), re.MULTILINE):
        if re.search(r'"[a-z][a-z0-9-]*(>=|==)', line):
            assert "# " in line, line


@needs_checkout
def test_the_readme_names_targets_that_exist():
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    named = set(re.findall(r"`make ([a-z-]+)`", (ROOT / "README.md").read_text()))
    assert {"audit", "test"} <= named <= targets


@needs_checkout
def test_no_module_outgrows_a_page_or_two():
    long = {
        str(path.relative_to(ROOT)): lines
        for folder in ("audit_suite", "plugins")
        for path in (ROOT / folder).rglob("*.py")
        if (lines := len(path.read_text().splitlines())) > 400
    }
    assert not long


def test_license_is_the_one_declared():
    declared = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["license"]
    assert declared == "Apache-2.0"


def test_the_light_plugin_and_the_engine_agree_on_the_attribute():
    from audit_suite.checks import ATTRIBUTE
    from pytest_audit import plugin

    assert plugin.ATTRIBUTE == ATTRIBUTE
