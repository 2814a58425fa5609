"""What an executor passes on, so that a source of evidence like the judge's is made elsewhere."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from audit_suite.evidence.budget import Budget
from audit_suite.evidence.part import Part
from audit_suite.evidence.profile import EvidenceProfile


@dataclass(frozen=True)
class Twin:
    """All that makes the same source in another process; two that are equal share one.

    Attributes:
        root: The folder of evidence.
        url: What the folder mirrors; None if it is the store itself.
        part: The units of work that may be claimed.
        among: Which of the processes this is that share the work of one job.
        profile: Device and arithmetic.
        max_cases: As of the source.
        explaining: As of the source.
        cache: As of the source.
    """

    root: Path
    url: str | None
    part: Part
    profile: EvidenceProfile
    max_cases: int | None
    explaining: Budget
    cache: Path | None
    among: Part = field(default_factory=Part)
