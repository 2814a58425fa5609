"""What changed between a release and the one it replaces."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from audit_suite.record.estimates import EstimateRecord
from audit_suite.record.part import RecordPart
from audit_suite.record.policy import Role
from audit_suite.verdict import Verdict

ChangeKind = Literal[
    "new", "worse", "lost", "undecided", "fixed", "unchanged", "added", "not compared"
]


class Change(RecordPart):
    """One check in one place, before and now."""

    check: str
    title: str
    question: str
    case: str
    model: str
    dataset: str
    target: str
    role: Role
    kind: ChangeKind = Field(
        description="new: fails and did not; worse: shown to be worse by more than the margin; "
        "lost: has no answer any more; undecided: passed, and is open now; fixed: failed, and "
        "passes; added: was not asked before; not compared: see reason"
    )
    before: Verdict | None = Field(description="null: not in that record")
    now: Verdict | None = Field(description="null: not in this record")
    loss: EstimateRecord | None = Field(
        description="how much worse it is, in units of its estimate, with a 95 % interval; "
        "positive is worse; null where nothing is compared"
    )
    paired: bool = Field(
        description="whether the loss is taken patient by patient, from the evidence of both; else "
        "it is judged by overlap of both intervals"
    )
    regression: bool
    reason: str


class BaselineRecord(RecordPart):
    """A comparison with an earlier record."""

    digest: str = Field(description="of the earlier record")
    decision: str = Field(description="that the earlier record holds")
    audit_suite: str = Field(description="the release that made the earlier record")
    models: dict[str, str] = Field(description="the earlier model, by the one that replaces it")
    margin: float = Field(description="a loss up to this is not a regression")
    alpha: float = Field(description="error level of all regressions of the comparison together")
    notes: list[str] = Field(description="what else differs, and what cannot be compared")
    changes: list[Change]

    @property
    def regressions(self) -> list[Change]:
        """What got worse, or has no answer any more."""
        return [change for change in self.changes if change.regression]
