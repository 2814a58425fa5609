"""What an image of a list leaves in memory: as a difference of two sizes, in bytes of Python."""

from __future__ import annotations

import csv
import gc
import tracemalloc

import pytest

from audit_suite.cards import load_dataset_card
from audit_suite.datasets import load_dataset

CARD = """
schema = 1
name = "data"
reader = "manifest"
manifest = "data.csv"
metadata = ["age", "sex", "site"]
[targets.sick]
column = "sick"
roi = ["lungs"]
[regions.lungs]
column = "mask"
"""
FEW, MANY = 1000, 3000
KEPT, PEAK = (
    700,
    900,
)  # bytes per image; with a dictionary and two `Path` each it is 1,600 and 3,200


@pytest.fixture(scope="module")
def bytes_per_image(tmp_path_factory):
    """Bytes that one image more takes: once the list is read, and at the peak before that."""
    taken = {}
    for count in (FEW, MANY):
        folder = tmp_path_factory.mktemp("listed")
        (folder / "data.toml").write_text(CARD)
        with (folder / "data.csv").open("w", newline="") as file:
            table = csv.writer(file)
            table.writerow(["image", "mask", "patient_id", "sick", "age", "sex", "site"])
            for number in range(count):
                image, mask = f"image-{number:06}.png", f"mask-{number:06}.png"
                (folder / image).write_text(image)
                (folder / mask).write_text(mask)
                tags = number % 90, "FM"[number % 2], f"site {number % 7}"
                table.writerow([image, mask, f"patient-{number:06}", number % 2, *tags])
        card = load_dataset_card(folder / "data.toml")
        load_dataset(card)  # what is imported or remembered only once does not count
        gc.collect()
        tracemalloc.start()
        try:
            dataset = load_dataset(card)
            gc.collect()
            taken[count] = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
        assert len(dataset.cases) == count
    (kept, peak), (kept_many, peak_many) = taken[FEW], taken[MANY]
    return (kept_many - kept) / (MANY - FEW), (peak_many - peak) / (MANY - FEW)


def test_a_case_that_was_read_takes_few_bytes(bytes_per_image):
    assert bytes_per_image[0] < KEPT


def test_reading_takes_little_more_than_what_is_kept(bytes_per_image):
    assert bytes_per_image[1] < PEAK
