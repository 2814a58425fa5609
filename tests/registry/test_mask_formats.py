"""Mask formats of extensions: as docs/extend.md shows one, and what is refused."""

from __future__ import annotations

import re
from pathlib import Path

import jsonschema
import numpy as np
import pytest
from datasets.masked import Project, same

from audit_suite.cards import DatasetCard
from audit_suite.datasets.mask_formats.image import ImageMask
from audit_suite.errors import AuditError
from audit_suite.extend import MaskFormat, RegionSpec, register_mask_format
from audit_suite.registry import MASK_FORMATS

PAGE = Path(__file__).parents[2] / "docs" / "extend.md"
HEAD = """
from dataclasses import dataclass
from pathlib import Path
import jsonschema
import numpy as np
from audit_suite.extend import MaskFormat, MaskSpec, RegionSource, register_mask_format
"""
KEYS = 'format = "text"\ncolumn = "text"'


def bring(folder, monkeypatch, change=lambda text: text):
    """Import the page's example as a module of a package of one's own."""
    (example,) = re.findall(r"```python\n(class TextSpec.*?)```", PAGE.read_text(), re.S)
    (folder / "hospital_masks.py").write_text(HEAD + change(example))
    monkeypatch.syspath_prepend(folder)
    monkeypatch.delitem(__import__("sys").modules, "hospital_masks", raising=False)
    __import__("importlib").invalidate_caches()
    __import__("hospital_masks")


@pytest.fixture
def own(tmp_path):
    own = Project(tmp_path)
    for i, row in enumerate(own.rows):
        row["text"] = f"{i}.txt"
        np.savetxt(tmp_path / f"{i}.txt", np.eye(24, 31, i))
    return own


@pytest.mark.skipif(not PAGE.exists(), reason="runs in a checkout")
def test_the_example_of_the_page(own, tmp_path, monkeypatch):
    with pytest.raises(AuditError, match="there is no mask format 'text'; known: boxes"):
        own.load(KEYS)
    bring(tmp_path, monkeypatch)
    same(own.masks(KEYS), [np.eye(24, 31, i) > 0 for i in range(4)])
    assert "key 'regions.it.column': missing key" in own.refused('format = "text"')
    before = own.load(KEYS).digest
    del MASK_FORMATS._entries["text"]
    bring(tmp_path, monkeypatch, lambda text: text.replace("> 0", ">= 1"))
    assert own.load(KEYS).digest != before, "its code decides the masks"


@pytest.mark.skipif(not PAGE.exists(), reason="runs in a checkout")
def test_one_that_raises_is_named(own, tmp_path, monkeypatch):
    bring(
        tmp_path, monkeypatch, lambda text: text.replace("root = ", "root = 1 / 0\n        root = ")
    )
    said = own.refused(KEYS)
    assert "the mask format 'text' of hospital_masks raised ZeroDivisionError" in said


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("lambda entry: TextFile", "lambda entry: 1 / 0 and TextFile", "raised ZeroDivisionError"),
        ("return np.loadtxt", "return 1 / 0 and np.loadtxt", "raised ZeroDivisionError"),
        (" > 0", "", "does not return a mask of truth values"),
        (
            "return np.loadtxt(self.path) > 0",
            "return None",
            "does not return a mask of truth values",
        ),
    ],
)
def test_one_that_misbehaves_on_an_image_is_named(own, tmp_path, monkeypatch, old, new, said):
    bring(tmp_path, monkeypatch, lambda text: text.replace(old, new))
    with pytest.raises(AuditError) as caught:
        own.masks(KEYS)
    assert f"the mask format 'text' of hospital_masks {said}" in str(caught.value)


def test_a_reason_that_it_gives_is_told_with_the_row(own, tmp_path, monkeypatch):
    bring(tmp_path, monkeypatch)
    (tmp_path / "0.txt").write_text("zero")
    assert "row 2, column 'image': the mask could not convert string" in own.bad(KEYS)


@pytest.mark.parametrize("thing", [ImageMask, object(), MaskFormat])
def test_what_is_no_format_is_refused(thing):
    with pytest.raises(AuditError, match="which is not a mask format"):
        register_mask_format(thing)


def test_a_name_that_is_taken_is_refused():
    class Mine(MaskFormat):
        name = "image"
        keys = RegionSpec

        def open(self, card, region, spec):
            return lambda entry: "none"

    with pytest.raises(AuditError, match="registers the mask format 'image', but audit-suite"):
        register_mask_format(Mine())


def test_the_schema_of_a_card_describes_every_key_of_every_format():
    schema = DatasetCard.model_json_schema()["properties"]["regions"]
    (anything,) = schema["patternProperties"].values()
    shown = {each["properties"]["format"]["const"]: each for each in anything["anyOf"]}
    assert set(shown) == set(MASK_FORMATS)
    for each in shown.values():
        assert all(key.get("description") for key in each["properties"].values()), each["title"]
        jsonschema.Draft202012Validator.check_schema(each)
    wrong = {"format": "drawn", "rectangle": [0, 0, 1, 1], "label": "x"}
    validator = jsonschema.Draft202012Validator(anything)
    assert not validator.is_valid(wrong)
    assert validator.is_valid({k: v for k, v in wrong.items() if k != "label"})
