"""A model is a function of the image: the same score again, alone, and in any company."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from audit_suite.errors import AuditError
from audit_suite.models.audited import AuditedModel

_FP32 = {"cpu": 1e-5, "cuda": 1e-4}  # relative to the largest score, if that exceeds 1
_HALF = 2e-2  # bfloat16 keeps 8 bits
_PASSES = {"bf16": 1e-1, "tf32": 1e-2}  # every layer rounds again


def tolerance(model: AuditedModel, scores: Tensor, precision: str = "fp32") -> float:
    """By how much the same image's scores may differ between two batches.

    Args:
        model: Its device and the precision of its weights count.
        scores: Scores of some images, shape (B, T).
        precision: In which they were computed.
    """
    if precision in _PASSES:
        return _PASSES[precision] * max(1.0, float(scores.abs().max()))
    tensors = [*model.module.parameters(), *model.module.buffers()]
    half = any(tensor.dtype in (torch.float16, torch.bfloat16) for tensor in tensors)
    relative = _HALF if half else _FP32.get(scores.device.type, max(_FP32.values()))
    return relative * max(1.0, float(scores.abs().max()))


def check_function(model: AuditedModel, batch: Tensor, what: str) -> Tensor:
    """Refuse a model whose scores depend on more than the image.

    The batch is scored twice, and in other company and order: reversed, in two halves.

    Args:
        model: The model.
        batch: At least two different images, normalised, shape (B, C, h, w).
        what: What the images are, for messages: ``noise``, ``images of 'cxr'``.

    Returns:
        The scores of the batch, shape (B, T).

    Raises:
        AuditError: If a score or a buffer changes; says by how much.
    """
    scores, _ = model(batch)
    kept = _buffers(model.module)
    again, _ = model(batch)
    halves = batch.flip(0).tensor_split(2)
    company = torch.cat([model(half)[0] for half in halves]).flip(0)
    same, where = f"the same {len(batch)} images ({what})", model.card.path
    limit = tolerance(model, scores)
    if (gap := float((again - scores).abs().max())) > limit:
        raise AuditError(
            f"{where}: {same} scored twice differ by {gap:.2g}: the model draws random numbers, as "
            f"with dropout left on, or keeps a state between batches",
            "call model.eval() before it is saved or exported, and let a score depend on its image "
            "alone",
        )
    if (gap := float((company - scores).abs().max())) > limit:
        raise AuditError(
            f"{where}: {same} scored in one batch and in two differ by {gap:.2g}: the program was "
            f"exported in training mode, or the model normalises over the batch",
            "call model.eval() before it is exported, and let a score depend on its image alone",
        )
    after = _buffers(model.module)
    if changed := [name for name in kept if not _equal(kept[name], after[name])]:
        raise AuditError(
            f"{where}: scoring changes the model's buffer '{changed[0]}': it is in training mode, "
            f"or counts its calls",
            "call model.eval() before it is saved or exported",
        )
    return scores


def _buffers(module: nn.Module) -> dict[str, Tensor]:
    return {name: buffer.clone() for name, buffer in module.named_buffers()}


def _equal(one: Tensor, other: Tensor) -> bool:
    return torch.equal(one.nan_to_num(), other.nan_to_num())
