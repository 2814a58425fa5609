"""The engine: how fast it passes masked images, what compiling adds, and whether runs repeat."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any
from unittest.mock import patch

import torch
from torch import Tensor

from audit_suite.evidence import EvidenceSource
from audit_suite.evidence.arithmetic import computing_in
from audit_suite.evidence.scores import scoring as engine_scoring
from audit_suite.evidence.scores.request import ScoreRequest
from audit_suite.models import compiling
from audit_suite.models.audited import AuditedModel
from engine.world import run
from gpu.bench import Bench, uncompiled
from gpu.network import best_rate, freely, noise, rate

Figures = dict[str, float | str]
_FIRST = 2  # maskings of a first pass, which fills the cache and chooses a batch


def eager(bench: Bench) -> Iterator[Figures]:
    """The engine as it is on a data set that is not worth compiling for, and the network alone."""
    px, scale = bench.px, bench.scale
    with uncompiled():
        run(bench.chosen, bench.requests[:_FIRST])
        model, precision, batch = bench.model(bench.chosen), bench.precision, bench.batch
        yield {f"precision_{px}": precision, f"batch_{px}": batch}
        own = rate(model, precision, batch, scale)
        best = best_rate(model, precision, (max(1, batch // 2), batch * 2), scale)
        yield {f"bare_own_{px}": own, f"bare_{precision}_{px}": max(own, best)}
        passes, asked = _rates(bench, bench.chosen, bench.requests[_FIRST:])
        yield {f"engine_eager_{px}": passes, f"engine_asked_{px}": asked}
        with freely():
            yield {f"bare_free_{px}": rate(model, precision, batch, scale)}
        for other in scale.precisions:
            if other != precision:
                yield {f"bare_{other}_{px}": best_rate(model, other, [batch], scale)}


def repeated(bench: Bench) -> Iterator[Figures]:
    """Whether another run from an empty store gives the same bytes, embeddings included."""
    with uncompiled():
        run(bench.chosen, bench.requests)  # only what is missing, if the part above was not asked
        again = bench.source("again")
        run(again, bench.requests)
        same = _bytes_of(bench.chosen, bench.requests) == _bytes_of(again, bench.requests)
        yield {
            f"scores_identical_{bench.px}": float(same),
            f"batch_again_{bench.px}": bench.batch_of(again),
        }


def before(bench: Bench) -> Iterator[Figures]:
    """The default before: fp32, not compiled, 8 images of 224 pixels at a time."""
    batch = max(1, 8 * 224 * 224 // bench.px**2)
    source = bench.source("before", "fp32", bench.scale.before, batch)
    with uncompiled():
        run(source, bench.requests[:_FIRST])
        passes, _ = _rates(bench, source, bench.requests[_FIRST:])
    yield {f"engine_before_{bench.px}": passes}


def compiled(bench: Bench) -> Iterator[Figures]:
    """The engine with a compiled network, as on a large data set: one graph."""
    px, scale = bench.px, bench.scale
    with uncompiled():  # by the engine: it is done here, and timed
        precision, batch = bench.precision, bench.batch
        source = bench.source("compiled", batch=batch)
        model = bench.model(source)
        torch._dynamo.reset()  # of another size: eight graphs, and nothing is compiled any more
        graphs = _graphs()
        with _noted() as failures, computing_in(precision, model):
            images = noise(model, batch)
            took, made = scale.seconds(lambda: compiling.compiled(model.module, images))
        if made is None:
            why = failures[-1] if failures else "its outputs differ from the network's own"
            yield {f"compiled_{px}": f"no: {why}"}
            return
        yield {f"compiled_{px}": "yes", f"compile_seconds_{px}": took}
        yield {f"bare_compiled_{px}": rate(model, precision, batch, scale, made)}
    with patch.object(engine_scoring, "compiled_for", lambda *_: made):
        run(source, bench.requests[:_FIRST])
        passes, asked = _rates(bench, source, bench.requests[_FIRST:])
        yield {f"engine_compiled_{px}": passes, f"engine_asked_{px}": asked}
        yield {f"graphs_{px}": _graphs() - graphs}
        first = _bytes_of(source, bench.requests[_FIRST:])
        for request in bench.requests[_FIRST:]:
            for key in request.keys(source):
                source.store.discard(key)
        run(source, bench.requests[_FIRST:])
        same = first == _bytes_of(source, bench.requests[_FIRST:])
        yield {f"compiled_scores_identical_{px}": float(same)}


def _rates(
    bench: Bench, source: EvidenceSource, requests: Sequence[ScoreRequest]
) -> tuple[float, float]:
    """Images per second that the engine passes, and that it was asked for.

    Versions of an image that look the same are asked for several times, and passed once.
    """
    passed: list[int] = []
    score = AuditedModel.score

    def counting(self: AuditedModel, batch: Tensor) -> Any:
        passed.append(len(batch))
        return score(self, batch)

    with patch.object(AuditedModel, "score", counting):
        took, tables = bench.scale.seconds(lambda: run(source, list(requests)))
    return sum(passed) / took, sum(len(table.scores) for table in tables) / took


def _bytes_of(source: EvidenceSource, requests: Sequence[ScoreRequest]) -> list[bytes]:
    """All that is stored for some requests."""
    stored = []
    for request in requests:
        for key in request.keys(source):
            arrays = source.store.read(key) or {}
            stored.append(b"".join(name.encode() + arrays[name].tobytes() for name in arrays))
    return stored


@contextmanager
def _noted() -> Iterator[list[str]]:
    """Note why a network cannot be compiled: the engine goes on without a word."""
    failures: list[str] = []
    compile_network = torch.compile

    def noting(*arguments: Any, **options: Any) -> Callable[[Tensor], Any]:
        made = compile_network(*arguments, **options)

        def call(batch: Tensor) -> Any:
            try:
                return made(batch)
            except Exception as error:
                failures.append(f"{type(error).__name__}: {str(error).partition(chr(10))[0]}")
                raise

        return call

    with patch.object(torch, "compile", noting):
        yield failures


def _graphs() -> int:
    return int(torch._dynamo.utils.counters["stats"]["unique_graphs"])
