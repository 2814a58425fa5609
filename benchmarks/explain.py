"""The cost of explanations: seconds per image and memory of every method, in one run.

On DenseNet-121 at 224 pixels, with random weights and one output. Three comparisons: Shapley values
of regions with shap's Partition explainer at 300 evaluations, expected gradients in batches with
shap's own loop over images, and the package's relevance mass with that of Quantus (if it can be
imported).

    python benchmarks/explain.py [--quick] [--json PATH]

The quick run takes about four minutes on one core, the full run three on two idle cores.
"""

from __future__ import annotations

import argparse
import ctypes
import gc
import json
import re
import sys
import time
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torchvision
from rich.console import Console
from rich.table import Table
from torch import Tensor, nn

from audit_suite.evidence.arithmetic import keep_memory
from audit_suite.explainers import Explainer
from audit_suite.explainers.explainer import raw_outputs
from audit_suite.explainers.methods.gradient import ExpectedGradients
from audit_suite.explainers.region_shapley import region_values
from audit_suite.needs.maps.measures import relevance_mass
from audit_suite.registry import EXPLAINERS

PATHS = sys.path[:]  # numba imports the package coverage, and would import the script beside this
sys.path[:] = [path for path in PATHS if Path(path).resolve() != Path(__file__).resolve().parent]
import shap  # noqa: E402

sys.path[:] = PATHS

EVALUATIONS = 300
PLAYERS = (4, 3, 5, 6)
"""Parts of a frame. The first is for the headline figure: two lungs, the heart, and the rest."""
OUTPUTS = 3
"""Outputs of a model for the comparison with shap's loop, which always explains all of them."""
Figures = dict[str, float | str | None]


@dataclass(frozen=True)
class Scale:
    """How much is measured.

    Attributes:
        size: Pixels along a side.
        images: Images explained by each method.
        references: Number of reference images.
        samples: Gradients per image, for expected gradients.
        maps: Number of maps whose relevance mass is computed.
        rounds: Repetitions of each of two compared functions, in turn; the fastest counts.
    """

    size: int = 224
    images: int = 2
    references: int = 4
    samples: int = 200
    maps: int = 256
    rounds: int = 2


QUICK = Scale(images=1, samples=20, maps=64, rounds=1)


def build(outputs: int = 1) -> nn.Module:
    """The network explained."""
    torch.manual_seed(0)
    module: nn.Module = torchvision.models.densenet121(weights=None, num_classes=outputs)
    return module.eval().to(memory_format=torch.channels_last)  # as the engine stores weights


def pictures(count: int, scale: Scale, seed: int) -> Tensor:
    """Normalised noise, shape (count, 3, size, size): the content does not change the cost."""
    rng = torch.Generator().manual_seed(seed)
    return torch.randn(count, 3, scale.size, scale.size, generator=rng)


def timed(work: Callable[[], Any]) -> tuple[float, Any]:
    """Seconds that a function takes, and its result."""
    started = time.perf_counter()
    result = work()
    return time.perf_counter() - started, result


def peak(work: Callable[[], Any]) -> float | None:
    """Peak memory of a function beyond what was held before, in MiB.

    None if the system does not report it.
    """
    gc.collect()
    try:
        ctypes.CDLL(None).malloc_trim(0)
        Path("/proc/self/clear_refs").write_text("5")  # resets the high-water mark
    except (OSError, AttributeError, TypeError):
        work()
        return None
    before = _high_water()
    work()
    return _high_water() - before


def _high_water() -> float:
    status = Path("/proc/self/status").read_text()
    line = re.search(r"VmHWM:\s+(\d+) kB", status)
    assert line is not None
    return int(line[1]) / 1024


def rivals(a: Callable[[], Any], b: Callable[[], Any], rounds: int) -> tuple[float, float]:
    """Seconds of two functions that run in turn, the fastest of each."""
    both = [(timed(a)[0], timed(b)[0]) for _ in range(rounds)]
    first, second = zip(*both, strict=True)
    return min(first), min(second)


def methods(module: nn.Module, scale: Scale, console: Console) -> Figures:
    """Seconds per image and peak memory of every method on pixels."""
    images, references = pictures(scale.images, scale, 1), pictures(scale.references, scale, 2)
    table = Table("method", "seconds per image", "peak MiB", title="methods")
    figures: Figures = {}
    for explainer in EXPLAINERS.values():
        chosen: Explainer = explainer
        if isinstance(explainer, ExpectedGradients):
            chosen = ExpectedGradients(samples=scale.samples)
        seconds: list[float] = []

        def work(chosen: Explainer = chosen, seconds: list[float] = seconds) -> None:
            seconds.append(timed(lambda: chosen.explain(module, 0, images, references, 0))[0])

        memory = peak(work)
        slug = explainer.name.replace("-", "_")
        figures[f"{slug}_seconds"], figures[f"{slug}_peak_mib"] = seconds[0] / len(images), memory
        shown = "-" if memory is None else f"{memory:.0f}"
        table.add_row(explainer.name, f"{seconds[0] / len(images):.2f}", shown)
    console.print(table)
    return figures


def owners(count: int, size: int) -> Tensor:
    """A frame divided into ``count`` stripes, shape (1, size, size)."""
    stripes = torch.arange(size) * count // size
    return stripes.expand(1, size, size).contiguous()


def regions(module: nn.Module, scale: Scale, console: Console) -> Figures:
    """Exact Shapley values of regions, compared with shap's Partition explainer.

    Both replace hidden pixels by the same reference.
    """
    images, reference = pictures(1, scale, 1), pictures(1, scale, 2)

    def ours(count: int) -> None:
        region_values(
            lambda batch: raw_outputs(module, 0, batch),
            *(images, owners(count, scale.size), count, reference),
            seed=0,
            batch_size=16,
        )

    def score(batch: np.ndarray) -> np.ndarray:
        return raw_outputs(module, 0, torch.from_numpy(batch).movedim(3, 1)).numpy()

    last = reference[0].movedim(0, 2).numpy()
    splitter = shap.explainers.Partition(score, shap.maskers.Image(last))
    image = images.movedim(1, 3).numpy()

    def theirs(evaluations: int = EVALUATIONS) -> None:
        splitter(image, max_evals=evaluations, silent=True)

    theirs(4)  # lets shap compile its functions
    ours(1)
    first, second = rivals(lambda: ours(PLAYERS[0]), theirs, scale.rounds)
    figures: Figures = {
        "region_shapley_players": PLAYERS[0],
        "partition_evaluations": EVALUATIONS,
        "region_shapley_seconds": first,
        "shap_partition_seconds": second,
        "region_shapley_vs_partition": second / first,
    }
    table = Table("players", "forwards", "seconds", "Partition, seconds", "times faster")
    for count in PLAYERS:
        seconds = first if count == PLAYERS[0] else timed(partial(ours, count))[0]
        figures[f"region_shapley_vs_partition_{count}_players"] = second / seconds
        row = (count, 2**count, f"{seconds:.2f}", f"{second:.2f}", f"{second / seconds:.1f}")
        table.add_row(*map(str, row))
    console.print(table)
    return figures


def gradients(module: nn.Module, scale: Scale, console: Console) -> Figures:
    """Expected gradients in batches against shap's loop over images, at equal samples."""
    samples = min(scale.samples, 50)
    first, second, difference = _against_loop(module, samples, scale.images, scale)
    many = build(OUTPUTS)
    ours, theirs, _ = _against_loop(many, min(samples, 10), 1, scale)
    console.print(
        f"expected gradients, {samples} samples per image: {first:.2f} s, shap's loop "
        f"{second:.2f} s; for one of {OUTPUTS} outputs {theirs / ours:.1f} times faster"
    )
    return {
        "gradient_samples": samples,
        "gradient_batched_seconds": first,
        "gradient_default_seconds": second,
        "gradient_batched_vs_default": second / first,
        f"gradient_batched_vs_default_{OUTPUTS}_outputs": theirs / ours,
        "gradient_difference": difference,
    }


def _against_loop(
    module: nn.Module, samples: int, count: int, scale: Scale
) -> tuple[float, float, float]:
    """Seconds per image of both, and the largest difference of their maps of the first image."""
    images, references = pictures(count, scale, 1), pictures(scale.references, scale, 2)
    explainer = ExpectedGradients(samples=samples, stratified=False)
    results: dict[str, Any] = {}

    def ours() -> None:
        results["ours"] = explainer.explain(module, 0, images, references, 0).maps

    def theirs() -> None:
        loop = shap.GradientExplainer(module, references)
        results["theirs"] = loop.shap_values(images, nsamples=samples, rseed=0)

    first, second = rivals(ours, theirs, scale.rounds)
    wanted = torch.from_numpy(results["theirs"][0, ..., 0]).sum(dim=0)
    difference = float((results["ours"][0] - wanted).abs().max() / wanted.abs().max())
    return first / count, second / count, difference


def masses(scale: Scale, console: Console) -> Figures:
    """Relevance mass of many maps, compared with Quantus, and their largest difference."""
    rng = np.random.default_rng(0)
    maps = rng.normal(size=(scale.maps, scale.size, scale.size)).astype(np.float32)
    inside = np.zeros(maps.shape, dtype=bool)
    quarter = scale.size // 4
    inside[:, quarter : 2 * quarter, quarter : 3 * quarter] = True
    figures: Figures = {"relevance_mass_maps": len(maps)}
    try:
        from quantus import RelevanceMassAccuracy
    except Exception as error:  # with a newer numpy it may raise anything
        seconds, _ = timed(lambda: relevance_mass(maps, inside))
        reason = f"quantus cannot be imported: {str(error).partition(chr(10))[0]}"
        console.print(f"relevance mass: {seconds:.3f} s; {reason}", markup=False)
        absent: Figures = {
            "relevance_mass_seconds": seconds,
            "relevance_mass_vs_quantus": None,
            "relevance_mass_vs_quantus_reason": reason,
        }
        return figures | absent
    metric = RelevanceMassAccuracy(abs=True, normalise=False, disable_warnings=True)
    results: dict[str, Any] = {}

    def ours() -> None:
        results["ours"] = relevance_mass(maps, inside)

    def theirs() -> None:
        results["theirs"] = metric(
            model=None,
            x_batch=maps[:, None],
            y_batch=np.zeros(len(maps), dtype=int),
            a_batch=maps[:, None],
            s_batch=inside[:, None],
            channel_first=True,
        )

    first, second = rivals(ours, theirs, scale.rounds)
    console.print(f"relevance mass of {len(maps)} maps: {first:.3f} s, Quantus {second:.3f} s")
    return figures | {
        "relevance_mass_seconds": first,
        "relevance_mass_vs_quantus": second / first,
        "relevance_mass_difference": float(np.abs(results["ours"] - results["theirs"]).max()),
    }


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure, print the tables, write the figures."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--quick", action="store_true", help="one image, fewer samples, no rounds")
    parser.add_argument("--json", type=Path, help="write the figures here")
    options = parser.parse_args(arguments)
    scale, console = QUICK if options.quick else Scale(), Console()
    keep_memory()  # as the engine does
    module, started = build(), time.monotonic()
    warnings.filterwarnings("ignore", module="shap")
    figures: Figures = {
        "size": scale.size,
        "images": scale.images,
        "threads": torch.get_num_threads(),
    }
    figures |= masses(scale, console)
    figures |= regions(module, scale, console)
    figures |= gradients(module, scale, console)
    figures |= methods(module, scale, console)
    figures["seconds"] = round(time.monotonic() - started, 1)
    for name, value in figures.items():
        console.print(f"{name}: {value if isinstance(value, str) else _short(value)}", markup=False)
    if options.json:
        options.json.write_text(json.dumps(figures, indent=1) + "\n", encoding="utf-8")


def _short(value: float | None) -> str:
    return "-" if value is None else format(value, ".4g")


if __name__ == "__main__":
    main()
