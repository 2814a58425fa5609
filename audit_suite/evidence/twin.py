"""What an executor passes on, so that a source of evidence like the judge's is made elsewhere."""

from __future__ import annotations

from dataclasses import dataclass
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
