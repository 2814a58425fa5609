"""A model whose embedding is the very image it is shown, and how often images are decoded."""

from __future__ import annotations

from collections import Counter

from cards import model_card

from audit_suite.cards import load_dataset_card
from audit_suite.evidence import Cell, EvidenceSource

NET = """
import torch
class Seen(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.flat = torch.nn.Flatten()
        self.weight = torch.nn.Parameter(torch.ones(1))
    def forward(self, batch):
        return self.weight * self.flat(batch)[:, :1]
def seen():
    return Seen()
"""

DATASET = """
schema = 1
name = "d"
reader = "manifest"
manifest = "m.csv"
on_bad_image = "exclude"
[targets.sick]
column = "sick"
roi = ["square"]
[regions.square]
column = "mask"
"""


def seeing_cell(folder, size, more=""):
    """A cell of that model and of a manifest (not written here) whose region is a square.

    Args:
        folder: Where cards and network are written.
        size: Side of the model's input.
        more: Further tables of the data set card.
    """
    (folder / "net.py").write_text(NET)
    layer, network = 'embedding_layer = "flat"', "net.py:seen"
    model = model_card(folder, layer, architecture=network, activation="none", size=size)
    (folder / "d.toml").write_text(DATASET + more)
    return Cell(model, (None,), load_dataset_card(folder / "d.toml"), "sick")


def count_decodes(monkeypatch):
    """How often each image of any data set is decoded for evidence from now on, by index."""
    monkeypatch.setattr("audit_suite.evidence.scores.rescore.rescore", lambda *_: None)
    counts = Counter()
    load = EvidenceSource.dataset

    def counting(self, card):
        loaded = load(self, card)
        if not hasattr(loaded.read, "counted"):
            read = loaded.read

            def wrapped(index):
                counts[index] += 1
                return read(index)

            wrapped.counted = True
            object.__setattr__(loaded, "read", wrapped)
        return loaded

    monkeypatch.setattr(EvidenceSource, "dataset", counting)
    return counts
