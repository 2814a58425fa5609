"""Results that can be made again are made once; what decides them is their name."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest

from audit_suite.evidence import again as module
from audit_suite.evidence.again import again, remember_results

FEATURES = np.arange(6.0).reshape(3, 2)


@pytest.fixture
def made(tmp_path):
    """Counts how often a result is made; results are kept in a folder of this test."""
    remember_results(tmp_path)
    count = []

    def make():
        count.append(1)
        return {"values": np.array([len(count) * 0.1])}

    yield lambda *of, **more: (again(make, *of, **more)["values"][0], len(count))
    remember_results(None)


def test_a_result_is_made_once_for_all_that_decides_it(made):
    assert made("name", 1, arrays=(FEATURES,)) == (0.1, 1)
    assert made("name", 1, arrays=(FEATURES.copy(),)) == (0.1, 1)
    for other in (
        {"of": ("other", 1), "arrays": (FEATURES,)},
        {"of": ("name", 2), "arrays": (FEATURES,)},
        {"of": ("name", 1), "arrays": (FEATURES + 1,)},
        {"of": ("name", 1), "arrays": (FEATURES.T,)},
        {"of": ("name", 1), "arrays": (FEATURES.astype(np.float32),)},
    ):
        before = made("name", 1, arrays=(FEATURES,))[1]
        assert made(*other["of"], arrays=other["arrays"])[1] == before + 1


def test_other_code_or_libraries_make_it_anew(made, monkeypatch):
    made("name")
    monkeypatch.setattr(module, "_code", lambda: "another line")
    assert made("name")[1] == 2
    monkeypatch.setattr(module, "library_versions", lambda names: ["numpy 99"])
    assert made("name")[1] == 3


def test_a_damaged_file_is_made_again_and_without_a_cache_all_is(made, tmp_path):
    made("name")
    (file,) = tmp_path.rglob("*.arrays")
    file.write_bytes(file.read_bytes()[:-3] + b"xyz")
    assert made("name") == (0.2, 2)
    remember_results(None)
    assert made("name") == (pytest.approx(0.3), 3)


def test_what_is_known_needs_no_classifier_library():
    """It takes a second to import, and scipy.stats most of that."""
    code = (
        "import sys; import audit_suite.needs.classifier as c, audit_suite.statistics.separation;"
        "c.logistic('probe', c.scaler); c.tabular([['1', 'a'], ['2', 'b']]);"
        "c.standard_ranks(__import__('numpy').arange(3.0));"
        "print([m for m in ('sklearn', 'scipy.stats', 'pandas') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
