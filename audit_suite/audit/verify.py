"""Recompute a record: its digests, counts, verdicts and decision follow from its numbers."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterator, Sequence
from pathlib import Path

from pydantic import ValidationError

from audit_suite.audit.baseline_checks import REST, SKILL
from audit_suite.audit.gate import count_verdicts, decide_by, missing_checks
from audit_suite.audit.policy import Policy
from audit_suite.audit.target_decisions import target_decisions
from audit_suite.cards import canonical_digest
from audit_suite.errors import AuditError
from audit_suite.record import ComparisonRecord, Finding, Record, RequiredCheck, load_record
from audit_suite.report.places import place_of
from audit_suite.statistics import joint_verdict, judge_again
from audit_suite.verdict import SEVERITY, Verdict, worst

_SAME = 1e-6  # other versions of numpy and scipy differ in the last digits


def load_verified(path: str | Path) -> Record:
    """Read a record, and refuse one whose parts contradict each other.

    Raises:
        AuditError: If it cannot be read, or was altered.
    """
    record = load_record(path)
    if problems := list(contradictions(record)):
        more = f" (and {len(problems) - 1} more)" if len(problems) > 1 else ""
        raise AuditError(
            f"{path} was altered after the audit: {problems[0]}{more}",
            "use the record as the audit wrote it, or repeat the audit; `audit-suite verify` lists "
            "all that is wrong",
        )
    return record


def contradictions(record: Record) -> Iterator[str]:
    """Everything in a record that does not follow from the rest of it, one sentence each.

    Counts, verdicts and the decision are computed again from estimates, margins and levels, and
    digests from the content. Whoever changes everything consistently, digests included, can only
    be caught by a signature.
    """
    if record.digest != record.content_digest():
        yield "its digest is not that of its content"
    if record.counts != count_verdicts(record.findings):
        yield "its counts are not those of its findings"
    for finding in record.findings:
        yield from _finding(finding, 1 - record.provenance.settings.confidence)
    yield from _policy(record)
    yield from _baseline(record)
    gate = decide_by(record.findings, record.policy)
    if gate.decision != record.decision:
        yield f"its decision is {record.decision}, but its findings say {gate.decision}"
    elif gate.reason != record.decision_reason:
        yield "the reason of its decision is not the one that its findings give"
    needed = {place_of(target): target.needed for target in record.targets}
    if record.targets != target_decisions(record.findings, record.policy, needed):
        yield "its decisions by target are not those that its findings give"


def _finding(finding: Finding, alpha: float) -> Iterator[str]:
    groups: dict[int, list[ComparisonRecord]] = defaultdict(list)
    for comparison in finding.comparisons:
        groups[comparison.group].append(comparison)
        yield from _comparison(finding.id, comparison, alpha)
    for group in groups.values():
        joint = joint_verdict(group)
        if any(comparison.verdict is not joint for comparison in group):
            yield f"{finding.id}: a joint verdict is not the one of its comparisons"
    compared = worst(comparison.verdict for comparison in finding.comparisons)
    if finding.verdict is Verdict.WAIVED:
        if finding.waiver is None:
            yield f"{finding.id} is waived by nobody"
    elif finding.verdict is Verdict.NOT_APPLICABLE:
        if compared is Verdict.FAIL:
            yield f"{finding.id} is said not to apply, but its comparisons fail"
    elif finding.verdict is not Verdict.NONE or finding.comparisons:
        if SEVERITY.index(finding.verdict) < SEVERITY.index(compared):
            yield f"{finding.id} is {finding.verdict}, but its comparisons give {compared}"
        elif finding.verdict is Verdict.PASS and not finding.comparisons:
            yield f"{finding.id} passed without a comparison"


def _comparison(id: str, comparison: ComparisonRecord, alpha: float) -> Iterator[str]:
    estimate, basis = comparison.estimate, comparison.basis
    if basis is None:
        holds = estimate.value < comparison.margin or (
            comparison.relation == "<=" and estimate.value == comparison.margin
        )
        if comparison.alone is not (Verdict.PASS if holds else Verdict.FAIL):
            yield f"{id}: {comparison.rule} is not {comparison.alone} at {estimate.value:g}"
        return
    if not math.isclose(basis.alpha, alpha, abs_tol=_SAME):
        yield f"{id}: judged at the level {basis.alpha:g}, not the audit's {alpha:g}"
    again = judge_again(comparison)
    pairs = (
        (again.estimate.low, estimate.low),
        (again.estimate.high, estimate.high),
        (again.pass_low, comparison.pass_low),
        (again.pass_high, comparison.pass_high),
        (again.p_raw, comparison.p_raw),
        (again.fail_level, comparison.fail_level),
    )
    if not all(math.isclose(now, then, rel_tol=_SAME, abs_tol=_SAME) for now, then in pairs):
        yield f"{id}: the interval or p value of {estimate.label} does not follow from it"
    elif again.alone is not comparison.alone:
        yield f"{id}: {comparison.rule} is {comparison.alone}, but its numbers give {again.alone}"
    elif not math.isclose(again.bound or 0.0, comparison.bound or 0.0, abs_tol=_SAME):
        yield f"{id}: the bound that decided on {estimate.label} does not follow from its numbers"


def _baseline(record: Record) -> Iterator[str]:
    """A comparison with a baseline, and the findings that carry its verdicts, go together."""
    by_check = {(finding.check, place_of(finding)): finding for finding in record.findings}
    if record.baseline is None:
        if any(check in (SKILL, REST) for check, _ in by_check):
            yield "it has findings on a baseline, but no baseline"
        return
    regressions = record.baseline.regressions
    worse = {place_of(change) for change in regressions if change.kind == "worse"}
    for place in dict.fromkeys(map(place_of, record.policy.required)):
        here = [by_check.get((check, place)) for check in (SKILL, REST)]
        if None in here:
            yield f"the comparison of {place[0]} with its baseline has no finding"
        elif place in worse and not any(
            comparison.verdict is Verdict.FAIL
            for finding in here
            if finding is not None
            for comparison in finding.comparisons
        ):
            yield f"{place[0]} is said to be worse than its baseline, but no comparison fails"


def _policy(record: Record) -> Iterator[str]:
    held = record.policy
    if held.digest != canonical_digest(held.content):
        yield "the digest of its policy is not that of the policy"
    try:
        policy = Policy.model_validate(held.content)
    except ValidationError:
        yield "its policy is not a policy"
        return
    places = dict.fromkeys([*map(place_of, held.required), *map(place_of, record.findings)])
    try:
        required, asked = policy.required_checks(places), policy.asked_checks(places)
    except AuditError as error:
        yield str(error)
        return
    if (_keys(required), _keys(asked)) != (_keys(held.required), _keys(held.asked)):
        yield "its required checks are not those of its policy"
    unasked = {model.name for model in record.provenance.models} - {p[0] for p in places}
    if unasked:
        yield f"nothing is required of the model {min(unasked)}"
    if held.missing != missing_checks(record.findings, held.required, held.asked):
        yield "the missing checks it lists are not those that are missing"
    for finding in record.findings:
        if finding.role != policy.role(finding.check, finding.target):
            yield f"{finding.id} has another role than its policy gives it"


def _keys(checks: Sequence[RequiredCheck]) -> list[str]:
    return sorted(check.model_dump_json() for check in checks)
