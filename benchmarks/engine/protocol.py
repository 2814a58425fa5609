"""The engine against the paper's protocol done plainly, for all maskings of one model."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from scipy.ndimage import binary_dilation
from torch import Tensor

from audit_suite.cards import load_dataset_card, load_model_card
from audit_suite.evidence import Cell, EvidenceProfile, EvidenceSource, EvidenceStore
from audit_suite.evidence.arithmetic import fix_arithmetic
from audit_suite.evidence.cores import computes_bf16, usable_cores
from audit_suite.evidence.scores.neutral import _auroc
from audit_suite.evidence.scores.request import ScoreTable
from audit_suite.maskings import PAPER, Masking
from engine.world import MASKINGS, World, build, cpu_seconds, run, world

_SIZES = {224: (8, 4), 512: (2, 2)}
_BATCH = 2  # the paper's
_CASES = 1000, 200  # phantoms on which AUROCs are compared
_ZOO = Path(__file__).resolve().parents[2] / "model_zoo"


def figures(quick: bool) -> dict[str, float]:
    """Speed-ups over the plain protocol, the smaller of two sizes, and what they change.

    Returns:
        ``speedup_fp32`` and ``speedup_bf16``, with the seconds in which the plain protocol dilates
        masks; the same with ``_without_dilation``, which compares all else; ``dilation_share``, the
        part of the plain protocol's time that dilating is, the larger of two sizes; and how far
        scores and AUROCs differ.
    """
    measured: dict[str, float] = {}
    gaps = []
    for px, (count, fewer) in _SIZES.items():
        if quick and px != min(_SIZES):
            continue
        with world(px, fewer if quick else count) as made:
            gaps.append(_compare(made, measured))
    for precision in ("fp32", "bf16"):
        for name in (f"speedup_{precision}", f"speedup_{precision}_without_dilation"):
            if by_size := [measured[f"{name}_{px}"] for px in _SIZES if f"{name}_{px}" in measured]:
                measured[name] = min(by_size)
    measured["dilation_share"] = max(
        measured[f"dilation_seconds_{px}"] / measured[f"plain_seconds_{px}"]
        for px in _SIZES
        if f"plain_seconds_{px}" in measured
    )
    measured["score_difference_fp32"] = max(gaps)
    if computes_bf16():
        measured["auc_difference_bf16"] = _auroc_difference(_CASES[quick])
    return measured


def _compare(made: World, measured: dict[str, float]) -> float:
    """Measure at one size; returns the largest difference of a score in fp32."""
    engine, px = made.source("engine"), made.px
    fix_arithmetic(engine.profile)
    plain = Plain(made)
    scores: list[Tensor] = []
    seconds = cpu_seconds(lambda: scores.append(plain.scores()))
    measured |= {f"plain_seconds_{px}": seconds, f"dilation_seconds_{px}": plain.dilating}

    def compare(precision: str, took: float) -> None:
        measured[f"speedup_{precision}_{px}"] = seconds / took
        without = (seconds - plain.dilating) / took
        measured[f"speedup_{precision}_without_dilation_{px}"] = without

    tables: list[ScoreTable] = []
    compare("fp32", cpu_seconds(lambda: tables.extend(run(engine, made.requests()))))
    if computes_bf16():
        faster = made.source("bf16", "bf16")
        compare("bf16", cpu_seconds(lambda: run(faster, made.requests())))
    ours = np.stack([table.scores[:, 0] for table in tables])
    return float(np.abs(ours - scores[0].numpy()).max())


class Plain:
    """The paper's protocol done plainly: every image decoded and masked again for every masking.

    Attributes:
        dilating: Seconds spent so far on growing masks by one pixel at a time, which a larger
            structuring element or a distance transform would take less of.
    """

    def __init__(
        self,
        made: World,
        device: str = "cpu",
        clock: Callable[[], float] = time.process_time,
    ) -> None:
        self.dilating = 0.0
        self._made = made
        self._device = device
        self._clock = clock
        self._network = build(made.network)
        weights = torch.load(made.folder / "net.pt", weights_only=True)
        self._network.load_state_dict(weights)
        self._network.to(device)
        spec = made.cell.model.input
        self._mean, self._std = (torch.tensor(v)[:, None, None] for v in (spec.mean, spec.std))

    def scores(self) -> Tensor:
        """Scores by masking and image; embeddings of the paper's five take a pass of their own."""
        with torch.inference_mode():
            scores = torch.stack(
                [
                    torch.cat([self._network(batch)[:, 0] for batch in self._shown(masking)])
                    for masking in MASKINGS
                ]
            )
            for masking in PAPER:
                for batch in self._shown(masking):
                    self._network.features(batch).mean(dim=(2, 3))
        return scores.cpu()

    def _shown(self, masking: Masking) -> Iterator[Tensor]:
        """Batches of two."""
        images = [self._image(masking, number) for number in range(self._made.count)]
        for batch in torch.split(torch.stack(images), _BATCH):
            yield batch.to(self._device)

    def _image(self, masking: Masking, number: int) -> Tensor:
        folder = self._made.folder
        image = np.asarray(Image.open(folder / f"{number}.png"))
        if masking.hides:
            region = np.asarray(Image.open(folder / f"{number}-lungs.png")) > 0
            if masking.dilation:
                start = self._clock()
                region = binary_dilation(region, iterations=masking.dilation)
                self.dilating += self._clock() - start
            if masking.shape == "box":
                rows, columns = (np.flatnonzero(region.any(axis=axis)) for axis in (1, 0))
                region = np.zeros_like(region)
                region[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1] = True
            image = np.where(region == (masking.keep == "inside"), image, 0)
        pixels = torch.from_numpy(image.astype(np.float32) / 255).expand(3, -1, -1)
        return (pixels - self._mean) / self._std


def _auroc_difference(cases: int) -> float:
    """Largest change of an AUROC of a trained network in bf16, on phantoms under five maskings."""
    model = load_model_card(_ZOO / "models/phantom-honest.toml")
    dataset = load_dataset_card(_ZOO / "datasets/phantom-cxr.toml")
    cell = Cell(model, (None,), dataset, "consolidation")
    requests = [request for masking in PAPER for request in cell.requests(masking)]
    aurocs = []
    with tempfile.TemporaryDirectory(prefix="engine-") as place:
        for precision in ("fp32", "bf16"):
            profile = EvidenceProfile(device="cpu", threads=usable_cores(), precision=precision)
            store = EvidenceStore(Path(place) / precision)
            source = EvidenceSource(store, profile, max_cases=cases)
            labels = [case.labels["consolidation"] for case in source.dataset(dataset).cases]
            kinds = np.array(labels, np.float64)
            aurocs.append([_auroc(table.scores[:, 0], kinds) for table in run(source, requests)])
    return float(np.abs(np.subtract(*aurocs)).max())
