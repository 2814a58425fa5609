"""A card's own preprocessing: the same evidence as the same way in keys, and only where code runs."""

from __future__ import annotations

import json
import os

import numpy as np
import pytest
from cards import BRIGHTNESS, dataset_card, input_spec, model_card, phantom_card
from PIL import Image
from safetensors.numpy import save_file

from audit_suite import parity, planted
from audit_suite.cards import load_model_card
from audit_suite.errors import AuditError
from audit_suite.evidence import Cell, EvidenceProfile, EvidenceSource, EvidenceStore
from audit_suite.evidence.at_input import image_at_input, region_at_input
from audit_suite.evidence.executors.process import Processes
from audit_suite.evidence.identity import seen_digest
from audit_suite.evidence.scores.geometry import geometry
from audit_suite.evidence.scores.request import ScoreRequest
from audit_suite.maskings import Full, WithoutROI
from audit_suite.models.alternatives import alternatives
from audit_suite.models.load import load_model
from audit_suite.models.preprocessing import fit_geometry, fit_mask, model_input
from audit_suite.models.vetting import code_of

SIDE, PATIENTS = 32, 12
PREP = """
import os
import numpy as np
from PIL import Image

def load(path):
    image = Image.open(path).resize((32, 32), Image.Resampling.NEAREST)
    return np.asarray(image, np.float32)[None] - 128.0

def load_mask(mask):
    return np.asarray(Image.fromarray(mask).resize((32, 32), Image.Resampling.NEAREST))

def where(path):
    return np.full((32, 32, 1), os.getpid() % 1000 / 1000, np.float32)

def tensor(path):
    import torch
    return torch.from_numpy(load(path))[None]

def other_shape(path):
    return np.zeros((1, 16, 32))

def too_bright(path):
    return load(path) + 100

def broken(path):
    return load(path) * np.nan

def raises(path):
    raise ValueError("cannot open " + path)

def raises_with_the_name(path):
    raise ValueError("cannot open " + os.path.basename(path))

def small_mask(mask):
    return mask[:4, :4]
"""
OWN = 'function = "prep.py:{name}"\nrange = [-128.0, 127.0]\n'
KEYS = 'interpolation = "nearest"\nrange = [-128.0, 127.0]\n'


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "prep.py").write_text(PREP)
    (tmp_path / "net.py").write_text(BRIGHTNESS.replace("0.35", "0.0").replace("20 *", "0.1 *"))
    rows = ["image,mask,patient,sick"]
    rng = np.random.default_rng(5)
    for number in range(PATIENTS):
        pixels = rng.integers(40, 160, (48, 40)) + 20 * (number % 2)
        Image.fromarray(pixels.astype(np.uint8)).save(tmp_path / f"secret-{number}.png")
        mask = np.zeros((48, 40), np.uint8)
        mask[10:30, 8 : 20 + number] = 255
        Image.fromarray(mask).save(tmp_path / f"mask-{number}.png")
        rows.append(f"secret-{number}.png,mask-{number}.png,p{number},{number % 2}")
    (tmp_path / "m.csv").write_text("\n".join(rows) + "\n")
    return tmp_path


def card(folder, keys, name="m", **more):
    """A model's card with more keys of its input, stretched unless they say otherwise."""
    made = model_card(folder, name=name, architecture="net.py:build", **more)
    text = made.path.read_text().replace('resize = "pad"', 'resize = "stretch"')
    made.path.write_text(text + keys)
    return load_model_card(made.path)


def data(folder):
    return dataset_card(folder, top='[columns]\nimage = "image"\npatient = "patient"')


def test_both_ways_give_the_same_evidence_in_processes_apart(folder):
    masks = 'masks = "prep.py:load_mask"\n'
    cards = {
        "keys": card(folder, KEYS, "keys"),
        "own": card(folder, OWN.format(name="load"), "own"),
        "tensor": card(folder, OWN.format(name="tensor") + masks, "tensor"),
    }
    executor = Processes(timeout=120)
    assert len({executor.place(each) for each in cards.values()}) == len(cards)
    profile = EvidenceProfile(device="cpu", threads=2)
    source = EvidenceSource(EvidenceStore(folder / "store"), profile, executor=executor)
    sources = dict.fromkeys(cards, source)
    sources["keys"] = EvidenceSource(EvidenceStore(folder / "here"), profile)  # no code, so here
    try:
        for masking in (Full(), WithoutROI(region=("lungs",)), WithoutROI(("lungs",), fill="mean")):
            scores = {
                name: sources[name].read(ScoreRequest(each, None, data(folder), masking)).scores
                for name, each in cards.items()
            }
            assert np.ptp(scores["keys"]) > 0.001
            for name in ("own", "tensor"):
                assert scores[name] == pytest.approx(scores["keys"], abs=1e-5)
        pictures = [
            image_at_input(sources[name], each, data(folder), 3) for name, each in cards.items()
        ]
        assert pictures[1] == pytest.approx(pictures[0], abs=1e-6)
        region = np.zeros((48, 40), bool)
        region[5:20, 5:30] = True
        drawn = [region_at_input(sources[name], region, each) for name, each in cards.items()]
        assert drawn[0].any()
        assert (drawn[1] == drawn[0]).all()
        assert (drawn[2] == drawn[0]).all()
        elsewhere = card(folder, OWN.format(name="where").replace("-128.0, 127.0", "0, 1"), "where")
        shown = image_at_input(source, elsewhere, data(folder), 0)
        assert float(shown.max()) != pytest.approx(os.getpid() % 1000 / 1000), "not in this process"
    finally:
        source.close()


def test_its_code_is_known_to_every_key(folder):
    own = card(folder, OWN.format(name="load"))
    before = seen_digest(own, None), load_model(own).digest, geometry(own.input)
    (folder / "net.py").touch()
    assert before == (seen_digest(own, None), load_model(own).digest, geometry(own.input))
    dark = model_input(None, own.input, folder / "secret-1.png")
    (folder / "prep.py").write_text(PREP.replace("- 128.0", "- 127.50"))
    after = seen_digest(own, None), load_model(own).digest, geometry(own.input)
    assert all(old != new for old, new in zip(before, after, strict=True))
    assert model_input(None, own.input, folder / "secret-1.png") == pytest.approx(dark + 0.5)
    assert "prep.py:load" in code_of(own), "the record says that it ran"
    assert alternatives(own.input) == [], "no key stands for it"


def test_the_detector_of_planted_patterns_sees_what_the_model_sees(folder):
    own = card(folder, OWN.format(name="load"))
    (request, *_) = planted("inside").requests(Cell(own, (None,), data(folder), "sick"))
    assert request.model is not own
    assert request.model.input.code() == [folder / "prep.py"]


def test_parity_asks_the_cards_own_function(folder):
    own = card(folder, OWN.format(name="load"))
    expected = np.asarray(Image.open(folder / "secret-0.png").resize((32, 32), 0), np.float32)
    save_file({"secret-0.png": expected[None] - 128}, folder / "g.safetensors")
    lines = '[parity]\nimages = ["secret-0.png"]\nexpected = "g.safetensors"\n'
    own.path.write_text(own.path.read_text() + lines)
    model = load_model_card(own.path)
    source = EvidenceSource(EvidenceStore(folder), EvidenceProfile(device="cpu", threads=1))
    found = parity().answer(Cell(model, (None,), None, "sick"), source)
    assert found.value == pytest.approx(0, abs=1e-4)
    save_file({"secret-0.png": expected[None]}, folder / "g.safetensors")
    found = parity().answer(Cell(model, (None,), None, "sick"), source)
    assert found.value == pytest.approx(128, abs=1e-3)
    assert found.advice == "correct 'input.function'"


def prepared(folder, name, more="", file="secret-1.png"):
    spec = card(folder, OWN.format(name=name) + more).input
    mask = np.ones((48, 40), bool)
    return fit_geometry(np.zeros((48, 40), np.uint8), {"r": mask}, spec, file and folder / file)


@pytest.mark.parametrize(
    ("name", "more", "said"),
    [
        ("other_shape", "", "prep.py:other_shape returned shape (1, 16, 32), not (1, 32, 32)"),
        ("too_bright", "", "outside 'range' [-128.0, 127.0], the values of black and white"),
        ("broken", "", "returned values from nan to nan"),
        ("raises", "", "prep.py:raises raised ValueError: cannot open the image"),
        ("raises_with_the_name", "", "raised ValueError: cannot open the image"),
        ("nothing", "", "prep.py:nothing does not exist in that file"),
        (
            "load",
            'masks = "prep.py:small_mask"\n',
            "small_mask returned shape (4, 4), not (32, 32)",
        ),
        ("load", 'masks = "prep.py:nothing"\n', "'input.masks': prep.py:nothing does not exist"),
    ],
)
def test_a_function_that_goes_wrong_is_named_and_the_file_is_not(folder, name, more, said):
    with pytest.raises(AuditError) as caught:
        prepared(folder, name, more)
    assert said in caught.value.what
    assert "secret" not in caught.value.what
    assert caught.value.remedy


def test_it_needs_image_files(folder):
    with pytest.raises(AuditError, match="needs image files, this data set has none"):
        prepared(folder, "load", file=None)
    phantom = phantom_card(folder, "phantom")
    source = EvidenceSource(EvidenceStore(folder), EvidenceProfile(device="cpu", threads=1))
    with pytest.raises(AuditError, match="needs image files"):
        image_at_input(source, card(folder, OWN.format(name="load")), phantom, 0)


@pytest.mark.parametrize(
    ("keys", "said"),
    [
        ('function = "prep.py:load"\n', "'function' needs 'range', the values of black and white"),
        ('masks = "prep.py:load_mask"\n', "'masks' needs 'function'"),
        ('function = "prep:load"\nrange = [0, 1]\n', "key 'input.function'"),
        (OWN.format(name="load") + "stored_range = [0, 9]\n", "'function' does what 'scale'"),
        (OWN.format(name="load") + 'scale = "min_max"\n', "'function' does what 'scale'"),
    ],
)
def test_a_card_that_does_not_go_together_is_refused(folder, keys, said):
    with pytest.raises(AuditError) as caught:
        card(folder, keys)
    assert said in caught.value.what


def test_code_needs_the_cards_word(folder):
    path = card(folder, OWN.format(name="load")).path
    path.write_text(path.read_text().replace("trusted = true", ""))
    with pytest.raises(
        AuditError, match=r"'input\.function': prep\.py:load is code.*trusted = true"
    ):
        load_model_card(path)


@pytest.mark.parametrize("change", [("import os", "import no_such_module"), ("def load(", "def (")])
def test_a_file_that_cannot_be_imported_is_named(folder, change):
    (folder / "prep.py").write_text(PREP.replace(*change, 1))
    with pytest.raises(AuditError, match=r"prep\.py cannot be imported: (Syntax|ModuleNotFound)"):
        load_model(card(folder, OWN.format(name="load")))


def test_a_missing_file_is_named(folder):
    (folder / "prep.py").unlink()
    with pytest.raises(AuditError, match=r"prep\.py cannot be imported: FileNotFoundError"):
        load_model(card(folder, OWN.format(name="load")))


def test_with_masks_of_its_own_a_card_need_not_say_resize(folder):
    own = card(folder, OWN.format(name="load") + 'masks = "prep.py:load_mask"\n')
    own.path.write_text(own.path.read_text().replace('resize = "stretch"\n', ""))
    spec = load_model_card(own.path).input
    mask = np.zeros((48, 40), bool)
    mask[:24] = True
    assert fit_mask(mask, spec)[:16].all()
    assert not fit_mask(mask, spec)[16:].any()


def test_a_dump_of_the_keys_can_be_read_back_with_the_range(folder):
    spec = input_spec(function="prep.py:load", range=(0, 1))
    assert json.loads(json.dumps(spec.model_dump(mode="json")))["range"] == [0, 1]
    assert input_spec(**spec.model_dump()) == spec
    entering = model_input(
        None, card(folder, OWN.format(name="load")).input, folder / "secret-1.png"
    )
    assert entering.min() < -10, "in the range that the function gives"
