"""The evidence profile: every setting that can change the last digits of a score."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict

from audit_suite.cards import canonical_digest
from audit_suite.errors import AuditError

_PIXELS_A_BATCH = 1 << 19
_DEVICE_FILES = ("/dev/nvidiactl", "/dev/kfd", "/dev/dxg")  # Nvidia's, AMD's, Windows' under Linux


class EvidenceProfile(BaseModel):
    """Device and arithmetic of a run; part of every evidence key.

    With the same profile and machine type the evidence, and so the record, is bit-identical however
    the work was split among processes.

    Attributes:
        device: ``cpu`` or ``cuda``.
        threads: Threads of one forward pass on the CPU: ``OMP_NUM_THREADS``, or the cores that the
            process may use. More threads than cores wait for each other in every layer.
        batch_size: Images per forward pass; None to choose by the size of the model's input.
        seed: Seed from which every random fill derives its own.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    device: str
    threads: int
    batch_size: int | None = None
    seed: int = 1907

    def digest(self) -> str:
        """SHA-256 of the profile."""
        return canonical_digest(self.model_dump())

    def batch_for(self, size: tuple[int, int]) -> int:
        """Images per batch for inputs of ``size`` (height, width).

        A power of two unless the profile sets it, so that models of several sizes share chunks.
        """
        if self.batch_size is not None:
            return self.batch_size
        fitting = max(1, min(256, _PIXELS_A_BATCH // (size[0] * size[1])))
        return 1 << (fitting.bit_length() - 1)

    def summary(self) -> dict[str, Any]:
        """The profile as plain values, for the record."""
        return self.model_dump()


def choose_profile(device: str, batch_size: int | None, seed: int) -> EvidenceProfile:
    """Choose the profile of a run.

    Args:
        device: ``auto`` (CUDA if available), ``cpu`` or ``cuda``.
        batch_size: Images per forward pass, or None to let the engine choose.
        seed: Seed of random fills.

    Raises:
        AuditError: If CUDA is requested but not available.
    """
    has_cuda = device != "cpu" and _has_cuda()
    if device == "cuda" and not has_cuda:
        raise AuditError(
            "--audit-device=cuda: PyTorch has no CUDA device on this machine",
            "use --audit-device=auto or cpu, or check the driver and CUDA_VISIBLE_DEVICES",
        )
    return EvidenceProfile(
        device="cuda" if has_cuda else "cpu",
        threads=_threads(),
        batch_size=batch_size,
        seed=seed,
    )


def _threads() -> int:
    """As ``OMP_NUM_THREADS`` says, else one for each core that this process may use."""
    wished = os.environ.get("OMP_NUM_THREADS", "").partition(",")[0].strip()
    if wished.isdecimal() and int(wished):
        return int(wished)
    if hasattr(os, "sched_getaffinity"):  # Linux: fewer than the machine has, in many containers
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _has_cuda() -> bool:
    """Whether torch finds a CUDA device; asked in a process of its own, so that none imports it."""
    if sys.platform == "linux" and not any(Path(file).exists() for file in _DEVICE_FILES):
        return False
    code = "import sys, torch; sys.exit(0 if torch.cuda.is_available() else 1)"
    return subprocess.run([sys.executable, "-c", code], check=False).returncode == 0  # noqa: S603
