"""The policy of an audit: which checks must pass, and which only must not fail."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    SerializerFunctionWrapHandler,
    StringConstraints,
    model_serializer,
)

from audit_suite.cards import canonical_digest
from audit_suite.errors import AuditError
from audit_suite.record import RequiredCheck, Role
from audit_suite.report.places import Place
from audit_suite.toml_files import read_toml

DEFAULT = Path(__file__).with_name("default_policy.toml")

_ADVICE = "`audit-suite policy` prints the default policy, with comments"
_Text = Annotated[str, StringConstraints(min_length=1, pattern=r"^[^\x00-\x1f]+$")]


class TargetKind(BaseModel):
    """The required checks of the targets whose names match."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    match: Annotated[tuple[_Text, ...], Field(min_length=1)]
    """Patterns of targets' names, with ``*`` and ``?``."""
    required: Annotated[tuple[_Text, ...], Field(min_length=1)]
    """Ids of checks that must pass, in order; every check that is in no list guards."""
    shown: tuple[_Text, ...] = ()
    """Ids of checks that must pass wherever they are asked and apply."""
    asked: tuple[_Text, ...] = ()
    """Ids of other checks that must not be left out."""
    data: tuple[_Text, ...] = ()
    """Ids of checks of the data: where one fails, these data cannot acquit any model."""
    context: tuple[_Text, ...] = ()
    """Ids of checks that never decide."""
    primary: bool = True
    """Whether the release as a whole rests on these targets; others are decided by themselves."""


class Policy(BaseModel):
    """What must be shown before the gate opens."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    schema_version: Literal[1] = Field(alias="schema")
    """The version of the policy's keys: 1."""
    name: _Text
    """Shown in the report."""
    confidence: Annotated[float, Field(ge=0.5, le=0.9999)] = 0.95
    """Confidence level of verdicts; an audit at a lower level never opens the gate."""
    waiver_days: Annotated[int, Field(ge=1, le=366)] = 366
    """Longest time that a waiver may run, in days."""
    main: tuple[_Text, ...] = ()
    """Ids of the checks that share half of the level at which a release fails wrongly."""
    looks: Annotated[int, Field(ge=1, le=100)] = 1
    """Audits of one test set, declared before the first: each pass holds at its share."""
    baseline_margin: Annotated[float, Field(gt=0, lt=1)] | None = None
    """How much worse than its baseline (``--audit-baseline``) a release may be, in units of each
    estimate: .05 of an AUROC or a share, unless it is set."""
    frozen: bool = False
    """Whether the gate opens only if policy, margins and claims are those that
    ``audit-suite policy freeze`` fixed before."""
    spent_opens: bool = True
    """Whether the gate may open after the declared looks, or where the ledger cannot count them."""
    targets: Annotated[tuple[TargetKind, ...], Field(min_length=1)]
    """Kinds of targets; the first that matches applies."""

    @model_serializer(mode="wrap")
    def _without_unused(self, write: SerializerFunctionWrapHandler) -> dict[str, Any]:
        """Leave out unused keys that older policies lack, so that their digests do not change."""
        content: dict[str, Any] = write(self)
        fields = type(self).model_fields
        for key in ("baseline_margin", "frozen", "spent_opens"):
            if getattr(self, key) == fields[key].default:
                content.pop(key, None)
        return content

    def kind(self, target: str) -> TargetKind:
        """The kind of a target: the first that matches.

        Raises:
            AuditError: If none matches.
        """
        for kind in self.targets:
            if any(fnmatchcase(target, pattern) for pattern in kind.match):
                return kind
        raise AuditError(
            f"the policy '{self.name}' has no kind of target that matches '{target}'",
            'add one to the policy: [[targets]] with match = ["*"] matches every target',
        )

    def role(self, check: str, target: str) -> Role:
        """What a check is for the gate."""
        kind = self.kind(target)
        lists: tuple[tuple[Role, tuple[str, ...]], ...] = (
            ("required", kind.required),
            ("shown", kind.shown),
            ("data", kind.data),
            ("context", kind.context),
        )
        return next((role for role, checks in lists if check in checks), "guard")

    def needs(self, check: str, target: str) -> bool:
        """Whether the gate stays shut without a check: it is required, or must be asked."""
        kind = self.kind(target)
        return check in kind.required or check in kind.asked

    def required_checks(self, places: Iterable[Place]) -> list[RequiredCheck]:
        """Every check that must pass in some places."""
        return _in_places(places, lambda target: self.kind(target).required)

    def asked_checks(self, places: Iterable[Place]) -> list[RequiredCheck]:
        """Every guard that must not be left out in some places."""
        return _in_places(places, lambda target: self.kind(target).asked)

    def content(self) -> dict[str, Any]:
        """All of it, as the record holds it."""
        return self.model_dump(mode="json", by_alias=True)

    def digest(self) -> str:
        """SHA-256 of the content."""
        return canonical_digest(self.content())


def _in_places(
    places: Iterable[Place], checks: Callable[[str], Iterable[str]]
) -> list[RequiredCheck]:
    return [
        RequiredCheck(model=model, dataset=dataset, target=target, check=check)
        for model, dataset, target in places
        for check in dict.fromkeys(checks(target))
    ]


def load_policy(path: Path | None = None) -> Policy:
    """Read a policy file; the default policy without one.

    Raises:
        AuditError: If the file is missing, is not TOML, or a key is wrong.
    """
    return read_toml(path or DEFAULT, Policy, "--audit-policy:", _ADVICE)
