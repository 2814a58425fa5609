"""Reproducible arithmetic: fixed threads, fp32 and algorithms; memory is kept for speed."""

from __future__ import annotations

import ctypes

from audit_suite.evidence.profile import EvidenceProfile

_MMAP_THRESHOLD, _TRIM_THRESHOLD = -3, -1  # malloc.h


def fix_arithmetic(profile: EvidenceProfile) -> None:
    """Set torch to plain fp32 and fixed algorithms, so that devices agree and runs repeat."""
    import torch

    torch.set_num_threads(profile.threads)
    keep_memory()
    if profile.device == "cuda":
        torch.backends.cuda.matmul.allow_tf32 = False
        torch.backends.cudnn.allow_tf32 = False
        torch.backends.cudnn.benchmark = False
        torch.backends.cudnn.deterministic = True


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
