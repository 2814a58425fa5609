"""Requests of scores and explanations of a few phantoms, and all evidence that comes of them."""

from __future__ import annotations

from cards import model_card, phantom_card

from audit_suite.evidence import Cell, EvidenceProfile, EvidenceSource, EvidenceStore, compute
from audit_suite.evidence.budget import Budget
from audit_suite.maskings import Full, OnlyROI, WithoutROI

NET = """
import torch

class Mean(torch.nn.Module):
    def __init__(self, factor):
        super().__init__()
        self.factor = factor
    def forward(self, batch):
        return self.factor * (batch.mean(dim=(1, 2, 3)) - 0.35)

def build(factor=1.0):
    return Mean(factor)
"""
MASKINGS = (Full(), WithoutROI(), OnlyROI(whose="elsewhere"), WithoutROI(region=("frame.rim",)))


def requests(folder, name="m", factor=1.0):
    (folder / "net.py").write_text(NET)
    arguments = f"arguments = {{ factor = {factor} }}"
    model = model_card(
        folder, arguments, name=name, targets=["consolidation"], architecture="net.py:build"
    )
    data = phantom_card(folder, patients=12, more="shortcuts = []")
    cell = Cell(model, (None,), data, "consolidation")
    wanted = [request for masking in MASKINGS for request in cell.requests(masking)]
    return [*wanted, *cell.explanations("region-shapley")]


def source(folder, store, cache, shared=None):
    return EvidenceSource(
        EvidenceStore(folder / store),
        EvidenceProfile(device="cpu", threads=1),
        explaining=Budget(images=4),
        cache=None if cache is None else folder / cache,
        shared_cache=shared,
    )


def evidence(folder, store):
    """All that is stored, by key, to the last bit."""
    kept = EvidenceStore(folder / store)
    keys = sorted(file.stem for file in (folder / store).glob("??/*.safetensors"))
    arrays = {key: kept.read(key) for key in keys}
    return {key: {n: (a.dtype.str, a.tobytes()) for n, a in arrays[key].items()} for key in keys}


def computed(folder, wanted, store, cache, shared=None):
    """Compute what is wanted; nothing may fail. Returns what was said of the cache."""
    here, said = source(folder, store, cache, shared), []
    compute(wanted, here, said.append)
    assert not here.failures
    return [line for line in said if "--audit-cache" in line]
