"""The engine against the paper's protocol done plainly, for all maskings of one model."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from scipy.ndimage import binary_dilation
from torch import Tensor, nn

from audit_suite.cards import load_dataset_card, load_model_card
from audit_suite.evidence import Cell, EvidenceProfile, EvidenceSource, EvidenceStore
from audit_suite.evidence.arithmetic import fix_arithmetic
from audit_suite.evidence.cores import computes_bf16, usable_cores
from audit_suite.evidence.scores.neutral import _auroc
from audit_suite.maskings import PAPER, Masking
from engine.world import MASKINGS, World, cpu_seconds, run, world

_SIZES = {224: (8, 4), 512: (2, 2)}
_BATCH = 2  # the paper's
_CASES = 1000, 200  # phantoms on which AUROCs are compared
_ZOO = Path(__file__).resolve().parents[2] / "model_zoo"


def figures(quick: bool) -> dict[str, float]:
    """Speed-ups over the plain protocol, the smaller of two sizes, and what they change."""
    measured: dict[str, float] = {}
    gaps = []
    for px, (count, fewer) in _SIZES.items():
        if quick and px != min(_SIZES):
            continue
        with world(px, fewer if quick else count) as made:
            gaps.append(_compare(made, measured))
    for name in ("speedup_fp32", "speedup_bf16"):
        if by_size := [value for key, value in measured.items() if key.startswith(f"{name}_")]:
            measured[name] = min(by_size)
    measured["score_difference_fp32"] = max(gaps)
    if computes_bf16():
        measured["auc_difference_bf16"] = _auroc_difference(_CASES[quick])
    return measured


def _compare(made: World, measured: dict[str, float]) -> float:
    """Measure at one size; returns the largest difference of a score in fp32."""
    engine = made.source("engine")
    fix_arithmetic(engine.profile)
    plain = torch.zeros(len(MASKINGS), made.count)
    network = _plain_network(made)
    seconds = cpu_seconds(lambda: plain.copy_(_protocol(network, made)))
    tables = []
    took = cpu_seconds(lambda: tables.extend(run(engine, made.requests())))
    measured[f"speedup_fp32_{made.px}"] = seconds / took
    if computes_bf16():
        faster = made.source("bf16", "bf16")
        took = cpu_seconds(lambda: run(faster, made.requests()))
        measured[f"speedup_bf16_{made.px}"] = seconds / took
    scores = np.stack([table.scores[:, 0] for table in tables])
    return float(np.abs(scores - plain.numpy()).max())


def _plain_network(made: World) -> nn.Module:
    from torchvision.models import densenet121

    network = densenet121(weights=None, num_classes=1).eval()
    network.load_state_dict(torch.load(made.folder / "net.pt", weights_only=True))
    return network


def _protocol(network: nn.Module, made: World) -> Tensor:
    """Scores by masking and image; the embeddings of the paper's five take a pass of their own."""
    with torch.inference_mode():
        scores = torch.stack(
            [torch.cat([network(batch)[:, 0] for batch in _shown(m, made)]) for m in MASKINGS]
        )
        for masking in PAPER:
            for batch in _shown(masking, made):
                network.features(batch).mean(dim=(2, 3))
    return scores


def _shown(masking: Masking, made: World) -> Iterator[Tensor]:
    """Batches of two, each image decoded and its mask dilated again for every masking."""
    mean, std = (torch.tensor(v)[:, None, None] for v in _normalisation(made))
    images = []
    for number in range(made.count):
        image = np.asarray(Image.open(made.folder / f"{number}.png"))
        if masking.hides:
            region = np.asarray(Image.open(made.folder / f"{number}-lungs.png")) > 0
            if masking.dilation:
                region = binary_dilation(region, iterations=masking.dilation)
            if masking.shape == "box":
                rows, columns = (np.flatnonzero(region.any(axis=axis)) for axis in (1, 0))
                region = np.zeros_like(region)
                region[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1] = True
            image = np.where(region == (masking.keep == "inside"), image, 0)
        pixels = torch.from_numpy(image.astype(np.float32) / 255).expand(3, -1, -1)
        images.append((pixels - mean) / std)
    yield from torch.split(torch.stack(images), _BATCH)


def _normalisation(made: World) -> tuple[tuple[float, ...], tuple[float, ...]]:
    spec = made.cell.model.input
    return tuple(spec.mean), tuple(spec.std)


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
