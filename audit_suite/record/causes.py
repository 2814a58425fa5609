"""Named causes, with what led to them."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from audit_suite.record.estimates import EstimateRecord
from audit_suite.record.part import RecordPart


class CauseFlag(RecordPart):
    """Whether one cause holds, with the estimates that led there."""

    cause: str
    holds: Literal["yes", "no", "unknown"]
    because: str
    settles: str = Field(description="which data or check would settle an unknown")
    estimates: list[EstimateRecord]


class CausesRecord(RecordPart):
    """Causes of what a model detects without the region, on one target; several may hold."""

    model: str
    dataset: str
    target: str
    causes: list[str] = Field(description="the flags that hold")
    flags: list[CauseFlag] = Field(default_factory=list)
    sentence: str = Field(default="", description="the same for a clinician")
