"""The findings of the checks."""

from __future__ import annotations

import re
from typing import Any

from pydantic import ConfigDict, Field

from audit_suite.record.counterexamples import CounterexampleRecord
from audit_suite.record.estimates import ComparisonRecord, EstimateRecord
from audit_suite.record.part import RecordPart, SparsePart
from audit_suite.record.policy import Role
from audit_suite.risks import OTHER
from audit_suite.verdict import Verdict


class WaiverRecord(RecordPart):
    """A fail or inconclusive result that its owner has accepted."""

    owner: str
    reason: str
    expires: str


class Finding(SparsePart):
    """The result of one check on one model, data set and target."""

    sparse = ("advice",)

    model_config = ConfigDict(validate_assignment=True)

    check: str = Field(description="the check's id, e.g. 'R2'")
    id: str = Field(description="check/model/dataset/target[/case]; never a pytest node id")
    title: str
    model: str
    dataset: str
    target: str
    case: str = Field(description="which of the check's cases this is, e.g. 'black'; may be empty")
    role: Role = Field(
        description="required: must pass; shown: must pass where it applies; guard: must not "
        "fail; data: where it fails, the data cannot acquit any model; context: never decides"
    )
    verdict: Verdict
    question: str
    advice: dict[str, str] = Field(
        default_factory=dict,
        description="what its author says of a fail, by 'If it fails', 'What to do' and 'How to "
        "read it'; absent where nothing is said",
    )
    claim: str
    estimate: EstimateRecord | None = Field(description="the estimate that decided")
    margin: float | None
    margin_source: str | None
    comparisons: list[ComparisonRecord]
    observations: list[EstimateRecord] = Field(description="reported without a decision rule")
    reason: str = Field(description="why not applicable, inconclusive, waived or in error")
    would_pass: str = Field(description="what result would have passed")
    command: str = Field(description="command line that repeats this check alone")
    section: str = Field(
        default="",
        description="section of the report that shows it, and its part there: 'embeddings.probe'",
    )
    risk: str = Field(
        default=OTHER,
        description="kind of fault that the check looks for: 'outside'; 'other' if it names none",
    )
    counterexample: CounterexampleRecord | None = Field(
        default=None, description="what a search found and other patients confirmed"
    )
    waiver: WaiverRecord | None = None
    also: list[str] = Field(
        default_factory=list,
        description="ids of further checks that ended in the same error and have no finding",
    )

    @classmethod
    def planned(cls, **known: Any) -> Finding:
        """A finding before its check ran: without a verdict, with nothing compared.

        Args:
            **known: Fields that are known by then.
        """
        open_fields: dict[str, Any] = {
            "verdict": Verdict.NONE,
            "claim": "",
            "estimate": None,
            "margin": None,
            "margin_source": None,
            "comparisons": [],
            "observations": [],
            "reason": "",
            "would_pass": "",
        }
        return cls(**open_fields | known)

    @property
    def and_more(self) -> str:
        """``, and 85 more checks`` where the finding stands for others too, else nothing."""
        more = len(self.also)
        return f", and {more} more check{'s' * (more > 1)}" if more else ""


def natural_order(finding: Finding) -> tuple[list[tuple[int, str]], str]:
    """Sort key of findings: checks by number (R2 before R11), then by id."""
    parts = re.findall(r"\d+|\D+", finding.check)
    return [(int(part), "") if part.isdigit() else (0, part) for part in parts], finding.id
