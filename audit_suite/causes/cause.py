"""What a cause is: a rule on the findings of one place, with words for a clinician."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from audit_suite.causes.findings_at import FindingsAt
from audit_suite.causes.logic import Holds
from audit_suite.causes.undetermined import UNDETERMINED
from audit_suite.errors import AuditError
from audit_suite.record import CauseFlag, Effect, EstimateRecord
from audit_suite.registry import CAUSES

_NAME = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*")


@dataclass(frozen=True)
class Cause:
    """One cause of what a model detects; registered by `register_cause`.

    Attributes:
        name: Lower-case words joined by hyphens, as in the record: ``mask-leak``.
        checks: Ids of the checks that decide it. Their estimates stand beside the flag, and one
            without a verdict is what would settle an unknown.
        words: Clause of the clinician's sentence, without a full stop: ``the model reads ...``.
        rule: From the findings of one place to the cause's flag, which `flag` makes.
        also_reads: Ids of the other checks that the rule reads.
        remedy: What to do about it, as an order without a full stop: ``have the masks ...``.
        rank: Place in the record, lowest first; extensions follow the shipped causes.
    """

    name: str
    checks: tuple[str, ...]
    words: str
    rule: Callable[[FindingsAt], CauseFlag]
    also_reads: tuple[str, ...] = ()
    remedy: str = ""
    rank: int = 0

    def flag(
        self,
        findings: FindingsAt,
        holds: Holds,
        *,
        yes: str,
        no: str,
        cases: Sequence[str] = (),
        lacks: str = "",
        effect: Effect | None = None,
        estimates: Sequence[EstimateRecord] | None = None,
    ) -> CauseFlag:
        """This cause's flag.

        Args:
            findings: What the rule has read.
            holds: Whether the cause holds.
            yes: Why, where it does.
            no: Why, where it does not.
            cases: The cases of ``checks`` that matter, if not all do.
            lacks: What else would settle an unknown.
            effect: How much of the skill the cause accounts for, where a share is measured.
            estimates: Those that the rule used; None: those that decided ``checks``.
        """
        needs = filter(None, (lacks, findings.missing(*self.checks, cases=cases)))
        settles = "; ".join(needs) or f"{', '.join(self.checks)} on more patients"
        return CauseFlag(
            cause=self.name,
            holds=holds,
            because={"yes": yes, "no": no, "unknown": settles}[holds],
            settles=settles if holds == "unknown" else "",
            estimates=findings.estimates(*self.checks) if estimates is None else list(estimates),
            effect=effect,
            remedy=self.remedy if holds == "yes" else "",
        )


def register_cause(cause: Cause) -> Cause:
    """Make a cause known: every audit with a finding of a hidden region raises its flag.

    Returns:
        The cause.

    Raises:
        AuditError: If it is not a valid cause, or its name is taken.
    """
    if not isinstance(cause, Cause):
        raise AuditError(
            f"register_cause: {cause!r} is not a cause",
            "register an audit_suite.extend.Cause",
        )
    if wrong := _wrong(cause):
        raise AuditError(f"register_cause: '{cause.name}' {wrong[0]}", wrong[1])
    CAUSES.register(cause.name, cause)
    return cause


def _wrong(cause: Cause) -> tuple[str, str] | None:
    """What is wrong with a cause, and how to correct it."""
    if not _NAME.fullmatch(str(cause.name)):
        return "cannot be a cause's name", "use lower-case words joined by hyphens"
    if cause.name == UNDETERMINED:
        return "is the flag of signals without a named cause", "choose another name"
    if isinstance(cause.checks, str) or not cause.checks:
        return "names no checks", "checks is a tuple of the ids that decide it: ('R2', 'C4')"
    if not cause.words or cause.words.endswith("."):
        return "has no clause for the sentence", "words is a clause without a full stop"
    if not callable(cause.rule):
        return "has no rule", "rule is a function from findings to a CauseFlag"
    return None
