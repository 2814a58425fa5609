"""What share of a CUDA card does the engine use? DenseNet-121 with random weights, 25 maskings.

- best_bare: images per second of the network alone, in the best precision, layout and batch, and
  compiled;
- engine_share_224, engine_share_512: the engine's rate over the best bare rate of the precision
  that the engine chose, with decoded and measured images at hand, as from a warm cache;
- speedup_default: the engine over fp32 in the batches of a CPU (8 images of 224 pixels), which were
  the default before;
- repeat_identical: 1 if two runs from empty stores give the same bytes, maps included;
- card: its name.

    python benchmarks/gpu.py [--quick] [--json PATH]

It takes under four minutes, most of it compiling; --quick compiles nothing.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from unittest.mock import patch

import numpy as np
import torch
from torch import nn

from audit_suite.evidence import EvidenceSource
from audit_suite.evidence.arithmetic import computing_in, fix_arithmetic
from audit_suite.evidence.profile import FASTEST_FIRST, Precision
from audit_suite.evidence.scores import survey
from audit_suite.explainers.methods.gradient import ExpectedGradients
from audit_suite.models import compiling
from audit_suite.models.audited import AuditedModel
from engine.world import World, run, world

Figures = dict[str, float | str]
_FILMS = 16  # different ones; the data set repeats them
_IMAGES = {224: 1024, 512: 256}
_BATCHES = {224: (64, 256), 512: (64, 128)}
_SECONDS = 1.5  # per rate
_EXPLAINED = 4


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure; exit code 2 without a card."""
    parser = argparse.ArgumentParser(description="the engine on a CUDA card")
    parser.add_argument("--quick", action="store_true", help="fewer images, nothing is compiled")
    parser.add_argument("--json", type=Path, metavar="PATH", help="write the figures here")
    chosen = parser.parse_args(arguments)
    if not torch.cuda.is_available():
        print(
            "benchmarks/gpu.py measures a CUDA card, and PyTorch finds none: run it where "
            "`python -c 'import torch; print(torch.cuda.is_available())'` prints True",
            file=sys.stderr,
        )
        return 2
    figures: Figures = {"card": torch.cuda.get_device_name()}
    for px in _IMAGES:
        with world(px, _FILMS) as made:
            figures |= measure(made, chosen.quick)
    print(json.dumps(figures, indent=1))
    if chosen.json:
        chosen.json.write_text(json.dumps(figures, indent=1) + "\n", encoding="utf-8")
    return 0


def measure(made: World, quick: bool) -> Figures:
    """Every figure of one image size."""
    px, images = made.px, _IMAGES[made.px] // (8 if quick else 1)
    with at_hand(), patch.object(compiling, "WORTH", float("inf") if quick else 0.0):
        source = repeated(made, "chosen", images, precision=None)
        fix_arithmetic(source.profile)
        model = source.model(made.cell.model, None)
        precision = source.precisions.of((made.cell.model, None, made.cell.dataset))
        rates = {p: bare(model, p, _BATCHES[px], not quick) for p in FASTEST_FIRST}
        engine, scores = rate_of(source, made, images)
        figures: Figures = {f"bare_{p}_{px}": rate for p, rate in rates.items()}
        figures |= {
            f"engine_{px}": engine,
            f"engine_share_{px}": engine / rates[precision],
            f"precision_{px}": precision,
        }
        if px != 224:
            return figures
        fewer = max(64, images // 8)
        before = repeated(made, "before", fewer, precision="fp32", batch_size=8)
        again = repeated(made, "again", images, precision=None)
        _, repeat = rate_of(again, made, images)
        same = all(np.array_equal(one, other) for one, other in zip(scores, repeat, strict=True))
        maps = [explained(model) for _ in range(2)]
        return figures | {
            "best_bare": max(rates.values()),
            "speedup_default": engine / rate_of(before, made, fewer)[0],
            "repeat_identical": float(same and torch.equal(*maps)),
            "explained_per_second": _EXPLAINED / seconds(lambda: explained(model)),
        }


@contextmanager
def at_hand() -> Iterator[None]:
    """Prepare each of the films once: what a warm cache of canonical pixels saves."""
    prepare, kept = survey.prepare, {}

    def prepared(dataset, index, wanted):
        key = dataset.digest, index % _FILMS, repr(wanted)
        if key not in kept:
            kept[key] = prepare(dataset, index, wanted)
        return kept[key]

    with patch.object(survey, "prepare", prepared):
        yield


def repeated(
    made: World, name: str, images: int, precision: Precision | None, **profile: int
) -> EvidenceSource:
    """A source whose data set repeats the films, under other patients."""
    source = made.source(name, precision, device="cuda", **profile)
    films = source.dataset(made.cell.dataset)
    cases = tuple(
        replace(films.cases[n % _FILMS], id=f"{n}", patient=f"p{n}") for n in range(images)
    )
    source._datasets[made.cell.dataset] = replace(
        films, cases=cases, read=lambda index: films.read(index % _FILMS)
    )
    return source


def rate_of(source: EvidenceSource, made: World, images: int) -> tuple[float, list[np.ndarray]]:
    """Passes per second of the engine, those of equal images counted once; and its scores."""
    passed: list[int] = []
    score = AuditedModel.score

    def counting(self: AuditedModel, batch: torch.Tensor):
        passed.append(len(batch))
        return score(self, batch)

    source.model(made.cell.model, None)
    source.precisions.of((made.cell.model, None, made.cell.dataset))
    run(source, made.requests()[:1])  # tries batches and compiles
    passed.clear()
    with patch.object(AuditedModel, "score", counting):
        took = seconds(lambda: run(source, made.requests()[1:]))
    rate = sum(passed) / took
    return rate, [source.read(request).scores for request in made.requests()]


def bare(
    model: AuditedModel, precision: Precision, batches: Sequence[int], compiled: bool
) -> float:
    """The best rate of the network alone in a precision, in images per second."""
    spec = model.card.input
    rates = []
    with computing_in(precision, model), torch.inference_mode():
        for size in batches:
            noise = torch.rand(size, spec.channels, *spec.size, device="cuda")
            made = compiling.compiled(model.module, noise) if compiled else None
            for network in [model.module, *([made] if made else [])]:
                rates.append(size * _passes_per_second(network, noise))
    return max(rates)


def _passes_per_second(network: nn.Module | compiling.Compiled, batch: torch.Tensor) -> float:
    network(batch)
    torch.cuda.synchronize()
    start, passes = time.perf_counter(), 0
    while time.perf_counter() - start < _SECONDS:
        network(batch)
        passes += 1
        torch.cuda.synchronize()
    return passes / (time.perf_counter() - start)


def explained(model: AuditedModel) -> torch.Tensor:
    """Maps of a few images by expected gradients."""
    spec = model.card.input
    noise = torch.rand(
        _EXPLAINED + 16, spec.channels, *spec.size, generator=torch.Generator().manual_seed(1)
    ).cuda()
    with computing_in("fp32", model):
        maps = ExpectedGradients().explain(
            model.module, 0, noise[:_EXPLAINED], noise[_EXPLAINED:], 1
        )
    return maps.maps.cpu()


def seconds(work: Callable[[], object]) -> float:
    """Seconds that some work takes, until the card has done it."""
    torch.cuda.synchronize()
    start = time.perf_counter()
    work()
    torch.cuda.synchronize()
    return time.perf_counter() - start


if __name__ == "__main__":
    raise SystemExit(main())
