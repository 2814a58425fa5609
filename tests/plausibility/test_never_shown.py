"""Images with burned-in text are audited, and in no picture that people see."""

from __future__ import annotations

import base64
import io
from dataclasses import replace

import numpy as np
import pytest
from cards import bright_project
from PIL import Image

from audit_suite.cards import load_dataset_card, load_model_card
from audit_suite.datasets import Sample, describe, load_dataset
from audit_suite.evidence import Cell, EvidenceProfile, EvidenceSource, EvidenceStore
from audit_suite.maskings import Masking
from audit_suite.pictures.extremes import extremes
from audit_suite.pictures.masked_cases import masked_cases
from audit_suite.plausibility import exporting
from audit_suite.verdict import NotApplicable

MASKINGS = tuple(Masking.parse(id) for id in ("full", "without-lungs-mean", "without-lungs-swap"))
READ = tuple(Masking.parse(id) for id in ("full", "without-roi"))


@pytest.fixture
def here(tmp_path):
    """A cell whose images are dim; two of three have text burned in, which is white."""
    bright_project(tmp_path, patients=90)
    model, card = (
        load_model_card(tmp_path / "model.toml"),
        load_dataset_card(tmp_path / "data.toml"),
    )
    source = EvidenceSource(
        EvidenceStore(tmp_path / "ev"), EvidenceProfile(device="cpu", threads=1)
    )
    dataset = load_dataset(card)

    def read(index):
        sample = dataset.read(index)
        image = sample.image // 2
        if index % 3:
            image[:6, :6] = np.iinfo(image.dtype).max
        return Sample(image, sample.regions)

    marked = tuple(replace(case, burned_in=bool(i % 3)) for i, case in enumerate(dataset.cases))
    source._datasets[card] = replace(dataset, cases=marked, read=read, digest="marked")
    return Cell(model, (None,), card, "consolidation"), source


def white(png) -> bool:
    pixels = np.asarray(Image.open(io.BytesIO(base64.b64decode(png))).convert("L"))
    return bool(pixels.max() > 200)


def test_the_report_shows_others(here):
    cell, source = here
    drawn = [*masked_cases(cell, MASKINGS, source), *extremes(cell, "brightness", source)]
    assert len(drawn) == 6, "three cases under the two maskings that show no other patient"
    source.read(cell.requests(Masking.parse("full"))[0])
    drawn += extremes(cell, "brightness", source)
    assert len(drawn) == 12
    assert not any(white(image.png) for image in drawn)
    assert describe(source.dataset(cell.dataset)).notes == [
        "60 images have text burned in: they are audited, and never shown to people"
    ]


def test_readers_see_others_and_are_told_how_many_they_do_not(here, tmp_path, monkeypatch):
    cell, source = here
    shown, said = [], []
    real = exporting.draw
    monkeypatch.setattr(
        exporting, "draw", lambda sample, *more: shown.append(sample) or real(sample, *more)
    )
    design = exporting.Design(READ, precision=0.3)
    key = exporting.export(
        cell.model,
        cell.dataset,
        design,
        source,
        tmp_path / "packs",
        tmp_path / "key.json",
        said.append,
    )
    assert shown
    assert all(sample.image.max() < 0.6 * np.iinfo(sample.image.dtype).max for sample in shown)
    assert not any(item.index % 3 for item in key.items.values())
    assert said[0] == "60 images have text burned in: they are shown to nobody, and so not chosen"


def test_where_all_images_have_text_nothing_is_shown(here, tmp_path):
    cell, source = here
    dataset = source.dataset(cell.dataset)
    source._datasets[cell.dataset] = replace(
        dataset, cases=tuple(replace(case, burned_in=True) for case in dataset.cases)
    )
    assert list(masked_cases(cell, MASKINGS, source)) == []
    with pytest.raises((exporting.AuditError, NotApplicable), match="nothing to read"):
        exporting.export(
            cell.model,
            cell.dataset,
            exporting.Design(READ),
            source,
            tmp_path / "p",
            tmp_path / "k.json",
            print,
        )
