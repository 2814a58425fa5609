"""The policy of an audit, and what it found missing."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field

from audit_suite.record.part import RecordPart, SparsePart

Role = Literal["required", "shown", "guard", "data", "context"]
MUST_PASS: tuple[Role, ...] = ("required", "shown")
"""Roles of checks without whose pass the gate does not open."""
OF_THE_MODEL: tuple[Role, ...] = (*MUST_PASS, "guard")
"""Roles of checks that judge the model: the gate closes if one of them fails."""
ROLES: tuple[Role, ...] = (*OF_THE_MODEL, "data", "context")
"""All roles, the one that weighs most first."""


class RequiredCheck(RecordPart):
    """A check that must pass for one model, data set and target."""

    model: str
    dataset: str
    target: str
    check: str


class MissingCheck(RequiredCheck):
    """A required check without which the audit is not a full one."""

    suite: str = Field(description="shipped suite that asks it; empty for a check of one's own")
    reason: str
    remedy: str


class Deviation(RecordPart):
    """Something in which the audit departs from its policy or from the defaults."""

    what: str
    never_opens: bool = Field(description="whether the gate stays shut because of it")


class WaiverState(RecordPart):
    """An entry of the waiver file, and what became of it."""

    check: str
    model: str | None = Field(description="null: every model")
    dataset: str | None
    target: str | None
    owner: str
    reason: str
    expires: str
    state: Literal["used", "needless", "expired"]


class PolicyRecord(SparsePart):
    """What had to be shown before the gate opens, and what is missing."""

    sparse = ("beforehand",)

    name: str
    digest: str = Field(description="SHA-256 of the content")
    content: dict[str, Any] = Field(description="the policy file")
    required: list[RequiredCheck] = Field(description="must be asked, judged and passed")
    asked: list[RequiredCheck] = Field(description="must be asked, and must not fail")
    guards: list[str] = Field(description="ids of the guards asked: they must not fail")
    primary: list[str] = Field(description="targets that the decision on the release rests on")
    suites_asked: list[str] = Field(description="shipped suites that were asked")
    suites_not_asked: list[str] = Field(
        default_factory=list, description="shipped suites of which no check was asked"
    )
    missing: list[MissingCheck] = Field(description="required, but not asked or not judged")
    deviations: list[Deviation]
    beforehand: list[str] = Field(
        default_factory=list,
        description="what was fixed before the data were seen, and which look at them this is",
    )
    problems: list[str] = Field(description="what closes the gate apart from findings")
    waivers: list[WaiverState]
