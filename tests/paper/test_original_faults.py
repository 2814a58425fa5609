"""Every fault of the published code of "Mask of Truth" is absent here (docs/mask-of-truth.md)."""

from __future__ import annotations

import json

import numpy as np
import pytest
import torch
from evidence.seeing import count_decodes
from maskings.showing import shown
from PIL import Image

from audit_suite import FACTORS, MASKINGS, auroc, baseline, dilated
from audit_suite.cards import DatasetCard, load_dataset_card, load_model_card
from audit_suite.datasets import BadImage, load_dataset
from audit_suite.evidence import Cell, EvidenceProfile, EvidenceSource, EvidenceStore, compute
from audit_suite.maskings import PAPER, Full, OnlyROI, WithoutROI
from audit_suite.maskings.show import hidden_pixels
from audit_suite.needs import estimate_in, requests_in
from audit_suite.regions import signed_distance
from audit_suite.statistics import DecisionRule, estimate_auroc, recording
from audit_suite.verdict import Verdict

SIZE, PATIENTS = 24, 60

MODEL = """
import torch
from torch import nn

class Mean(nn.Module):
    def __init__(self, weights=None):
        super().__init__()
        self.features = nn.Flatten()
        self.power = nn.Parameter(torch.ones(1))

    def forward(self, batch):
        flat = self.features(batch * self.power)
        return flat.mean(1, keepdim=True)

def mean(weights=None):
    return Mean()
"""

MODEL_CARD = """
schema = 1
name = "m"
targets = ["sick"]
loader = "architecture"
architecture = "net.py:mean"
trusted = true
folds = ["a.pt", "b.pt"]
activation = "none"
embedding_layer = "features"
[input]
size = [24, 24]
channels = 1
resize = "pad"
mean = [0.0]
std = [1.0]
"""

DATASET_CARD = """
schema = 1
name = "{name}"
reader = "manifest"
manifest = "{manifest}"
metadata = ["age", "site"]
[targets.sick]
column = "sick"
roi = ["square"]
[regions.square]
column = "mask"
"""


@pytest.fixture
def cell(tmp_path):
    """A model of two folds on images of 60 patients, every third without an age."""
    rng = np.random.default_rng(1)
    rows = ["image,mask,patient_id,sick,age,site"]
    mask = np.zeros((SIZE, SIZE), np.uint8)
    mask[8:16, 6:20] = 255
    Image.fromarray(mask).save(tmp_path / "mask.png")
    for number in range(PATIENTS):
        pixels = rng.integers(0, 200, (SIZE, SIZE)) + 2 * (number % 2)
        Image.fromarray(pixels.astype(np.uint8)).save(tmp_path / f"{number}.png")
        age = "" if number % 3 == 0 else str(40 + number % 17)
        rows.append(f"{number}.png,mask.png,p{number},{number % 2},{age},{'ab'[number % 5 == 0]}")
    (tmp_path / "m.csv").write_text("\n".join(rows) + "\n")
    (tmp_path / "shuffled.csv").write_text("\n".join([rows[0], *rows[:0:-1]]) + "\n")
    (tmp_path / "net.py").write_text(MODEL)
    for name, power in (("a", 1.0), ("b", 2.0)):
        torch.save({"power": torch.tensor([power])}, tmp_path / f"{name}.pt")
    (tmp_path / "m.toml").write_text(MODEL_CARD)
    (tmp_path / "d.toml").write_text(DATASET_CARD.format(name="d", manifest="m.csv"))
    model, data = load_model_card(tmp_path / "m.toml"), load_dataset_card(tmp_path / "d.toml")
    return Cell(model, (0, 1), data, "sick")


@pytest.fixture
def source(tmp_path):
    profile = EvidenceProfile(device="cpu", threads=1)
    return EvidenceSource(EvidenceStore(tmp_path / "store"), profile)


def everything(cell):
    """The needs of the whole study of one model: the matrix's row and both dilation curves."""
    sides = (WithoutROI(), OnlyROI())
    return [
        *auroc(MASKINGS).expand(cell, PAPER),
        *(dilated(side, factor) for side in sides for factor in FACTORS),
    ]


def test_the_box_holds_its_last_row_and_column():
    region = np.zeros((9, 9), bool)
    region[2, 3] = region[6, 7] = True
    distance = torch.from_numpy(signed_distance(region))[None]
    hidden = hidden_pixels(WithoutROI(shape="box"), distance)[0].numpy()
    expected = np.zeros((9, 9), bool)
    expected[2:7, 3:8] = True
    assert (hidden == expected).all()


@pytest.mark.parametrize("masking", PAPER, ids=lambda masking: masking.id)
def test_an_empty_mask_does_not_crash_a_masking(masking):
    distance = torch.from_numpy(signed_distance(np.zeros((6, 6), bool)))[None]
    image = torch.rand(1, 1, 6, 6)
    masked = shown(masking, image, distance, torch.zeros(1))
    assert torch.equal(masked, torch.zeros_like(image) if masking.keep == "inside" else image)


def test_an_empty_mask_is_refused_with_its_row(cell, tmp_path):
    Image.fromarray(np.zeros((SIZE, SIZE), np.uint8)).save(tmp_path / "mask.png")
    with pytest.raises(BadImage, match=r"row 4, column 'mask': the mask is empty"):
        load_dataset(cell.dataset).read(2)


def test_black_is_not_the_only_fill():
    distance = torch.from_numpy(signed_distance(np.eye(8, dtype=bool)))[None]
    image = torch.rand(1, 1, 8, 8, generator=torch.Generator().manual_seed(0))
    filled = {
        fill: shown(WithoutROI(fill=fill), image, distance, torch.tensor([0.4]), [3]).numpy()
        for fill in ("black", "mean", "blur", "noise")
    }
    assert len({array.tobytes() for array in filled.values()}) == len(filled)


def test_external_images_take_the_same_way_to_the_models_input(cell, source, tmp_path):
    # No data set card can say how images are prepared, and the same file gives the same score.
    assert not {"input", "size", "resize", "scale"} & set(DatasetCard.model_fields)
    (tmp_path / "e.toml").write_text(DATASET_CARD.format(name="e", manifest="shuffled.csv"))
    external = load_dataset_card(tmp_path / "e.toml")
    there = Cell(cell.model, cell.folds, external, "sick")
    (mine, _), (theirs, _) = cell.requests(Full()), there.requests(Full())
    compute([mine, theirs], source)
    assert np.array_equal(source.read(mine).scores, source.read(theirs).scores[::-1])


def test_embeddings_are_those_of_every_fold(cell, source):
    requests = cell.requests(Full())
    compute(requests, source)
    first, second = (source.read(request).embeddings for request in requests)
    assert first.max() > 0
    assert np.allclose(second, 2 * first)


def test_variances_are_by_patient_not_by_image():
    rng = np.random.default_rng(2)
    labels = np.arange(80) % 2
    scores = rng.normal(size=80) + labels
    once = estimate_auroc(labels, scores, np.arange(80).astype(str), "d")
    fourfold = estimate_auroc(
        np.repeat(labels, 4), np.repeat(scores, 4), np.repeat(np.arange(80), 4).astype(str), "d"
    )
    assert fourfold.value == pytest.approx(once.value)
    assert fourfold.se == pytest.approx(once.se)  # by image it would be half


def test_a_fail_is_corrected_for_the_cases_of_its_check():
    rng = np.random.default_rng(5)
    labels = np.arange(400) % 2
    scores = rng.normal(size=400) + 0.52 * labels
    estimate = estimate_auroc(labels, scores, np.arange(400).astype(str), "d")
    with recording(DecisionRule(cases=1)):
        alone = estimate.compare("<", 0.59).verdict
    with recording(DecisionRule(cases=50)):
        among_many = estimate.compare("<", 0.59).verdict
    assert (alone, among_many) == (Verdict.FAIL, Verdict.INCONCLUSIVE)


def test_comparisons_are_paired_by_patient_not_by_position(cell):
    rng = np.random.default_rng(3)
    labels, patients = np.arange(90) % 2, np.arange(90).astype(str)
    scores = rng.normal(size=90) + labels
    other = scores + 0.3 * rng.normal(size=90)
    turned = rng.permutation(90)
    straight = estimate_auroc(labels, scores, patients, "d") - estimate_auroc(
        labels, other, patients, "d"
    )
    shuffled = estimate_auroc(labels, scores, patients, "d") - estimate_auroc(
        labels[turned], other[turned], patients[turned], "d"
    )
    assert shuffled.value == pytest.approx(straight.value)
    assert shuffled.se == pytest.approx(straight.se)


def test_identical_predictions_differ_by_nothing():
    rng = np.random.default_rng(4)
    labels = np.arange(60) % 2
    estimate = estimate_auroc(labels, rng.normal(size=60), np.arange(60).astype(str), "d")
    difference = estimate - estimate
    assert (difference.value, difference.se) == (0.0, 0.0)
    assert difference.interval() == (0.0, 0.0)
    assert difference.compare("<", 0.05).verdict is Verdict.PASS


def test_a_rerun_gives_the_same_numbers_and_adds_nothing(cell, source, tmp_path):
    def run(again):
        found = [estimate_in(need, cell, again).to_record() for need in everything(cell)[:5]]
        stored = sorted(str(path) for path in (tmp_path / "store").rglob("*.safetensors"))
        return json.dumps([e.model_dump() for e in found]), stored

    first = run(source)
    assert run(EvidenceSource(source.store, source.profile)) == first


def test_the_whole_study_decodes_an_image_once(cell, source, monkeypatch):
    counts = count_decodes(monkeypatch)
    compute(
        [request for need in everything(cell) for request in requests_in(need, cell)],
        source,
    )
    assert set(counts.values()) == {1}
    assert len(counts) == PATIENTS


def test_the_tabular_baseline_keeps_every_image_the_model_scored(cell, source):
    full = estimate_in(auroc(), cell, source)
    metadata = estimate_in(baseline(), cell, source)
    assert metadata.n_images == full.n_images == PATIENTS  # a third has no age
    shared = full.influence.shared_with(metadata.influence)
    assert sum(map(len, shared.values())) == full.n_patients
