"""Training shows a network what an audit shows it: the same pixels under every masking."""

from __future__ import annotations

import sys

import numpy as np
import pytest
import torch
from evidence.seeing import seeing_cell
from maskings.showing import MASKINGS
from PIL import Image

from audit_suite.cards import load_model_card
from audit_suite.cli import main
from audit_suite.errors import AuditError
from audit_suite.evidence import EvidenceProfile, EvidenceSource, EvidenceStore, compute
from audit_suite.maskings import Full, Masking, WithoutROI
from audit_suite.maskings.fill import Fill, register_fill
from audit_suite.training import fit as fitting
from audit_suite.training import load_recipe, train_study
from audit_suite.training.prepared import prepare_training

SIZE, COUNT = 16, 30
BAD = (4, 11, 29)
SEED = 1907

RECIPE = """
kind = "masking-study"
name = "small"
out = "out"
architecture = "net.py:seen"
maskings = {maskings}
folds = 2
epochs = {epochs}
batch_size = 8
[input]
size = [16, 16]
channels = 1
resize = "pad"
mean = [0.0]
std = [1.0]
[[data]]
name = "a"
train = "d.toml"
test = "d.toml"
targets = ["sick"]
"""


@pytest.fixture
def folder(tmp_path):
    """A data set on disk, three images of which cannot be read; a model; its recipe."""
    rng = np.random.default_rng(3)
    lines = ["image,mask,patient_id,sick"]
    for number in range(COUNT):
        image = rng.integers(1, 200, (SIZE, SIZE)).astype(np.uint8)
        region = np.zeros((SIZE, SIZE), np.uint8)
        top, left = rng.integers(2, 8, 2)
        region[top : top + 6, left : left + 5] = 255
        Image.fromarray(image).save(tmp_path / f"i{number}.png")
        Image.fromarray(region).save(tmp_path / f"r{number}.png")
        patient = f"p{number - (number % 3 == 1)}"
        lines.append(f"i{number}.png,r{number}.png,{patient},{number % 2}")
    for number in BAD:
        file = tmp_path / f"i{number}.png"
        file.write_bytes(file.read_bytes()[:60])
    (tmp_path / "m.csv").write_text("\n".join(lines) + "\n")
    seeing_cell(tmp_path, SIZE)
    return tmp_path


def audited(folder, maskings):
    """What an audit shows a model under each masking, shape (n, 1, SIZE, SIZE), usable images."""
    profile = EvidenceProfile(device="cpu", threads=1, seed=SEED)
    source = EvidenceSource(EvidenceStore(folder / "store"), profile)
    cell = seeing_cell(folder, SIZE)
    requests = {masking.id: cell.requests(masking)[0] for masking in maskings}
    compute(requests.values(), source)
    tables = {id: source.read(request) for id, request in requests.items()}
    assert all(np.array_equal(np.flatnonzero(~t.used), BAD) for t in tables.values())
    return {id: t.embeddings[t.used].reshape(-1, 1, SIZE, SIZE) for id, t in tables.items()}


def prepared(folder, maskings, seed=SEED, where="prepared"):
    spec = load_model_card(folder / "m.toml").input
    card = folder / "d.toml"
    return prepare_training(
        card, ("sick",), None, spec, maskings, seed, folder / where, lambda _: None
    )


def test_every_masking_shows_what_an_audit_shows(folder):
    """Also where images are left out: donors, seeds and places go by the place in the data set."""
    images = prepared(folder, MASKINGS)
    expected = audited(folder, MASKINGS)
    assert images.positions.tolist() == [i for i in range(COUNT) if i not in BAD]
    everything = np.arange(COUNT - len(BAD))
    for masking in MASKINGS:
        shown = images.shown(masking, everything, "cpu").numpy()
        assert np.array_equal(shown, expected[masking.id]), masking.id
    different = {images.shown(m, everything, "cpu").numpy().tobytes() for m in MASKINGS}
    assert len(different) == len(MASKINGS)


@pytest.mark.parametrize("masking", MASKINGS, ids=lambda masking: masking.id)
def test_what_is_shown_depends_neither_on_order_nor_on_the_other_maskings(folder, masking):
    alone, together = prepared(folder, [masking]), prepared(folder, MASKINGS, where="other")
    order = np.random.default_rng(1).permutation(COUNT - len(BAD))
    whole = together.shown(masking, np.arange(len(order)), "cpu")
    assert torch.equal(alone.shown(masking, order[:7], "cpu"), whole[torch.from_numpy(order[:7])])
    again = prepared(folder, [masking])
    assert torch.equal(again.shown(masking, order, "cpu"), whole[torch.from_numpy(order)])


@pytest.mark.usefixtures("gpu")
@pytest.mark.parametrize("masking", MASKINGS, ids=lambda masking: masking.id)
def test_the_gpu_is_shown_the_same(folder, masking):
    images = prepared(folder, [masking])
    everything = np.arange(COUNT - len(BAD))
    shown = images.shown(masking, everything, "cuda")
    assert shown.is_cuda
    assert torch.allclose(shown.cpu(), images.shown(masking, everything, "cpu"), atol=1e-5)


def test_a_digest_holds_what_decides_what_is_shown_and_nothing_else(folder):
    """Studies of plain maskings stay as they were, whatever is added to the recipe."""
    one, other = prepared(folder, [Full()]), prepared(folder, MASKINGS, seed=2, where="other")
    plain = {m for m in MASKINGS if one.digest_of(m) == other.digest_of(m)}
    assert {m.id for m in plain} == {
        "full",
        "without-roi",
        "only-roi-box-d2",
        "without-roi-mean",
        "without-roi-blur",
        "without-roi-inpaint",
    }
    same = prepared(folder, MASKINGS, where="third")
    assert all(one.digest_of(masking) == same.digest_of(masking) for masking in MASKINGS)


# Studies


def study(folder, *maskings, epochs=1):
    path = folder / "recipe.toml"
    path.write_text(RECIPE.format(maskings=list(maskings), epochs=epochs))
    return path


def command(monkeypatch, *arguments):
    """Run the command line in this process; its exit code."""
    monkeypatch.setattr(sys, "argv", ["audit-suite", *map(str, arguments)])
    with pytest.raises(SystemExit) as ended:
        main()
    return ended.value.code


@pytest.fixture
def learned_from(monkeypatch):
    """The images that networks were given while they learned, as bytes."""
    given = set()
    plain = fitting.normalise

    def normalise(images, spec):
        given.update(image.numpy().tobytes() for image in images)
        return plain(images, spec)

    monkeypatch.setattr(fitting, "normalise", normalise)
    return given


@pytest.mark.parametrize(
    "masking", ["without-roi-foreign", "only-roi-swap", "only-roi-window-centre", "full"]
)
def test_the_command_trains_on_what_the_card_says(folder, monkeypatch, learned_from, masking):
    """Not on plain ``without-roi``, whatever comes after it."""
    assert command(monkeypatch, "train", study(folder, masking), "--jobs", 1) == 0
    expected = audited(folder, [Masking.parse(masking), WithoutROI()])
    assert learned_from == {image.tobytes() for image in expected[masking]}
    plain = {image.tobytes() for image in expected["without-roi"]}
    assert len(learned_from & plain) < len(plain) / 2, "another's region may lie within one's own"
    card = load_model_card(folder / "out" / "models" / f"a-{masking}.toml")
    assert card.trained_on == masking
    assert all((card.path.parent / weights).exists() for weights in card.folds)


@pytest.mark.parametrize(
    ("masking", "words"),
    [
        ("without-roi-foregin", "'without-roi-foregin' is not a masking"),
        ("upside-down", "'upside-down' is not a masking"),
        ("without-roi-foreign-centre", "is not a masking: first='centre' moves the image"),
    ],
)
def test_an_unknown_masking_is_refused_by_file_and_key(folder, monkeypatch, capsys, masking, words):
    path = study(folder, "full", masking)
    with pytest.raises(AuditError) as caught:
        load_recipe(path)
    for word in (str(path), "'maskings'", words):
        assert word in caught.value.what
    assert command(monkeypatch, "train", path) == 2
    assert f"audit-suite: recipe {path}" in capsys.readouterr().err
    assert not (folder / "out").exists()


class Picky(Fill):
    """A fill that can be told to break."""

    name = "picky"
    breaks = False

    def __call__(self, visible, hidden, around):
        if self.breaks:
            raise ArithmeticError("no such colour")
        return torch.zeros_like(visible)


@pytest.fixture
def picky(monkeypatch):
    register_fill(Picky())
    return lambda breaks: monkeypatch.setattr(Picky, "breaks", breaks)


def cards(folder):
    return sorted(path.name for path in (folder / "out" / "models").glob("*"))


def train(folder, *maskings, epochs=1):
    lines = []
    train_study(load_recipe(study(folder, *maskings, epochs=epochs)), None, lines.append, jobs=1)
    return [line for line in lines if "trained before" in line]


def test_training_that_fails_leaves_no_card(folder, picky):
    picky(True)
    for _ in range(2):
        with pytest.raises(AuditError, match=r"fill 'picky' of .* raised ArithmeticError"):
            train(folder, "full", "without-roi-picky")
        assert cards(folder) == []
    picky(False)
    assert train(folder, "full", "without-roi-picky") == ["4 models, 2 trained before"]
    assert cards(folder) == ["a-full.toml", "a-without-roi-picky.toml"]


def test_a_card_goes_before_its_weights_are_replaced_and_others_stay(folder, picky):
    picky(False)
    train(folder, "full", "without-roi-picky")
    picky(True)
    weights = folder / "out" / "weights" / "a-without-roi-picky-fold1.safetensors"
    weights.unlink()
    with pytest.raises(AuditError, match="picky"):
        train(folder, "full", "without-roi-picky")
    assert cards(folder) == ["a-full.toml"]
    with pytest.raises(AuditError, match="picky"):
        train(folder, "full", "without-roi-picky", epochs=2)
    assert cards(folder) == []


def test_further_maskings_leave_trained_models_alone(folder):
    """Of whatever area: what was learned under the others does not change."""
    train(folder, "full", "without-roi-mean")
    lines = train(folder, "full", "without-roi-mean", "without-roi-foreign", "only-roi-swap")
    assert lines == ["8 models, 4 trained before"]
    assert train(folder, "only-roi-swap", "full") == ["4 models, 4 trained before"]


def test_a_model_of_an_edited_fill_is_trained_anew(folder, picky, monkeypatch):
    picky(False)
    train(folder, "full", "without-roi-picky")
    assert train(folder, "full", "without-roi-picky") == ["4 models, 4 trained before"]
    monkeypatch.setattr("audit_suite.registry.Registry.fingerprint", lambda *_: "edited")
    assert train(folder, "without-roi-picky") == ["2 models, 0 trained before"]
