"""Compute missing attributions: explain the model, and test each method."""

from __future__ import annotations

import gc
from collections.abc import Callable, Sequence
from dataclasses import replace

import torch

from audit_suite.errors import AuditError
from audit_suite.evidence.arithmetic import (
    computing_in,
    fix_arithmetic,
    repeatable_gradients,
)
from audit_suite.evidence.attributions.batch import ExplainedBatch, make_batch
from audit_suite.evidence.attributions.curves import deletion_and_insertion
from audit_suite.evidence.attributions.pixels import explain_pixels, sized
from audit_suite.evidence.attributions.regions import explain_regions
from audit_suite.evidence.attributions.request import OF_REGIONS, AttributionRequest
from audit_suite.evidence.claimed import compute_claimed
from audit_suite.evidence.source import EvidenceSource, Progress
from audit_suite.evidence.store import Arrays, pack_lines
from audit_suite.explainers.explainer import batch_for
from audit_suite.out_of_memory import of_the_machine, ran_out
from audit_suite.pulse import counted
from audit_suite.verdict import NotApplicable


def compute_attributions(
    requests: Sequence[AttributionRequest], source: EvidenceSource, progress: Progress
) -> None:
    """Compute and store the attributions that are missing.

    Safe for several processes with one store: each claims what it computes.

    Args:
        requests: The requested attributions, as planned (`evidence.plan`).
        source: Data sets, models, profile and store.
        progress: Called with a line of text if memory runs out.
    """
    fix_arithmetic(source.profile)

    def make(request: AttributionRequest) -> Arrays:
        progress(_beginning(request, source))
        model = source.model(request.model, request.fold)
        passes = counted(request.passes(source))
        with passes, computing_in("fp32", model), repeatable_gradients(model):
            return _compute(request, source, progress)

    compute_claimed(requests, source, make)


def _beginning(request: AttributionRequest, source: EvidenceSource) -> str:
    images = request.effort(source).images
    return (
        f"{request.model.fold_name(request.fold)}: {request.words}, up to {images} images, about "
        f"{request.passes(source):,} forward passes"
    )


def _compute(request: AttributionRequest, source: EvidenceSource, progress: Progress) -> Arrays:
    try:
        return _explained(request, make_batch(request, source), progress)
    except NotApplicable as refused:
        return {"refused": pack_lines([str(refused)])}
    except (RuntimeError, MemoryError) as error:  # the machine, or a network beyond the method
        first_line = str(error).partition("\n")[0]
        if request.method not in OF_REGIONS and not of_the_machine(error):
            reason = f"{request.method} cannot handle this model: {first_line}"
            return {"refused": pack_lines([reason])}
        raise AuditError(
            f"{request.method} of '{request.model.name}' failed: {first_line}",
            "if memory ran out, use a smaller --audit-batch-size or --audit-device=cpu; stored "
            "evidence is kept",
        ) from None


def _explained(request: AttributionRequest, batch: ExplainedBatch, progress: Progress) -> Arrays:
    def fitting(
        work: Callable[[ExplainedBatch], Arrays], most: int, divides: bool = True
    ) -> Arrays:
        """The work, with half as many images at once whenever memory runs out."""
        nonlocal batch
        while True:
            try:
                return work(batch)
            except Exception as error:
                size = (batch.profile.batch_size or most) // 2
                if not divides or size == 0 or not ran_out(error):
                    raise
            gc.collect()  # a network that was left halfway holds itself, and what it computed
            torch.cuda.empty_cache()
            batch = replace(batch, profile=batch.profile.model_copy(update={"batch_size": size}))
            progress(
                f"{request.model.name}: memory ran out; {request.method} goes on with {size} "
                f"images at once"
            )

    if request.method in OF_REGIONS:
        own = batch.profile.batch_for(request.model.input.size)
        return fitting(lambda each: explain_regions(each, request.apart), own)
    explainer, most = request.explainer(batch.effort), batch_for(batch.images, None)
    arrays = fitting(
        lambda each: explain_pixels(each, sized(explainer, each.profile.batch_size)),
        most,
        divides=hasattr(explainer, "batch_size"),
    )
    return arrays | fitting(lambda each: deletion_and_insertion(each, arrays["maps"]), most)
