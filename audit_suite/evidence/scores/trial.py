"""Try a model on a CUDA device: how many images it takes at once, and whether to compile it."""

from __future__ import annotations

import time

import numpy as np
import torch
from torch import Tensor

from audit_suite.cards import canonical_digest
from audit_suite.evidence.arithmetic import computing_in
from audit_suite.evidence.keys import ENGINE_VERSION
from audit_suite.evidence.profile import Precision
from audit_suite.evidence.scores.batches import Usage, fastest, fitting
from audit_suite.evidence.scores.request import ScoreRequest
from audit_suite.evidence.source import EvidenceSource, Progress
from audit_suite.models.audited import AuditedModel
from audit_suite.models.compiling import Compiled, pays
from audit_suite.models.preprocessing import normalise
from audit_suite.out_of_memory import ran_out, too_large
from audit_suite.pulse import beating

_FEW, _MORE = 2, 8  # images between which memory per image is measured
_PASSES = 3  # per measurement of a rate, after one that is not counted


def batch_size(request: ScoreRequest, source: EvidenceSource) -> int:
    """Images per batch for the model of a request, as the profile says or the device can.

    On CUDA the first call tries the model. The size is kept in the store, so that every process and
    later run computes in the same batches.

    Args:
        request: Names the model and the data set.
        source: Models, profile and store.
    """
    profile = source.profile
    most = profile.batch_for(request.model.input.size)
    if profile.device != "cuda" or profile.batch_size is not None:
        return most
    model = source.model(request.model, request.fold)
    with beating():
        return min(most, _measured_once(request, source, model))


def compiled_for(
    request: ScoreRequest, source: EvidenceSource, images: int, size: int, say: Progress
) -> Compiled | None:
    """The model of a request in compiled form, where that pays: on CUDA, for large data sets.

    Args:
        request: Names the model and the data set.
        source: Models and profile.
        images: Images of the data set.
        size: Images per batch.
        say: Called with a line of text if it would pay and cannot be done.
    """
    if source.profile.device != "cuda":
        return None
    model = source.model(request.model, request.fold)
    precision = source.precisions.of(request.pair)
    with beating(), computing_in(precision, model):  # it takes minutes
        if not pays(model.module, _noise(model, 1), images):
            return None
        made = model.compiled_for(_noise(model, size))
    if made is None:
        say(f"{request.model.name}: the network cannot be compiled here; it is used as it is")
    return made


def _measured_once(request: ScoreRequest, source: EvidenceSource, model: AuditedModel) -> int:
    precision = source.precisions.of(request.pair)
    card = torch.cuda.get_device_properties(model.device)
    digest = source.model_digest(request.model, request.fold)
    where = [card.name, card.total_memory, precision]
    key = canonical_digest(["batch", ENGINE_VERSION, digest, *where])
    with source.store.alone(f"batch-{key[:32]}"):
        if (stored := source.store.read(key)) is None:
            size = _measured(model, precision, card.total_memory)
            stored = {"images": np.array([size])}
            source.store.write(key, stored)
    return int(stored["images"][0])


def _measured(model: AuditedModel, precision: Precision, memory: int) -> int:
    """The batch that fits into the card's memory, unless a smaller one is much faster."""
    largest = _largest(model, precision, memory)
    while True:
        try:
            return fastest(largest, lambda size: _rate(model, precision, size))
        except Exception as error:
            if not ran_out(error):
                raise
            if largest == 1:
                raise too_large(model.card.path) from None
        torch.cuda.empty_cache()
        largest //= 2


def _largest(model: AuditedModel, precision: Precision, memory: int) -> int:
    """The batch that should fit, by what passes of few images take."""
    peaks = []
    for images in (_FEW, _MORE):
        try:
            peaks.append((images, _peak(model, precision, images)))
        except Exception as error:
            if not ran_out(error):
                raise
            return images // 2
    return fitting(Usage.between(*peaks), memory)


def _peak(model: AuditedModel, precision: Precision, size: int) -> int:
    """Bytes of the card at the peak of a pass."""
    batch = _noise(model, size)
    torch.cuda.synchronize()
    torch.cuda.reset_peak_memory_stats()
    with computing_in(precision, model):
        model.score(batch)
    torch.cuda.synchronize()
    return torch.cuda.max_memory_allocated()


def _rate(model: AuditedModel, precision: Precision, size: int) -> float:
    """Images per second."""
    batch = _noise(model, size)
    with computing_in(precision, model):
        model.score(batch)
        torch.cuda.synchronize()
        start = time.perf_counter()
        for _ in range(_PASSES):
            model.score(batch)
        torch.cuda.synchronize()
    return _PASSES * size / (time.perf_counter() - start)


def _noise(model: AuditedModel, size: int) -> Tensor:
    return normalise(model.noise(size), model.card.input)
