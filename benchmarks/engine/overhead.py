"""What the engine costs beyond the network's own passes over the images that differ."""

from __future__ import annotations

import torch
from torch import nn

from audit_suite.evidence.arithmetic import fix_arithmetic
from audit_suite.models.audited import AuditedModel
from engine.world import World, cpu_seconds, run, world

_SIZES = {224: (16, 8), 512: (4, 2)}  # side of the images: how many, and in a quick run
_BEFORE = 2  # parts of the bare passes before the engine, and as many after it


def figures(quick: bool) -> dict[str, float]:
    """``overhead``: seconds of the engine per second of bare passes, the larger of two sizes.

    The bare passes are measured half before and half after the engine, in the same batches.
    """
    measured: dict[str, float] = {}
    for px, (count, fewer) in _SIZES.items():
        with world(px, fewer if quick else count) as made:
            measured[f"overhead_{px}"], share = _overhead(made)
            measured[f"forwards_{px}"] = share
    return {"overhead": max(measured[f"overhead_{px}"] for px in _SIZES)} | measured


def _overhead(made: World) -> tuple[float, float]:
    """The ratio, and the share of the images asked for that were passed through the network."""
    source, requests = made.source("engine"), made.requests()
    fix_arithmetic(source.profile)
    model = source.model(made.cell.model, None)
    sizes: list[int] = []
    counting = model.module.register_forward_pre_hook(
        lambda _module, inputs: sizes.append(len(inputs[0]))
    )
    batch = source.profile.batch_for(made.cell.model.input.size)
    bare = cpu_seconds(lambda: _bare(model, [batch] * 2, made.px))  # warm up, not counted
    sizes.clear()
    half = _planned(made, batch)
    bare = cpu_seconds(lambda: _bare(model, half, made.px))
    sizes.clear()
    engine = cpu_seconds(lambda: run(source, requests))
    passed = list(sizes)
    counting.remove()
    bare += cpu_seconds(lambda: _bare(model, half, made.px))
    per_image = bare / (2 * sum(half))
    return engine / (per_image * sum(passed)), sum(passed) / (len(requests) * made.count)


def _planned(made: World, batch: int) -> list[int]:
    """About half as many passes as the engine will make."""
    return [batch] * max(2, 10 * made.count // batch)


def _bare(model: AuditedModel, sizes: list[int], px: int) -> None:
    module: nn.Module = model.module
    with torch.inference_mode():
        for size in sizes:
            module(torch.rand(size, 3, px, px))
