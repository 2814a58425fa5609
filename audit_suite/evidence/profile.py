"""The evidence profile: every setting that can change the last digits of a score."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict

from audit_suite.cards import canonical_digest
from audit_suite.errors import AuditError
from audit_suite.evidence.cores import computes_bf16, usable_cores, wished_threads

Precision = Literal["fp32", "tf32", "bf16"]
FASTEST_FIRST: tuple[Precision, ...] = ("bf16", "tf32", "fp32")
"""Precisions of a CUDA device with tensor cores of Ampere or later, the fastest first."""

_PIXELS_A_BATCH = {"cpu": 1 << 19, "cuda": 1 << 24}  # larger batches are slower on a CPU
_DEVICE_FILES = ("/dev/nvidiactl", "/dev/kfd", "/dev/dxg")  # Nvidia's, AMD's, Windows' under Linux
_AMPERE = 8  # compute capability from which a card computes tf32 and bf16


class EvidenceProfile(BaseModel):
    """Device and arithmetic of a run; part of every evidence key.

    With the same profile and machine type the evidence, and so the record, is bit-identical however
    the work was split among processes.

    Attributes:
        device: ``cpu`` or ``cuda``.
        threads: Threads of one forward pass on the CPU: ``OMP_NUM_THREADS``, or one, since several
            processes use more cores better than the threads of one (`processes.room`). On CUDA:
            threads that read images, as many as cores.
        precision: Arithmetic of scores; None for the fastest of the device that changes no verdict
            (`scores.precision`). Explanations are always computed in fp32.
        batch_size: Images per forward pass; None to choose by the size of the model's input.
        seed: Seed from which every random fill derives its own.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    device: str
    threads: int
    precision: Precision | None = "fp32"
    batch_size: int | None = None
    seed: int = 1907

    def digest(self) -> str:
        """SHA-256 of what can change digits, but for the precision that `scores` adds.

        Convolutions of fp32 have other last digits with one thread on the CPU than with several, so
        there the number of threads counts; on CUDA it decides no digit.
        """
        return canonical_digest(self._deciding() | {"precision": None})

    def batch_for(self, size: tuple[int, int]) -> int:
        """Images per batch for inputs of ``size`` (height, width); on CUDA at most so many.

        A power of two unless the profile sets it, so that models of several sizes share chunks.
        """
        if self.batch_size is not None:
            return self.batch_size
        fitting = max(1, min(256, _PIXELS_A_BATCH[self.device] // (size[0] * size[1])))
        return 1 << (fitting.bit_length() - 1)

    def summary(self) -> dict[str, Any]:
        """What decides digits, as plain values, for the record."""
        return self._deciding() | {"precision": self.precision or "fastest that is neutral"}

    def _deciding(self) -> dict[str, Any]:
        return self.model_dump(exclude={"threads"} if self.device == "cuda" else None)


def choose_profile(
    device: str, batch_size: int | None, seed: int, precision: str = "auto"
) -> EvidenceProfile:
    """Choose the profile of a run.

    Args:
        device: ``auto`` (CUDA if available), ``cpu`` or ``cuda``.
        batch_size: Images per forward pass, or None to let the engine choose.
        seed: Seed of random fills.
        precision: ``auto``, ``fp32``, ``tf32`` or ``bf16``.

    Raises:
        AuditError: If CUDA is requested but not available, or the device does not compute in the
            requested precision.
    """
    card = None if device == "cpu" else _cuda_capability()
    if device == "cuda" and card is None:
        raise AuditError(
            "--audit-device=cuda: PyTorch has no CUDA device on this machine",
            "use --audit-device=auto or cpu, or check the driver and CUDA_VISIBLE_DEVICES",
        )
    return EvidenceProfile(
        device="cpu" if card is None else "cuda",
        threads=usable_cores() if card is not None else wished_threads() or 1,
        precision=_precision(precision, card),
        batch_size=batch_size,
        seed=seed,
    )


def _precision(wished: str, card: int | None) -> Precision | None:
    """The precision that was wished for, if the device has it; None to find the fastest."""
    if wished == "auto":
        return "fp32" if card is None or card < _AMPERE else None
    if wished == "fp32":
        return "fp32"
    remedy = "leave the option out, or use --audit-precision=fp32"
    if card is not None and card < _AMPERE:
        raise AuditError(
            f"--audit-precision={wished}: this CUDA device has compute capability "
            f"{card}.x, and {wished} needs {_AMPERE}.0 or later",
            remedy,
        )
    if card is None and wished == "tf32":
        raise AuditError("--audit-precision=tf32: only CUDA devices compute in tf32", remedy)
    if card is None and not computes_bf16():
        raise AuditError(
            "--audit-precision=bf16: this processor has no instructions for bfloat16 "
            "(avx512_bf16, amx_bf16, or bf16 on ARM), without which it is slower than fp32",
            remedy,
        )
    return "tf32" if wished == "tf32" else "bf16"


def _cuda_capability() -> int | None:
    """Compute capability (major) of torch's CUDA device; asked in a process that may import it."""
    if sys.platform == "linux" and not any(Path(file).exists() for file in _DEVICE_FILES):
        return None
    code = (
        "import torch\n"
        "print(torch.cuda.get_device_capability()[0] if torch.cuda.is_available() else '')"
    )
    asked = subprocess.run(  # noqa: S603
        [sys.executable, "-c", code], check=False, capture_output=True, text=True
    )
    found = asked.stdout.strip()
    return int(found) if asked.returncode == 0 and found.isdecimal() else None
