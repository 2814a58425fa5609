"""What the engine needs or is compared with: decoding, explaining, the plain protocol."""

from __future__ import annotations

import io
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import numpy as np
import torch
from PIL import Image

from audit_suite.evidence import EvidenceSource
from audit_suite.evidence.arithmetic import computing_in
from audit_suite.evidence.scores.geometry import geometry
from audit_suite.evidence.scores.prepare import prepare
from audit_suite.evidence.scores.prepared import Wanted
from audit_suite.evidence.scores.recalled import Recalled
from audit_suite.registry import EXPLAINERS
from engine.protocol import Plain
from gpu.bench import Bench
from gpu.network import noise
from gpu.scoring import Figures

_METHODS = ("gradient", "grad-cam", "occlusion", "deep")
_REFERENCES = 16
_TOGETHER = 32  # JPEGs that a device decodes at once


def decoding(bench: Bench) -> Iterator[Figures]:
    """Images per second: decoded plainly on one core and on the device, prepared by the engine."""
    px, folder = bench.px, bench.made.folder
    pngs = [(folder / f"{n}.png").read_bytes() for n in range(bench.scale.films)]
    jpegs = [_jpeg(content) for content in pngs]
    for name, files in (("png", pngs), ("jpeg", jpegs)):
        yield {f"decode_{name}_{px}": _per_second(bench, lambda f=files: _decode(f), len(files))}
    yield from _on_device(bench, jpegs)
    yield {f"prepare_cold_{px}": _prepared(bench, bench.source("uncached", cache=False))}
    _prepared(bench, bench.chosen)  # fills the cache, if nothing else has
    yield {f"prepare_warm_{px}": _prepared(bench, bench.chosen)}


def explaining(bench: Bench) -> Iterator[Figures]:
    """Images per second that are explained in fp32, and whether maps made twice are the same."""
    model, px = bench.model(bench.chosen), bench.px
    torch.manual_seed(1)
    images = noise(model, bench.scale.explained + _REFERENCES)
    mine, references = images[: bench.scale.explained], images[bench.scale.explained :]
    for method in _METHODS:
        explainer, maps, took = EXPLAINERS[method], [], []

        def explain(explainer=explainer):
            return explainer.explain(model.module, 0, mine, references, 1).maps

        with computing_in("fp32", model):
            for _ in range(2):
                seconds, made = bench.scale.seconds(explain)
                took.append(seconds)
                maps.append(made.cpu().numpy().tobytes())
        yield {
            f"explained_{method.replace('-', '_')}_{px}": len(mine) / min(took),
            f"maps_identical_{method.replace('-', '_')}_{px}": float(maps[0] == maps[1]),
        }


def plain(bench: Bench) -> Iterator[Figures]:
    """The paper's protocol on the same device: masked images that are scored in a second."""
    made = replace(bench.made, count=bench.scale.plain)
    protocol = Plain(made, bench.scale.device, time.perf_counter)
    seconds, scores = bench.scale.seconds(protocol.scores)
    yield {
        f"plain_asked_{bench.px}": scores.numel() / seconds,
        f"plain_asked_without_dilation_{bench.px}": scores.numel() / (seconds - protocol.dilating),
    }


def _on_device(bench: Bench, jpegs: list[bytes]) -> Iterator[Figures]:
    """By torchvision's decoder of the device, which an installation may lack."""
    from torchvision.io import decode_jpeg

    files = [torch.frombuffer(bytearray(content), dtype=torch.uint8) for content in jpegs]
    some = (files * _TOGETHER)[:_TOGETHER]
    name = f"decode_jpeg_torchvision_{bench.px}"
    try:
        decode_jpeg(some, device=bench.scale.device)
    except RuntimeError as error:
        yield {f"{name}_lacking": str(error).partition("\n")[0]}
        return
    device = bench.scale.device
    yield {name: _per_second(bench, lambda: decode_jpeg(some, device=device), len(some))}


def _prepared(bench: Bench, source: EvidenceSource) -> float:
    """Images per second that the engine's threads prepare, from files or from the cache."""
    spec, dataset = bench.requests[0].model.input, source.dataset(bench.requests[0].dataset)
    areas = sorted({request.shown.area for request in bench.requests if request.shown.hides})
    kept = Recalled(dataset, Wanted({geometry(spec): spec}, areas), source.profile.seed)
    count = min(bench.images, 256)

    def work() -> None:
        with ThreadPoolExecutor(source.profile.threads) as pool:
            list(pool.map(lambda index: prepare(kept, index), range(count)))

    return count / bench.scale.seconds(work)[0]


def _per_second(bench: Bench, work: Callable[[], object], images: int) -> float:
    """Images per second of work on so many, repeated for as long as a rate is measured."""
    count, start = 0, time.perf_counter()
    while (took := time.perf_counter() - start) < bench.scale.rate / 2:
        bench.scale.seconds(work)
        count += images
    return count / took


def _decode(files: list[bytes]) -> None:
    for content in files:
        np.asarray(Image.open(io.BytesIO(content)))


def _jpeg(png: bytes) -> bytes:
    kept = io.BytesIO()
    Image.open(io.BytesIO(png)).save(kept, "JPEG", quality=90)
    return kept.getvalue()
