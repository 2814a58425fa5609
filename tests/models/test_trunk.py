"""Models of one trunk share one pass through it, and images are scored by the fold held out."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from torch import nn

from audit_suite import auroc
from audit_suite.cards import load_dataset_card, load_model_card
from audit_suite.errors import AuditError
from audit_suite.evidence import Cell, EvidenceProfile, EvidenceSource, EvidenceStore, compute
from audit_suite.maskings import Full, WithoutROI
from audit_suite.models.audited import AuditedModel
from audit_suite.models.load import load_model
from audit_suite.statistics import estimate_auroc

FACTORY = """
from torch import nn

class Probe(nn.Module):
    def __init__(self):
        super().__init__()
        self.body = nn.Conv2d(1, 4, 3, padding=1)
        self.pool = nn.AdaptiveAvgPool2d(1)
        self.head = nn.Linear(4, 1)

    def forward(self, batch):
        return self.head(self.pool(self.body(batch).relu()).flatten(1))

def probe():
    return Probe()
"""

CARD = """
schema = 1
name = "{name}"
targets = ["consolidation"]
loader = "architecture"
architecture = "net.py:probe"
trusted = true
folds = ["0.safetensors", "1.safetensors"]
embedding_layer = "pool"
{more}
[input]
size = [32, 32]
channels = 1
resize = "pad"
mean = [0.0]
std = [1.0]
"""

DATASET = """
schema = 1
name = "d"
reader = "phantom"
metadata = ["view", "site"]
[phantom]
kind = "cxr"
patients = 80
size = 32
[targets.consolidation]
roi = ["lungs"]
"""


@pytest.fixture
def card(tmp_path):
    """Cards of two folds: one trunk, two heads."""
    torch.manual_seed(3)
    body, pool = nn.Conv2d(1, 4, 3, padding=1), {}
    (tmp_path / "net.py").write_text(FACTORY)
    (tmp_path / "d.toml").write_text(DATASET)
    for fold in range(2):
        head = nn.Linear(4, 1)
        state = {f"body.{k}": v for k, v in body.state_dict().items()} | pool
        state |= {f"head.{k}": v for k, v in head.state_dict().items()}
        save_file(state, tmp_path / f"{fold}.safetensors")

    def make(more='head = "head"', name="m"):
        (tmp_path / f"{name}.toml").write_text(CARD.format(name=name, more=more))
        return load_model_card(tmp_path / f"{name}.toml")

    return make


def source(tmp_path, name="store"):
    profile = EvidenceProfile(device="cpu", threads=1)
    return EvidenceSource(EvidenceStore(tmp_path / name), profile)


def test_folds_that_differ_in_the_head_alone_have_one_trunk(card, tmp_path):
    a, b = (load_model(card(), fold) for fold in (0, 1))
    assert a.trunk == b.trunk is not None
    assert a.digest != b.digest
    other = nn.Conv2d(1, 4, 3, padding=1)
    state = {f"body.{k}": v for k, v in other.state_dict().items()}
    state |= {f"head.{k}": v for k, v in nn.Linear(4, 1).state_dict().items()}
    save_file(state, tmp_path / "1.safetensors")
    assert load_model(card(), 1).trunk != a.trunk
    assert load_model(card(more=""), 0).trunk is None


def test_scores_from_a_shared_embedding_are_the_models_own(card):
    batch = torch.rand(3, 1, 32, 32)
    with_head, whole = load_model(card(), 0), load_model(card(more="", name="whole"), 0)
    scores, embedding = with_head(batch)
    assert torch.equal(with_head.from_embedding(embedding), scores)
    assert torch.allclose(scores, whole(batch)[0], atol=1e-6)


def test_one_pass_serves_all_folds_under_each_masking(card, tmp_path, monkeypatch):
    calls = Counter()
    forward = AuditedModel.score

    def counting(self, batch):
        calls[len(batch)] += 1
        return forward(self, batch)

    data = load_dataset_card(tmp_path / "d.toml")
    cell = Cell(card(), (0, 1), data, "consolidation")
    requests = [
        r for m in (Full(), WithoutROI(), WithoutROI(fill="mean")) for r in cell.requests(m)
    ]
    here = source(tmp_path)
    for fold in (0, 1):  # a model is tried when it is loaded, and on each data set: not counted
        here.model(cell.model, fold)
    monkeypatch.setattr("audit_suite.evidence.scores.rescore.rescore", lambda *_: None)
    monkeypatch.setattr(AuditedModel, "score", counting)
    compute(requests, here)
    assert sum(size * count for size, count in calls.items()) == 3 * 80, "each image once, no copy"
    apart = Cell(card(more="", name="apart"), (0, 1), data, "consolidation")
    alone = source(tmp_path, "other")
    for one, two in zip(cell.requests(Full()), apart.requests(Full()), strict=True):
        compute([two], alone)
        assert np.allclose(here.read(one).scores, alone.read(two).scores, atol=1e-6)


@pytest.mark.parametrize("layer", ["body", "pool"])
def test_a_head_that_is_none_is_refused(card, layer):
    with pytest.raises(AuditError, match=f"key 'head': the model is not its layer '{layer}'"):
        load_model(card(more=f'head = "{layer}"'), 0)


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ('head = "head"', "'head' needs 'embedding_layer'"),
        ('held_out = "site"', "'held_out' needs 'folds'"),
    ],
)
def test_keys_that_need_others_say_so(tmp_path, more, said):
    text = CARD.format(name="m", more=more).replace('embedding_layer = "pool"\n', "")
    text = text.replace('folds = ["0.safetensors", "1.safetensors"]', 'weights = "0.safetensors"')
    (tmp_path / "m.toml").write_text(text)
    with pytest.raises(AuditError, match=said):
        load_model_card(tmp_path / "m.toml")


def held_out_cell(card, tmp_path, column):
    data = load_dataset_card(tmp_path / "d.toml")
    model = card(more=f'head = "head"\nheld_out = "{column}"')
    return Cell(model, (0, 1), data, "consolidation", "held-out")


def test_each_image_is_scored_by_the_fold_that_never_saw_it(card, tmp_path, monkeypatch):
    cell, here = held_out_cell(card, tmp_path, "view"), source(tmp_path)
    dataset = here.dataset(cell.dataset)
    for case in dataset.cases:  # the phantom's views stand in for folds
        case.metadata["view"] = str(int(case.metadata["view"] == "AP"))
    found = auroc().estimate(cell, here)
    fold = np.array([int(case.metadata["view"]) for case in dataset.cases])
    labels = np.array([case.labels["consolidation"] for case in dataset.cases])
    patients = np.array([case.patient for case in dataset.cases])
    scores = [here.read(request).scores[:, 0] for request in cell.requests(Full())]
    parts, pairs = [], []
    for number in (0, 1):
        mine = fold == number
        parts.append(estimate_auroc(labels[mine], scores[number][mine], patients[mine], "d").value)
        pairs.append(labels[mine].sum() * (1 - labels[mine]).sum())
    assert found.value == pytest.approx(np.average(parts, weights=pairs))
    assert found.n_images == 80


def test_an_image_without_a_fold_is_refused_with_its_row(card, tmp_path):
    with pytest.raises(AuditError, match="row 1 has no fold from 0 to 1 in the tag 'site'"):
        auroc().estimate(held_out_cell(card, tmp_path, "site"), source(tmp_path))
