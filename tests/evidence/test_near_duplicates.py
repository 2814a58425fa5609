"""Near-duplicates (C17): copies are found whatever was done to them, and strangers are not."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest
from cards import model_card, phantom_card
from needs.evidence import findings
from PIL import Image
from report.example import example

from audit_suite import Verdict
from audit_suite.cards import load_dataset_card
from audit_suite.datasets import load_dataset
from audit_suite.datasets.fine_structure import ALIKE, fine_structure
from audit_suite.errors import AuditError
from audit_suite.evidence import Cell, EvidenceProfile, EvidenceSource, EvidenceStore
from audit_suite.evidence.near_duplicates import near_duplicates
from audit_suite.evidence.part import Part
from audit_suite.report import render_html
from audit_suite.sections.duplicates import collect

CARD = """
schema = 1
name = "{name}"
reader = "manifest"
manifest = "{name}.csv"
{top}
[columns]
burned_in = "text"
[targets.sick]
column = "sick"
"""
STRANGERS = 24


@pytest.fixture(scope="module")
def pictures(tmp_path_factory):
    folder = tmp_path_factory.mktemp("pictures")
    dataset = load_dataset(phantom_card(folder, patients=2 * STRANGERS, size=128))
    return [dataset.read(index).image for index in range(2 * STRANGERS)]


def copies(picture):
    """The same picture as other archives may have it."""
    image = Image.fromarray(picture)
    return {
        "smaller": np.asarray(image.resize((96, 96), Image.Resampling.BOX)),
        "16 bits": picture.astype(np.uint16) * 257,
        "gamma": (255 * (picture / 255) ** 1.3).astype(np.uint8),
        "narrow window": (picture * 0.7 + 30).astype(np.uint8),
        "colours": np.repeat(picture[..., None], 3, axis=2),
    }


def write(folder, name, pictures, patients=None, top="", text=()):
    rows = ["image,patient_id,sick,text"]
    (folder / name).mkdir()
    for number, picture in enumerate(pictures):
        Image.fromarray(picture).save(folder / name / f"{number}.png")
        patient = f"{name}-{number}" if patients is None else patients[number]
        rows.append(
            f"{name}/{number}.png,{patient},{number % 2},{'yes' if number in text else 'no'}"
        )
    (folder / f"{name}.csv").write_text("\n".join(rows) + "\n")
    (folder / f"{name}.toml").write_text(CARD.format(name=name, top=top))
    return load_dataset_card(folder / f"{name}.toml")


def source(folder):
    profile = EvidenceProfile(device="cpu", threads=1)
    return EvidenceSource(EvidenceStore(folder / "evidence"), profile)


def cell(folder, card):
    return Cell(model_card(folder, name="model"), (None,), card, "sick")


def found(folder, card):
    at = source(folder)
    return near_duplicates(at.dataset(card), at.store, 1)


def test_a_copy_has_the_same_fine_structure_and_a_stranger_has_not(pictures):
    lines = np.array([fine_structure(picture) for picture in pictures])
    strangers = lines @ lines.T - 2 * np.eye(len(lines))
    assert strangers.max() < ALIKE - 0.02
    for name, copy in copies(pictures[0]).items():
        assert fine_structure(copy) @ lines[0] > ALIKE, name
    assert not fine_structure(np.zeros((40, 40), np.uint8)).any()


def test_pairs_of_two_patients_are_found_and_those_of_one_are_not(tmp_path, pictures):
    several = [*pictures[:6], copies(pictures[1])["smaller"], copies(pictures[2])["gamma"]]
    patients = ["a", "b", "c", "d", "e", "f", "other", "c"]
    card = write(tmp_path, "data", several, patients)
    seen = found(tmp_path, card)
    assert seen.pairs.tolist() == [[1, 6]]
    assert seen.alike[0] > ALIKE
    assert not len(seen.training)


def test_without_copies_all_pass(tmp_path, pictures):
    card = write(tmp_path, "data", pictures[:STRANGERS])
    ((_, finding, _),) = findings("C17", cell(tmp_path, card), source(tmp_path))
    assert (finding.verdict, finding.role) == (Verdict.PASS, "data")
    ((_, finding, _),) = findings("C17-training", cell(tmp_path, card), source(tmp_path))
    assert finding.verdict is Verdict.NOT_APPLICABLE
    assert "(key training)" in finding.reason


def leak(folder, pictures, more=""):
    """A test set of which three pictures were trained on, and one is two patients."""
    write(folder, "train", [copies(p)["smaller"] for p in pictures[:3]] + pictures[STRANGERS:])
    tested = [*pictures[:STRANGERS], copies(pictures[8])["gamma"]]
    return write(folder, "data", tested, top=f'training = "train.toml"\n{more}', text=(8,))


def test_what_was_trained_on_fails_and_is_left_out_by_the_cards_rule(tmp_path, pictures):
    card = leak(tmp_path, pictures)
    for check, share in (("C17", 2), ("C17-training", 3)):
        ((_, finding, _),) = findings(check, cell(tmp_path, card), source(tmp_path))
        assert finding.verdict is Verdict.FAIL
        assert finding.estimate.value == pytest.approx(share / (STRANGERS + 1))
    whole = source(tmp_path).dataset(card)
    (tmp_path / "data.toml").write_text(
        CARD.format(name="data", top='training = "train.toml"\nnear_duplicates = "exclude"')
    )
    clean = load_dataset_card(tmp_path / "data.toml")
    left = source(tmp_path).dataset(clean)
    assert [case.row for case in left.cases] == [case.row for case in whole.cases[3:STRANGERS]]
    assert np.array_equal(left.read(0).image, whole.read(3).image)
    assert left.digest != whole.digest
    assert left.notes[-1].startswith("4 images are left out as near-duplicates: 3 of training")
    for check in ("C17", "C17-training"):
        ((_, finding, _),) = findings(check, cell(tmp_path, clean), source(tmp_path))
        assert finding.verdict is Verdict.PASS


def test_the_report_shows_pairs_by_row_and_never_burned_in_text(tmp_path, pictures):
    card = leak(tmp_path, pictures)
    at = source(tmp_path)
    here = cell(tmp_path, card)
    judged = [finding for id in ("C17", "C17-training") for _, finding, _ in findings(id, here, at)]
    (one,) = collect(SimpleNamespace(cells=[here], findings=judged, source=at))
    assert (one["patients"], one["training"]) == (2, 3)
    assert [pair["where"] for pair in one["pairs"]] == ["training data"] * 3
    assert sorted(pair["rows"] for pair in one["pairs"]) == [[2, 2], [3, 3], [4, 4]]
    made = example()
    html = render_html(made.model_copy(update={"sections": {"duplicates": [one]}}))
    assert "Of 25 images, 2 look the same as one of another patient, and 3 as one of" in html
    assert "data-8" not in html
    assert html.count("of training data,") == 3


def test_training_data_that_are_missing_are_named(tmp_path, pictures):
    card = write(tmp_path, "data", pictures[:4], top='training = "gone.toml"')
    with pytest.raises(AuditError, match=r"gone\.toml does not exist"):
        found(tmp_path, card)


@pytest.mark.parametrize("number", [1, 2])
def test_whichever_part_a_machine_has_it_looks_alone(tmp_path, pictures, monkeypatch, number):
    card = write(tmp_path, "test", pictures)
    at = source(tmp_path)
    at.store.part = Part(number, 2)
    locked = []
    real = EvidenceStore._locked

    def noted(self, name, wait):
        locked.append((name, wait))
        return real(self, name, wait)

    monkeypatch.setattr(EvidenceStore, "_locked", noted)
    near_duplicates(at.dataset(card), at.store, 1)
    assert [(name.endswith("-alike"), wait) for name, wait in locked] == [(True, True)]
