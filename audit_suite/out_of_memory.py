"""Memory that ran out: recognised, so that a smaller batch can be tried."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import torch
from torch import Tensor

from audit_suite.errors import AuditError

_Result = TypeVar("_Result")
_WORDS = (
    *("can't allocate memory", "not enough memory", "out of memory"),
    *("failed to allocate memory", "alloc_failed"),  # ONNX Runtime; cuBLAS and cuDNN
    "unable to find an engine",  # cuDNN, if no workspace fits
)
_CARD = ("cuda", "cudnn", "cublas")


def ran_out(error: BaseException) -> bool:
    """Whether an exception says that memory ran out, on the CPU or a GPU."""
    if isinstance(error, MemoryError | torch.OutOfMemoryError):
        return True
    return isinstance(error, RuntimeError) and any(word in str(error).lower() for word in _WORDS)


def of_the_machine(error: BaseException) -> bool:
    """Whether an exception says that the machine failed, and not the model."""
    return ran_out(error) or any(word in str(error).lower() for word in _CARD)


def in_batches(
    images: Tensor, size: int, work: Callable[[Tensor], _Result], card: Path
) -> tuple[list[_Result], int]:
    """Do some work on images in batches, smaller ones from where memory runs out.

    Args:
        images: Shape (n, ...).
        size: Images in a batch.
        work: Done on each batch; what else it raises is raised.
        card: The model's.

    Returns:
        What it returned for each, and the size of the last.

    Raises:
        AuditError: If memory runs out on a single image.
    """
    results: list[_Result] = []
    start = 0
    while start < len(images):
        try:
            results.append(work(images[start : start + size]))
        except Exception as error:
            if not ran_out(error):
                raise
            if size == 1:
                raise too_large(card) from None
            size //= 2
        else:
            start += size
    return results, size


def too_large(card: Path) -> AuditError:
    """The error for a model of which not even one image fits.

    Args:
        card: The model's card.
    """
    return AuditError(
        f"{card}: memory ran out on a single image",
        "use a machine with more memory, or --audit-device=cpu",
    )
