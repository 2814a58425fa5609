"""The network alone: images per second of random images that are on the device already."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor

from audit_suite.evidence.arithmetic import computing_in
from audit_suite.evidence.profile import Precision
from audit_suite.models.audited import AuditedModel
from audit_suite.out_of_memory import ran_out
from gpu.bench import Scale

_QUEUED = 4  # passes between two looks at the clock: a card that is waited for each time idles


def best_rate(
    model: AuditedModel, precision: Precision, batches: Iterable[int], scale: Scale
) -> float:
    """The best of some batches in a precision; those for which memory runs out do not count."""
    rates = []
    for batch in batches:
        try:
            rates.append(rate(model, precision, batch, scale))
        except Exception as error:
            if not ran_out(error) or not rates:
                raise
    return max(rates)


def rate(
    model: AuditedModel,
    precision: Precision,
    batch: int,
    scale: Scale,
    network: Callable[[Tensor], Any] | None = None,
) -> float:
    """Images per second in a precision, laid out and with the algorithms that the engine takes.

    Args:
        model: The model.
        precision: Its arithmetic.
        batch: Images in a pass.
        scale: The device, and for how long it is measured.
        network: Another form of the model's network.
    """
    images = noise(model, batch)
    run = network or model.module

    def passes() -> None:
        for _ in range(_QUEUED):
            run(images)
        scale.wait()

    with computing_in(precision, model), torch.inference_mode():
        passes()
        count, start = 0, time.perf_counter()
        while (took := time.perf_counter() - start) < scale.rate:
            passes()
            count += _QUEUED
    return count * batch / took


def noise(model: AuditedModel, batch: int) -> Tensor:
    """Random images, made where gradients are tracked, as the engine's are.

    A compiled network takes those that are made in inference mode for another input, and compiles
    once more.
    """
    spec = model.card.input
    return torch.rand(batch, spec.channels, *spec.size, device=model.device)


@contextmanager
def freely() -> Iterator[None]:
    """Let cuDNN try algorithms and take the fastest, though runs then differ in the last digits."""
    cudnn, warn = torch.backends.cudnn, torch.is_deterministic_algorithms_warn_only_enabled()
    before = cudnn.benchmark, cudnn.deterministic, torch.are_deterministic_algorithms_enabled()
    cudnn.benchmark, cudnn.deterministic = True, False
    torch.use_deterministic_algorithms(False)
    try:
        yield
    finally:
        cudnn.benchmark, cudnn.deterministic, fixed = before
        torch.use_deterministic_algorithms(fixed, warn_only=warn)
