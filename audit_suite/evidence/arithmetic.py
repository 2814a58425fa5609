"""Reproducible arithmetic: fixed threads, precision and algorithms; memory is kept for speed."""

from __future__ import annotations

import ctypes
import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from audit_suite.evidence.profile import EvidenceProfile, Precision

if TYPE_CHECKING:
    from audit_suite.models.audited import AuditedModel

_MMAP_THRESHOLD, _TRIM_THRESHOLD = -3, -1  # malloc.h


def fix_arithmetic(profile: EvidenceProfile) -> None:
    """Set torch to plain fp32 and fixed algorithms, so that devices agree and runs repeat.

    A model's code may set them otherwise when it is imported.
    """
    import torch

    torch.set_num_threads(profile.threads)
    keep_memory()
    os.environ["KERAS_TORCH_DEVICE"] = profile.device  # read when Keras is imported
    if profile.device == "cuda":
        fix_card()


def fix_card() -> None:
    """Set torch to plain fp32 and fixed algorithms on CUDA."""
    import torch

    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")  # read when CUDA starts
    _allow_tf32(False)
    torch.backends.cudnn.benchmark = False
    torch.backends.cudnn.deterministic = True
    torch.use_deterministic_algorithms(True, warn_only=True)  # sums in the same order
    deterministic: Any = torch.utils.deterministic
    deterministic.fill_uninitialized_memory = False  # nothing reads it
    # A TorchScript program would be fused after its first passes, and round otherwise from then on.
    torch._C._jit_set_texpr_fuser_enabled(False)


@contextmanager
def repeatable_gradients(model: AuditedModel) -> Iterator[None]:
    """Go back through a network on CUDA by kernels that add in the same order in each run.

    The fast ones of attention do so only where whatever cannot is an error.

    Args:
        model: The model that is explained.
    """
    if model.device != "cuda":
        yield
        return
    from torch.nn.attention import SDPBackend, sdpa_kernel

    with sdpa_kernel(SDPBackend.MATH):
        yield


@contextmanager
def computing_in(precision: Precision, model: AuditedModel) -> Iterator[None]:
    """Score in a precision: bf16 where torch finds it safe (autocast), the last layer in fp32.

    In bf16 a score of 17 could only be 16.875 or 17: most images would tie.

    On CUDA the weights are laid out as the precision is fastest: channels last for tensor cores,
    which slows fp32 down.

    Args:
        precision: Any that the device has.
        model: The model that scores.
    """
    import torch

    if model.device == "cuda":
        model.lay_out(channels_last=precision != "fp32")
        _allow_tf32(precision == "tf32")
    try:
        if precision != "bf16":
            yield
            return
        with torch.autocast(model.device, torch.bfloat16), model.exact_outputs():
            yield
    finally:
        if model.device == "cuda":
            _allow_tf32(False)


def _allow_tf32(allowed: bool) -> None:
    import torch

    torch.backends.cuda.matmul.allow_tf32 = allowed
    torch.backends.cudnn.allow_tf32 = allowed


def keep_memory() -> None:
    """Let glibc keep large blocks: returning and requesting them again costs page faults.

    For an EfficientNet-Lite0 with batches of 16 these took two thirds of the time in the kernel.
    """
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (OSError, AttributeError, TypeError):  # another C library
        return
    for parameter, value in ((_MMAP_THRESHOLD, 32 << 20), (_TRIM_THRESHOLD, 1 << 30)):
        mallopt(parameter, value)
