"""A small data set whose masks are kept as a test says, and regions to keep."""

from __future__ import annotations

import csv

import numpy as np
import pytest
from hypothesis import strategies as st
from PIL import Image
from scipy.ndimage import gaussian_filter

from audit_suite.cards import load_dataset_card
from audit_suite.datasets import BadImage, load_dataset
from audit_suite.errors import AuditError

SHAPE = (24, 31)  # not square: exchanged sides show
CARD = """
schema = 1
name = "d"
reader = "manifest"
manifest = "m.csv"
{top}
[targets.sick]
column = "sick"
{roi}
[regions.it]
{keys}
"""


@st.composite
def regions(draw, shape=SHAPE):
    """A shape without symmetry, never empty or full."""
    noise = np.random.default_rng(draw(st.integers(0, 2**32 - 1))).normal(size=shape)
    noise = gaussian_filter(noise, draw(st.floats(0.5, 4)))
    return noise > np.quantile(noise, draw(st.floats(0.05, 0.95)))


class Project:
    """Images ``images/a0.png`` to ``a3.png`` of patients ``secret-0`` ..., labels 0, 1, 0, 1."""

    def __init__(self, path, number=4, shape=SHAPE):
        self.path, self.shape = path, shape
        (path / "images").mkdir(exist_ok=True)
        rng = np.random.default_rng(1)
        self.rows = []
        for i in range(number):
            self.image(f"images/a{i}.png", rng.integers(0, 255, shape, np.uint8))
            self.rows.append(
                {"image": f"images/a{i}.png", "patient_id": f"secret-{i}", "sick": str(i % 2)}
            )

    def image(self, name, pixels):
        path = self.path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(pixels).save(path)
        return path

    def table(self, name, rows):
        with (self.path / name).open("w", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, list(rows[0]))
            writer.writeheader()
            writer.writerows(rows)

    def load(self, keys, *, roi=True, top=""):
        self.table("m.csv", self.rows)
        text = CARD.format(keys=keys, top=top, roi='roi = ["it"]' if roi else "")
        (self.path / "card.toml").write_text(text, encoding="utf-8")
        return load_dataset(load_dataset_card(self.path / "card.toml"))

    def masks(self, keys, **more):
        dataset = self.load(keys, **more)
        return [dataset.read(i).regions.get("it") for i in range(len(dataset.cases))]

    def said(self, error):
        """One sentence without a patient or a mask's file name, and a way out."""
        text = f"{error.what}; {error.remedy}".replace(str(self.path), "")
        assert "secret" not in text
        assert error.remedy
        assert "\n" not in error.what
        return text

    def refused(self, keys, **more):
        """What is said when the data set is loaded."""
        with pytest.raises(AuditError) as caught:
            self.load(keys, **more)
        return self.said(caught.value)

    def bad(self, keys, index=0, **more):
        """What is said when an image is read."""
        dataset = self.load(keys, **more)
        with pytest.raises(BadImage) as caught:
            dataset.read(index)
        said = self.said(caught.value)
        assert f"row {index + 2}" in said
        return said


def same(found, wanted):
    assert len(found) == len(wanted)
    for one, other in zip(found, wanted, strict=True):
        assert one.dtype == np.bool_
        assert np.array_equal(one, other)
