"""The decision of an audit: may the model be deployed?"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import IntEnum

from audit_suite.audit.suites import suite_of
from audit_suite.record import (
    Decision,
    Deviation,
    Finding,
    MissingCheck,
    PolicyRecord,
    RequiredCheck,
)
from audit_suite.record.policy import OF_THE_MODEL
from audit_suite.report.places import Place, Placed, by_place, place_of
from audit_suite.report.unfit import unfit_data
from audit_suite.statistics import why_undecided
from audit_suite.verdict import NO_SKILL, Verdict

_UNSHOWN = Verdict.FAIL, Verdict.INCONCLUSIVE, Verdict.ERROR
_MOST = 3  # reasons for which checks are inconclusive
NOT_ASKED, NOT_RUN = "was not asked", "was not run"
_RUN = "run the audit without options that leave checks out (-k, -x, --deselect, a path with ::)"
_KIND = (
    "remove the cause; a target for which the check has no meaning needs a kind of its own in "
    "the policy (see `audit-suite policy`)"
)


class Exit(IntEnum):
    """Exit codes of an audit. The terminal and README.md show these texts.

    After a change, run `make schema` to rewrite the table of README.md.
    """

    OPEN = (
        0,
        "the gate is open: every required check of the policy passed or was waived, so did those "
        "under `shown` wherever they apply, and no other check failed",
    )
    FAIL = (
        1,
        "a check failed or ended in an error, or there is a problem with a waiver, a file of "
        "checks or an output file",
    )
    UNDECIDED = (
        10,
        "a check that must pass (required, or under `shown`) is inconclusive: too little data, or "
        "fills that disagree; or a check of the data failed, so that these data cannot acquit any "
        "model",
    )
    PARTIAL = (
        11,
        "not a full audit: a required check was not asked, not run or does not apply, one under "
        "`asked` was left out, a planned check was not run, or the settings are weaker than the "
        "policy (a first look, `--audit-max-cases`)",
    )

    meaning: str

    def __new__(cls, code: int, meaning: str) -> Exit:
        """Attach the meaning to the number."""
        member = int.__new__(cls, code)
        member._value_ = code
        member.meaning = meaning
        return member

    @classmethod
    def of(cls, decision: Decision) -> Exit:
        """The exit code of a decision."""
        return {
            "open": cls.OPEN,
            "closed": cls.FAIL,
            "undecided": cls.UNDECIDED,
            "partial": cls.PARTIAL,
        }[decision]


@dataclass(frozen=True)
class Gate:
    """Whether the gate is open, and why."""

    decision: Decision
    reason: str


def count_verdicts(findings: Iterable[Finding]) -> dict[Verdict, int]:
    """The number of findings of each verdict, every verdict present."""
    counts = Counter(finding.verdict for finding in findings)
    return {verdict: counts[verdict] for verdict in Verdict}


def missing_checks(
    findings: Iterable[Finding],
    required: Iterable[RequiredCheck],
    asked: Iterable[RequiredCheck] = (),
) -> list[MissingCheck]:
    """The required checks that were not asked, not run, or do not apply.

    They stand in sequence: one that does not apply because an earlier one did not pass (no skill,
    so none that could be lost) is not missing.

    Args:
        findings: One per planned case.
        required: What must pass, for every model, data set and target.
        asked: What must only be asked: not to apply is an answer.
    """
    by_check = defaultdict(list)
    for finding in findings:
        by_check[place_of(finding), finding.check].append(finding)
    in_error = {id for finding in findings for id in finding.also}
    unshown: set[Place] = set()  # an earlier required check has a verdict, and it is not a pass
    missing = []
    for check, must_pass in [*((c, True) for c in required), *((c, False) for c in asked)]:
        here = by_check[place_of(check), check.check]
        if _is_among(check, in_error):
            continue  # it was asked, and ended in an error
        if place_of(check) in unshown and any(map(_has_nothing_to_lose, here)):
            continue  # it would only repeat what the earlier one says
        if lack := _lack(here, must_pass):
            reason, remedy = lack
            missing.append(
                MissingCheck(
                    **check.model_dump(),
                    suite=suite_of(check.check),
                    reason=reason,
                    remedy=remedy,
                )
            )
        if must_pass and any(finding.verdict in _UNSHOWN for finding in here):
            unshown.add(place_of(check))
    return missing


def decide(
    findings: Sequence[Finding],
    required: Sequence[RequiredCheck],
    asked: Sequence[RequiredCheck] = (),
    *,
    problems: Sequence[str] = (),
    deviations: Sequence[Deviation] = (),
) -> Gate:
    """Decide by the first rule that applies.

    A fail of a required or shown check or of a guard, an error or a problem closes the gate. A
    required check that was not asked, not run or does not apply, a planned check without a verdict,
    and settings that never open the gate make the audit partial. A required or shown check that is
    inconclusive leaves it undecided, and so do data that fail a check of the data. Otherwise every
    required check passed or was waived: the gate is open. What was collected does not matter.

    Args:
        findings: One per planned case; verdict ``none`` if it did not run.
        required: What must pass, for every model, data set and target; never empty.
        asked: What must only be asked.
        problems: What closes the gate apart from findings: files of checks that could not be
            collected, expired waivers.
        deviations: In what the audit departs from the policy.
    """
    counts = count_verdicts(findings)
    unfit = unfit_data(findings)
    if any(map(_closes, findings)):
        return Gate("closed", "; ".join(filter(None, [_failed(findings), unfit])))
    if problems:
        return Gate("closed", "; ".join(problems))
    if reasons := _partial(findings, required, asked):
        return Gate("partial", f"not a full audit: {'; '.join(reasons)}")
    if weaker := [deviation.what for deviation in deviations if deviation.never_opens]:
        return Gate("partial", f"not a full audit: {'; '.join(weaker)}")
    keys = {(place_of(check), check.check) for check in required}
    deciding = [finding for finding in findings if (place_of(finding), finding.check) in keys]
    must = [*deciding, *(finding for finding in findings if finding.role == "shown")]
    open_ones = [f for f in must if f.verdict is Verdict.INCONCLUSIVE]
    if unfit or open_ones:
        reasons = [*filter(None, [unfit]), *_inconclusive(open_ones)]
        return Gate("undecided", "; ".join(reasons))
    passed = [f for f in deciding if f.verdict is not Verdict.NOT_APPLICABLE]
    reason = f"{_checks(len(passed), 'required ')} passed and no guard failed"
    if waived := counts[Verdict.WAIVED]:
        reason = f"{_checks(waived)} waived by name; otherwise {reason}"
    if undecided := sum(f.verdict is Verdict.INCONCLUSIVE for f in findings if f.role == "guard"):
        reason += f"; {undecided} of the guards inconclusive"
    return Gate("open", reason)


def decide_by(findings: Sequence[Finding], policy: PolicyRecord) -> Gate:
    """The decision on the release: `decide` on its primary targets, by the policy of a record."""
    primary = _primary(policy)
    return _decide_on([f for f in findings if primary(f)], policy, primary)


def decide_targets(
    findings: Sequence[Finding], policy: PolicyRecord
) -> Iterator[tuple[Place, bool, Gate]]:
    """Each place with whether the release rests on it, and its own decision.

    Args:
        findings: As of `decide`.
        policy: The policy of a record.
    """
    primary = _primary(policy)
    findings_at = by_place(findings)
    for place in dict.fromkeys([*map(place_of, policy.required), *findings_at]):
        here = findings_at.get(place, [])
        rests = any(map(primary, here)) or not here
        yield place, rests, _decide_on(here, policy, _at(place))


def _at(place: Place) -> Callable[[Placed], bool]:
    return lambda part: place_of(part) == place


def _primary(policy: PolicyRecord) -> Callable[[Placed], bool]:
    """Whether the decision on the release rests on something; on all, if no target is primary."""
    every = not any(check.target in policy.primary for check in policy.required)
    return lambda part: every or part.target in policy.primary


def _decide_on(
    findings: Sequence[Finding], policy: PolicyRecord, within: Callable[[Placed], bool]
) -> Gate:
    return decide(
        findings,
        [check for check in policy.required if within(check)],
        [check for check in policy.asked if within(check)],
        problems=policy.problems,
        deviations=policy.deviations,
    )


def _closes(finding: Finding) -> bool:
    failed = finding.verdict is Verdict.FAIL and finding.role in OF_THE_MODEL
    return failed or finding.verdict is Verdict.ERROR


def _inconclusive(findings: Sequence[Finding]) -> list[str]:
    """Which checks that must pass are inconclusive, by the reason; at most three reasons."""
    by_reason: dict[str, dict[str, None]] = defaultdict(dict)
    for finding in findings:
        by_reason[why_undecided(finding)][finding.check] = None
    reasons = [
        f"{_checks(len(names))} that must pass {'is' if len(names) == 1 else 'are'} inconclusive "
        f"({', '.join(names)}): {reason}"
        for reason, names in by_reason.items()
    ]
    if len(reasons) <= _MOST:
        return reasons
    return [*reasons[: _MOST - 1], f"and {len(reasons) - _MOST + 1} more reasons"]


def _failed(findings: Sequence[Finding]) -> str:
    errors = [finding for finding in findings if finding.verdict is Verdict.ERROR]
    failed = sum(map(_closes, findings)) - len(errors)
    stopped = sum(1 + len(finding.also) for finding in errors)
    total = _checks(len(findings) - len(errors) + stopped)
    words = f"{failed} of {total} failed"
    if not stopped:
        return words
    several = "an error" if len(errors) == 1 else f"{len(errors)} errors"
    if not failed:
        return f"{several} left {stopped} of {total} without a verdict"
    return f"{words}, and {several} left {_checks(stopped)} without a verdict"


def _partial(
    findings: Sequence[Finding],
    required: Sequence[RequiredCheck],
    asked: Sequence[RequiredCheck],
) -> list[str]:
    """Why the audit is not a full one, the most telling reason first."""
    by_reason = defaultdict(list)
    for check in missing_checks(findings, required, asked):
        subject = check.suite if check.reason == NOT_ASKED and check.suite else check.check
        by_reason[subject, check.reason].append(check)
    reasons = [
        f"{subject} {reason}" if reason in (NOT_ASKED, NOT_RUN) else f"{subject}: {reason}"
        for subject, reason in by_reason
    ]
    if not required:
        reasons.append("no check is required")
    if not reasons and (idle := sum(f.verdict is Verdict.NONE for f in findings)):
        reasons.append(f"{_checks(idle, 'planned ')} not run")
    return reasons


def _is_among(check: RequiredCheck, ids: Collection[str]) -> bool:
    own = "/".join([check.check, *place_of(check)])
    return any(id == own or id.startswith(f"{own}/") for id in ids)


def _has_nothing_to_lose(finding: Finding) -> bool:
    return finding.verdict is Verdict.NOT_APPLICABLE and finding.reason.startswith(NO_SKILL)


def _lack(here: Sequence[Finding], must_pass: bool) -> tuple[str, str] | None:
    """Why a check is missing at a place, and what to do; None if it is not."""
    if not here:
        return NOT_ASKED, "ask the suite or the file of checks that holds it"
    for finding in here:
        if finding.verdict is Verdict.NONE:
            return NOT_RUN, _RUN
        if must_pass and finding.verdict is Verdict.NOT_APPLICABLE:
            return f"does not apply: {finding.reason}", _KIND
    return None


def _checks(number: int, kind: str = "") -> str:
    return f"1 {kind}check" if number == 1 else f"{number} {kind}checks"
