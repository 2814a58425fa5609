"""A network of torchvision with random weights, and a few films with masks to show it."""

from __future__ import annotations

import csv
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
import torchvision
from PIL import Image
from torch import nn

from audit_suite.cards import load_dataset_card, load_model_card
from audit_suite.evidence import Cell, EvidenceProfile, EvidenceSource, EvidenceStore
from audit_suite.evidence.cores import usable_cores
from audit_suite.evidence.precision import precision_key
from audit_suite.evidence.profile import Precision
from audit_suite.evidence.scores.compute import compute_scores
from audit_suite.evidence.scores.request import ScoreRequest, ScoreTable
from audit_suite.evidence.source import plan
from audit_suite.maskings import Full, Masking, OnlyROI, WithoutROI

DILATIONS = (0, 10, 20, 30, 50, 75, 100, 150, 200, 300, 500)
MASKINGS: tuple[Masking, ...] = (
    Full(),
    WithoutROI(shape="box"),
    OnlyROI(shape="box"),
    *(make(dilation=k) for make in (WithoutROI, OnlyROI) for k in DILATIONS),
)
"""The paper's five and its sweep of dilations: 25, of which large dilations hide the same."""

_MODEL = """
schema = 1
name = "network"
targets = ["finding"]
loader = "architecture"
architecture = "torchvision:{network}"
arguments = {{ num_classes = 1 }}
weights = "net.pt"
activation = "sigmoid"
embedding_layer = "features"
trusted = true

[input]
size = [{px}, {px}]
channels = 3
resize = "stretch"
mean = [0.485, 0.456, 0.406]
std = [0.229, 0.224, 0.225]
"""
_DATA = """
schema = 1
name = "films"
reader = "manifest"
manifest = "films.csv"

[targets.finding]
column = "finding"
roi = ["lungs"]

[regions.lungs]
column = "mask"
"""


@dataclass(frozen=True)
class World:
    """A folder with cards, images and weights.

    Attributes:
        folder: Where they are.
        px: Side of the images.
        count: How many there are.
        network: Its name in torchvision.
    """

    folder: Path
    px: int
    count: int
    network: str

    @property
    def cell(self) -> Cell:
        """The model on the films."""
        model = load_model_card(self.folder / "model.toml")
        return Cell(model, (None,), load_dataset_card(self.folder / "films.toml"), "finding")

    def requests(self) -> list[ScoreRequest]:
        """Scores under all maskings."""
        return [request for masking in MASKINGS for request in self.cell.requests(masking)]

    def source(
        self,
        name: str,
        precision: Precision | None = "fp32",
        cache: Path | None = None,
        **profile: object,
    ) -> EvidenceSource:
        """A source with an empty store, and the model loaded."""
        chosen = {"device": "cpu", "threads": usable_cores(), "precision": precision} | profile
        store = EvidenceStore(self.folder / name)
        source = EvidenceSource(store, EvidenceProfile(**chosen), cache=cache)
        source.model(self.cell.model, None)
        if precision != "fp32":  # random weights give almost equal scores, which any rounding moves
            pair = self.cell.model, None, self.cell.dataset
            unchanged = np.array([0.0, 0.0, 1.0])
            source.store.write(precision_key(source, pair), {"bf16": unchanged, "tf32": unchanged})
        return source


def run(source: EvidenceSource, requests: list[ScoreRequest]) -> list[ScoreTable]:
    """Compute the scores of one model, as an audit does."""
    ordered = plan(requests)
    compute_scores(ordered, source, lambda line: None)
    return [source.read(request) for request in requests]


def build(network: str) -> nn.Module:
    """A network of torchvision with one output and random weights, always the same."""
    torch.manual_seed(0)
    made: nn.Module = getattr(torchvision.models, network)(weights=None, num_classes=1)
    return made.eval()


@contextmanager
def world(px: int, count: int, network: str = "densenet121") -> Iterator[World]:
    """Make films of noise with two bright lungs, their masks, cards and weights.

    Args:
        px: Side in pixels.
        count: Images.
        network: Its name in torchvision; one with a layer ``features``.
    """
    rng = np.random.default_rng(7)
    with tempfile.TemporaryDirectory(prefix="engine-") as place:
        folder = Path(place)
        rows = [_film(folder, px, number, rng) for number in range(count)]
        with (folder / "films.csv").open("w", newline="") as file:
            writer = csv.DictWriter(file, list(rows[0]))
            writer.writeheader()
            writer.writerows(rows)
        (folder / "films.toml").write_text(_DATA)
        (folder / "model.toml").write_text(_MODEL.format(px=px, network=network))
        torch.save(build(network).state_dict(), folder / "net.pt")
        yield World(folder, px, count, network)


def _film(folder: Path, px: int, number: int, rng: np.random.Generator) -> dict[str, object]:
    rows, columns = np.mgrid[:px, :px] / px
    lungs = np.zeros((px, px), np.bool_)
    for middle in (0.3, 0.7):
        wide, high = rng.uniform(0.1, 0.16), rng.uniform(0.2, 0.3)
        lungs |= ((columns - middle) / wide) ** 2 + ((rows - 0.5) / high) ** 2 < 1
    grey = rng.normal(110, 25, (px, px)) + 60 * lungs
    Image.fromarray(grey.clip(0, 255).astype(np.uint8)).save(folder / f"{number}.png")
    Image.fromarray((255 * lungs).astype(np.uint8)).save(folder / f"{number}-lungs.png")
    return {
        "image": f"{number}.png",
        "patient_id": f"p{number}",
        "finding": number % 2,
        "mask": f"{number}-lungs.png",
    }


def cpu_seconds(work: Callable[[], object]) -> float:
    """Processor time that this process spends on some work, all threads together."""
    start = time.process_time()
    work()
    return time.process_time() - start
