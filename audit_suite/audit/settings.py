"""The settings of an audit: everything that determines its verdicts, and where its evidence is."""

from __future__ import annotations

from dataclasses import dataclass, fields
from pathlib import Path
from typing import Literal

from audit_suite.errors import AuditError
from audit_suite.evidence.budget import SHARES, THIRD

RANGES: dict[str, tuple[float, float, str]] = {
    "confidence": (0.5, 0.9999, "between 0.5 and 0.9999"),
    "seed": (0, 2**32 - 1, "a whole number from 0 to 2^32 - 1"),
    "batch_size": (1, 256, "a whole number from 1 to 256"),
    "timeout": (1, 10**6, "between 1 and 1000000 seconds"),
    "max_explained": (4, 10**6, "a whole number of 4 or more"),
    "explain_budget": (
        *SHARES,
        f"a share of the audit's forward passes from {SHARES[0]} to {SHARES[1]}, such as 0.33 or "
        f"33%; seconds would make the record depend on the machine",
    ),
    "max_cases": (2, 10**9, "a whole number of 2 or more"),
}
"""Smallest and largest value of each numeric setting, and both in words."""

OFF = "off"
"""What ``--audit-cache`` says where nothing is to be cached."""
PRECISIONS = ("auto", "fp32", "tf32", "bf16")
"""Arithmetic of scores that may be asked for."""

FIRST_LOOK = 400
"""Images of each data set in a first look: enough to see a gross fault, few enough for minutes."""


@dataclass(frozen=True)
class Settings:
    """The subjects of an audit, and how it runs.

    Attributes:
        models: Model cards.
        datasets: Data set cards.
        suites: Shipped suites by name; empty for all.
        maskings: Ids for checks over ``MASKINGS``; empty for those that the cards name.
        folds: The ``mean`` of the estimates of a model's folds, which decides for the release;
            ``each`` fold on its own; or the ``ensemble`` of their scores.
        policy: File of the policy; None for the default policy.
        evidence: Folder of stored evidence, or its address (``s3://bucket/folder``).
        cache: Folder of what can be made again at any time: decoded images, digests of files, and
            mirrors of evidence at an address. None to keep nothing.
        shared_cache: Address (``s3://bucket/folder``) at which machines share decoded images; the
            folder ``cache`` is in front of it. None to share none.
        waivers: File of waivers.
        baseline: Record of the release that this one replaces; None to compare with none.
        ledger: File with a line for each audit; None to keep none.
        readings: Readers' answers, as ``audit-suite readers import`` wrote them.
        offline: Use stored evidence only.
        confidence: Confidence level of verdicts; the error level is 1 - ``confidence``.
        multiplicity: ``bonferroni``: a fail must hold at the level divided by the number of cases
            of its check; ``none``: at the level itself.
        seed: Seed of random fills and samples.
        device: Where models run: ``auto``, ``cpu`` or ``cuda``.
        precision: Arithmetic of scores: ``fp32``, ``tf32`` or ``bf16``; ``auto`` is fp32 on the
            CPU, and on CUDA the fastest that was seen to change no verdict (`evidence.precision`).
        batch_size: Images per forward pass; None to choose by input size.
        executor: Where models run: ``process``, a child process for each model's code; or
            ``inline``, the process that judges, for debugging; or ``ray``, a cluster.
        ray_address: Head of the Ray cluster; None to start Ray here.
        timeout: Seconds without a sign of life, from one batch to the next, after which a child
            process has hung.
        profile: ``full``; or ``first-look``: only the checks that the policy requires or asks, on
            `FIRST_LOOK` images of each data set, which never opens the gate.
        max_cases: Smoke run on about this many images of each data set.
        max_explained: Images of each data set and target for which attributions are computed; None
            to follow from ``explain_budget``.
        explain_budget: Share of an audit's forward passes for explanations, from which the number
            of images and draws follows (`evidence.budget`).
    """

    models: tuple[Path, ...]
    datasets: tuple[Path, ...]
    suites: tuple[str, ...] = ()
    maskings: tuple[str, ...] = ()
    folds: Literal["each", "mean", "ensemble"] = "mean"
    policy: Path | None = None
    evidence: Path | str = Path(".audit-evidence")
    cache: Path | None = Path(".audit-cache")
    shared_cache: str | None = None
    waivers: Path | None = None
    baseline: Path | None = None
    ledger: Path | None = None
    readings: Path | None = None
    offline: bool = False
    confidence: float = 0.95
    multiplicity: Literal["bonferroni", "none"] = "bonferroni"
    seed: int = 1907
    device: str = "auto"
    precision: str = "auto"
    batch_size: int | None = None
    executor: str = "process"
    ray_address: str | None = None
    timeout: float = 300
    profile: Literal["full", "first-look"] = "full"
    max_cases: int | None = None
    max_explained: int | None = None
    explain_budget: float = THIRD

    @property
    def images(self) -> int | None:
        """Largest number of images of each data set, about; None for all."""
        limits = [n for n in (self.max_cases, self._first_look) if n is not None]
        return min(limits, default=None)

    @property
    def _first_look(self) -> int | None:
        return FIRST_LOOK if self.profile == "first-look" else None

    def __post_init__(self) -> None:
        if self.precision not in PRECISIONS:
            raise AuditError(
                f"precision={self.precision!r}: must be one of {', '.join(PRECISIONS)}"
            )
        for field in fields(self):
            value = getattr(self, field.name)
            if field.name in RANGES and value is not None:
                least, largest, words = RANGES[field.name]
                if not least <= value <= largest:
                    raise AuditError(f"{field.name}={value:g}: must be {words}")
