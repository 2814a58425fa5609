"""Named causes, with what led to them."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from audit_suite.record.estimates import EstimateRecord
from audit_suite.record.part import RecordPart


class Effect(RecordPart):
    """How much of the model's skill a cause accounts for."""

    share: EstimateRecord
    of: str = Field(description="what it is a share of, in words")
    contributes: bool = Field(description="whether it is shown to be more than a tenth")


class CauseFlag(RecordPart):
    """Whether one cause holds, with the estimates that led there."""

    cause: str
    holds: Literal["yes", "no", "unknown"] = Field(
        description="where a share is measured: yes, the cause is named, if it is shown to be more "
        "than a quarter; no if it is shown to be less"
    )
    effect: Effect | None = Field(default=None, description="null where no share is measured")
    because: str
    settles: str = Field(description="which data or check would settle an unknown")
    estimates: list[EstimateRecord] = Field(description="those that decided")
    remedy: str = Field(default="", description="what to do about a cause that holds")


class CausesRecord(RecordPart):
    """Causes of what a model detects without the region, on one target; several may hold."""

    model: str
    dataset: str
    target: str
    causes: list[str] = Field(description="the flags that hold: the named causes")
    flags: list[CauseFlag] = Field(default_factory=list)
    sentence: str = Field(default="", description="the same for a clinician")
