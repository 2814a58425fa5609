"""Parity of preprocessing on golden files (O3): exact, within tolerance, or an error that says why."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from needs.evidence import cell, judged
from PIL import Image
from safetensors.numpy import save_file

from audit_suite import NotApplicable, parity
from audit_suite.cards import load_model_card
from audit_suite.errors import AuditError
from audit_suite.evidence import Cell, EvidenceProfile, EvidenceSource, EvidenceStore

SIZE = 32
PARITY = '[parity]\nimages = [{images}]\nexpected = "{expected}"\n'

SOURCE = EvidenceSource(EvidenceStore(Path()), EvidenceProfile(device="cpu", threads=1))


def released(pixels):
    """What the release pipeline makes of an image of the model's own size: by hand."""
    return ((pixels / 255 - 0.5) / 0.25)[None].astype(np.float32)


@pytest.fixture
def pixels():
    return np.random.default_rng(0).integers(0, 256, (2, SIZE, SIZE), np.uint8)


@pytest.fixture
def card(tmp_path, pixels):
    """A model's card with two golden images, and the arrays under these keys."""

    def make(
        arrays, images=("golden/a.png", "golden/b.png"), tolerance="", expected="g.safetensors"
    ):
        (tmp_path / "golden").mkdir(exist_ok=True)
        for name, picture in zip("ab", pixels, strict=True):
            Image.fromarray(picture).save(tmp_path / "golden" / f"{name}.png")
        save_file(arrays, tmp_path / "g.safetensors")
        place = cell(tmp_path)
        text = (tmp_path / "m.toml").read_text()
        listed = ", ".join(f'"{name}"' for name in images)
        lines = PARITY.format(images=listed, expected=expected)
        text = text.replace("mean = [0.0]", "mean = [0.5]").replace("std = [1.0]", "std = [0.25]")
        (tmp_path / "m.toml").write_text(text + lines + tolerance)
        return load_model_card(place.model.path)

    return make


def difference(model):
    """What O3 is handed for a model, on whichever data set."""
    return parity().answer(Cell(model, (None,), None, "sick"), SOURCE)


def both(pixels, **changes):
    arrays = {"golden/a.png": released(pixels[0]), "b.png": released(pixels[1])}
    return arrays | {key.replace("_", "/") + ".png": value for key, value in changes.items()}


def test_the_same_pipeline_differs_by_nothing_but_rounding(card, pixels):
    """By the path as written, or by the file's name."""
    found = difference(card(both(pixels)))
    assert found.value == pytest.approx(0, abs=1e-6)
    assert found.n_images == 2


@pytest.mark.parametrize(("number", "key"), [(0, "golden_a"), (1, "b")])
def test_the_largest_difference_of_any_pixel_of_any_image_counts(card, pixels, number, key):
    shifted = released(pixels[number])
    shifted[0, 17, 5] -= 0.125
    found = difference(card(both(pixels, **{key: shifted})))
    assert found.value == pytest.approx(0.125, abs=1e-5)


@pytest.mark.parametrize(
    ("mistake", "at_least"),
    [
        (lambda x: x * 0.25 + 0.5, 1.0),  # mean and deviation forgotten
        (lambda x: -x, 1.0),  # inverted greys
        (lambda x: x[:, :, ::-1].copy(), 1.0),  # mirrored
        (lambda x: x.transpose(0, 2, 1).copy(), 1.0),  # height and width swapped
        (lambda x: np.roll(x, 1, 1), 1.0),  # off by one row
    ],
)
def test_what_pipelines_get_wrong_is_seen(card, pixels, mistake, at_least):
    assert difference(card(both(pixels, b=mistake(released(pixels[1]))))).value > at_least


def test_whole_and_half_numbers_are_compared_as_numbers(card, pixels):
    half = difference(card(both(pixels, b=released(pixels[1]).astype(np.float16))))
    assert 0 < half.value < 2e-3
    whole = difference(card(both(pixels, b=np.zeros((1, SIZE, SIZE), np.uint8))))
    assert whole.value == pytest.approx(np.abs(released(pixels[1])).max())


def test_a_card_without_golden_files_is_not_asked(tmp_path):
    with pytest.raises(NotApplicable, match="names no golden files"):
        difference(cell(tmp_path).model)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"b": np.zeros((SIZE, SIZE), np.float32)}, r"'b\.png' has shape \(32, 32\)"),
        ({"b": np.zeros((1, 1, SIZE, SIZE), np.float32)}, "without the batch dimension"),
        ({"b": np.zeros((3, SIZE, SIZE), np.float32)}, r"the audit's input has \(1, 32, 32\)"),
        ({"b": np.full((1, SIZE, SIZE), np.nan, np.float32)}, r"'b\.png' is not finite"),
        ({"b": np.full((1, SIZE, SIZE), -np.inf, np.float32)}, r"'b\.png' is not finite"),
    ],
)
def test_an_array_that_does_not_fit_is_an_error_and_no_large_difference(
    card, pixels, changes, said
):
    with pytest.raises(AuditError, match=said):
        difference(card(both(pixels, **changes)))


def test_one_pixel_that_is_not_finite_is_enough(card, pixels):
    broken = released(pixels[0])
    broken[0, 3, 3] = np.nan
    with pytest.raises(AuditError, match=r"'a\.png' is not finite"):
        difference(card(both(pixels, golden_a=broken)))


def test_a_missing_array_names_those_that_are_there(card, pixels):
    with pytest.raises(AuditError, match=r"holds no array for 'golden/b\.png'") as raised:
        difference(card({"a.png": released(pixels[0]), "c.png": released(pixels[1])}))
    assert "it holds: a.png, c.png" in str(raised.value)


def test_missing_and_damaged_files_are_named_with_their_key(card, pixels, tmp_path):
    with pytest.raises(AuditError, match=r"key 'parity\.images'.*gone\.png"):
        difference(card(both(pixels), images=("golden/a.png", "gone.png")))
    with pytest.raises(AuditError, match=r"key 'parity\.images'.*g\.safetensors"):
        difference(card(both(pixels), images=("g.safetensors",)))
    with pytest.raises(AuditError, match=r"key 'parity\.expected'.*none\.safetensors"):
        difference(card(both(pixels), expected="none.safetensors"))
    with pytest.raises(AuditError, match=r"key 'parity\.expected'.*cannot be read"):
        difference(card(both(pixels), expected="golden/a.png"))
    with pytest.raises(AuditError, match=r"key 'parity\.expected'.*cannot be read"):
        difference(card(both(pixels), expected="golden"))


def test_arrays_of_a_type_that_numpy_lacks_are_said(card, pixels, monkeypatch):
    """Where ml_dtypes is installed, as Keras does it, numpy has bfloat16; elsewhere it lacks it."""
    model = card(both(pixels))

    def lacking(path):
        raise TypeError("data type 'bfloat16' not understood")

    monkeypatch.setattr("audit_suite.evidence.golden_files.load_file", lacking)
    with pytest.raises(AuditError, match=r"cannot be read: .*bfloat16"):
        difference(model)


@pytest.mark.parametrize(
    ("shift", "tolerance", "said"),
    [
        (0.0, "tolerance = 1e-6\n", "pass"),
        (0.01, "tolerance = 0.02\n", "pass"),
        (0.03, "tolerance = 0.02\n", "fail"),
        (0.03, "", "fail"),
    ],
)
def test_o3_judges_by_the_cards_tolerance(card, pixels, tmp_path, shift, tolerance, said):
    here = cell(tmp_path)
    model = card(both(pixels, b=released(pixels[1]) + np.float32(shift)), tolerance=tolerance)
    ((found, recorded),) = judged("O3", replace(here, model=model), SOURCE).values()
    assert found == said
    (comparison,) = recorded.comparisons
    assert comparison.margin_source == "the model card's parity.tolerance"


def test_o3_is_not_asked_without_golden_files(tmp_path):
    found = judged("O3", cell(tmp_path), None)
    assert [verdict for verdict, _ in found.values()] == ["not_applicable"]


def test_a_fail_names_the_reading_of_the_card_that_agrees(card, pixels):
    """The release forgets mean and deviation; the message says by how much it would still differ."""
    arrays = {name: array * 0.25 + 0.5 for name, array in both(pixels).items()}
    found = difference(card(arrays))
    assert found.value > 1
    assert found.advice.startswith("with mean = [0.0] and std = [1.0] under 'input' it would be ")
    said = found.compare("<=", 0.01).message
    assert "is not at most 0.01; with mean = [0.0] and std = [1.0]" in said
    assert found.compare("<=", 10.0).message.endswith("is at most 10"), "a pass needs no advice"


def test_a_fail_that_no_reading_explains_says_so(card, pixels):
    mirrored = {name: array[:, :, ::-1].copy() for name, array in both(pixels).items()}
    assert "no other reading of 'input' that was tried" in difference(card(mirrored)).advice


def test_within_the_tolerance_nothing_is_advised(card, pixels):
    assert difference(card(both(pixels), tolerance="tolerance = 1e-5\n")).advice == ""
