"""What is computed on a card is what is computed on the CPU, and the card need not wait for it."""

from __future__ import annotations

import numpy as np
import pytest
from cards import model_card, phantom_card
from device.software import software_card
from maskings.showing import MASKINGS

from audit_suite.evidence import Cell, EvidenceProfile, EvidenceSource, EvidenceStore, compute
from audit_suite.evidence.attributions.request import OF_REGIONS
from audit_suite.evidence.budget import Budget
from audit_suite.evidence.scores.scoring import Scoring
from audit_suite.maskings import Shuffled
from audit_suite.registry import EXPLAINERS

NETWORK = """
import torch
from torch import nn

def net():
    torch.manual_seed(0)
    first = nn.Sequential(nn.Conv2d(1, 8, 5, stride=2), nn.BatchNorm2d(8), nn.ReLU(inplace=True))
    second = nn.Sequential(nn.MaxPool2d(3, 2), nn.Conv2d(8, 8, 3), nn.SiLU())
    return nn.Sequential(first, second, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(8, 2))
"""
pytestmark = pytest.mark.filterwarnings("error")

SHOWN = (*MASKINGS, Shuffled("pixels"), Shuffled("patches"))


@pytest.fixture
def cell(tmp_path):
    (tmp_path / "net.py").write_text(NETWORK)
    model = model_card(
        tmp_path,
        'embedding_layer = "3"',
        targets=("consolidation", "other"),
        architecture="net.py:net",
        activation="none",
    )
    return Cell(model, (None,), phantom_card(tmp_path, patients=40), "consolidation")


def source(folder, device, batch=None):
    profile = EvidenceProfile(device=device, threads=1, batch_size=batch)
    return EvidenceSource(EvidenceStore(folder / device), profile, explaining=Budget(images=2))


def computed(requests, here):
    compute(requests, here, print)
    return [here.read(request) for request in requests]


@pytest.mark.usefixtures("gpu")
def test_scores_under_every_masking_are_those_of_the_cpu(tmp_path, cell):
    requests = [r for masking in SHOWN for r in cell.requests(masking)]
    cpu, gpu = (computed(requests, source(tmp_path, device)) for device in ("cpu", "cuda"))
    for request, one, other in zip(requests, cpu, gpu, strict=True):
        assert np.allclose(one.scores, other.scores, atol=1e-5), request.shown.id
        assert np.allclose(one.embeddings, other.embeddings, atol=1e-5), request.shown.id


def test_the_card_waits_for_nobody_between_two_maskings(tmp_path, cell, monkeypatch):
    """Batches are queued one after the other; only what is read of them is waited for."""
    score, waits = Scoring.batch, []
    with software_card() as card:

        def counting(self, *args):
            before = len(card.waited)
            reads = score(self, *args)
            waits.append(card.waited[before:])
            return reads

        monkeypatch.setattr(Scoring, "batch", counting)
        requests = [request for masking in SHOWN for request in cell.requests(masking)]
        computed(requests, source(tmp_path, "cuda", batch=8))
    assert len(waits) == 5
    assert not any(waits[1:])  # whether compiling pays is found at the first


@pytest.mark.usefixtures("gpu")
@pytest.mark.parametrize("method", sorted([*EXPLAINERS, *OF_REGIONS]))
def test_explanations_are_those_of_the_cpu(tmp_path, cell, method):
    requests = cell.explanations(method)
    cpu, gpu = (computed(requests, source(tmp_path, device)) for device in ("cpu", "cuda"))
    for one, other in zip(cpu, gpu, strict=True):
        assert one.arrays.keys() == other.arrays.keys()
        for name, array in one.arrays.items():
            assert np.allclose(array, other.arrays[name], atol=1e-4), name
