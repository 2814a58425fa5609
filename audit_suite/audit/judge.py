"""Turn what a test did into its finding: the verdict, the deciding comparison and the reason."""

from __future__ import annotations

import traceback
from collections.abc import Sequence
from typing import Protocol

from audit_suite.audit.waivers import Waiver, today
from audit_suite.errors import AuditError
from audit_suite.record import ComparisonRecord, Finding, WaiverRecord
from audit_suite.statistics import Comparison, Recorded, deciding
from audit_suite.verdict import SEVERITY, Inconclusive, NotApplicable, Verdict, worst

_MOST_RULES = 8  # that a claim lists


class Case(Protocol):
    """What is judged."""

    def planned(self) -> Finding:
        """Its finding, with verdict ``none``."""
        ...


def judge(
    case: Case,
    raised: BaseException | None,
    recorded: Recorded,
    waivers: Sequence[Waiver],
) -> Finding:
    """Decide the verdict of one case.

    A check passes only if it made at least one comparison, every comparison passed, and nothing was
    raised. A failed comparison counts even if the test did not act on it (a verdict may only get
    worse). An exception other than AssertionError is an error, not evidence against the model.
    """
    finding = case.planned()
    comparisons = recorded.comparisons
    verdict, reason = verdict_of(raised, comparisons)
    if recorded.example:
        reason = f"{reason}; with {recorded.example}"
    finding.verdict, finding.reason = verdict, reason
    finding.comparisons = [comparison.to_record() for comparison in comparisons]
    finding.observations = list(recorded.observations)
    finding.counterexample = recorded.counterexample
    if finding.observations and not comparisons:
        finding.estimate = finding.observations[0].model_copy(deep=True)
    if comparisons:
        deciding = _deciding(comparisons).to_record()
        finding.claim = _claim(deciding, finding.comparisons)
        finding.estimate = deciding.estimate
        finding.margin, finding.margin_source = deciding.margin, deciding.margin_source
        finding.would_pass = _would_pass(deciding)
    return _waive(finding, waivers)


def worsened(finding: Finding, other: Finding, by: str) -> Finding:
    """The finding, with the verdict of ``other`` where that is worse; never with a better one.

    Args:
        finding: As it was judged.
        other: The same finding as somebody else gives it.
        by: Who that is, for the reason.
    """
    if SEVERITY.index(other.verdict) <= SEVERITY.index(finding.verdict):
        return finding
    reason = f"{finding.verdict} before {by} made it {other.verdict}: {other.reason}"
    return finding.model_copy(update={"verdict": other.verdict, "reason": reason})


def verdict_of(
    raised: BaseException | None, comparisons: Sequence[Comparison]
) -> tuple[Verdict, str]:
    """The verdict on what a test did, and the reason.

    Args:
        raised: What it raised, if anything.
        comparisons: All that it made.
    """
    compared = worst(comparison.verdict for comparison in comparisons)
    message = _deciding(comparisons).message if comparisons else ""
    if isinstance(raised, NotApplicable) and compared is not Verdict.FAIL:
        return Verdict.NOT_APPLICABLE, str(raised)
    if isinstance(raised, Inconclusive):
        return worst((Verdict.INCONCLUSIVE, compared)), str(raised) or message
    if isinstance(raised, AuditError):
        return Verdict.ERROR, str(raised)
    if isinstance(raised, AssertionError):
        words = _own_words(raised)
        if compared is Verdict.FAIL:
            return Verdict.FAIL, f"{message}; {words}" if words else message
        return Verdict.FAIL, words or _line_of(raised)
    if raised is not None:
        first_line = str(raised).partition("\n")[0]
        return Verdict.ERROR, f"{type(raised).__name__}: {first_line}"
    if not comparisons:
        return Verdict.ERROR, "the check compared no estimate, so it has no verdict on the model"
    return compared, message


def _own_words(raised: AssertionError) -> str:
    """The message of an assertion; empty if it has none, also where pytest wrote one."""
    first_line = str(raised).partition("\n")[0]
    return "" if first_line.startswith("assert ") else first_line


def _line_of(raised: AssertionError) -> str:
    """What a test asserted, as its source says: the same whether pytest rewrote it or not."""
    frames = traceback.extract_tb(raised.__traceback__)
    line = frames[-1].line if frames else None
    return line or str(raised).partition("\n")[0] or "an assertion failed"


def _claim(decider: ComparisonRecord, comparisons: Sequence[ComparisonRecord]) -> str:
    """What was claimed: every rule, or where there are many the one that decided."""
    rules = list(dict.fromkeys(comparison.rule for comparison in comparisons))
    if len(rules) <= _MOST_RULES:
        return "; ".join(rules)
    return f"{decider.rule}, and {len(rules) - 1} more like it"


def _would_pass(comparison: ComparisonRecord) -> str:
    """The result that would have passed, at the level that a pass must hold at."""
    label, margin, basis = comparison.estimate.label, comparison.margin, comparison.basis
    level = 0.0 if basis is None else basis.alpha / basis.chances
    if comparison.centre is not None:
        low, high = comparison.centre - margin, comparison.centre + margin
        claimed = f"{label} inside {low:g} to {high:g}"
        interval = f"a {100 * (1 - 2 * level):.4g} % interval"
    else:
        side = {"<": "below", "<=": "at most", ">": "above"}[comparison.relation]
        claimed = f"{label} {side} {margin:g}"
        bound = "an upper" if side != "above" else "a lower"
        interval = f"{bound} one-sided {100 * (1 - level):.4g} % bound"
    return claimed if basis is None else f"{interval} of {claimed}"


def _deciding(comparisons: Sequence[Comparison]) -> Comparison:
    """The comparison that decided: of the groups with the worst verdict the last to be decided.

    Of several fails the weakest; of what passed or is undecided the one nearest to failing.
    """
    groups: dict[int, list[Comparison]] = {}
    for comparison in comparisons:
        groups.setdefault(comparison.group, []).append(comparison)
    compared = worst(comparison.verdict for comparison in comparisons)
    same = [deciding(group) for group in groups.values() if group[0].verdict is compared]
    if compared is Verdict.FAIL:
        return max(same, key=lambda comparison: comparison.p_raw)
    return min(same, key=lambda comparison: comparison.p_raw)


def _waive(finding: Finding, waivers: Sequence[Waiver]) -> Finding:
    if finding.verdict not in (Verdict.FAIL, Verdict.INCONCLUSIVE):
        return finding
    identity = (finding.check, finding.model, finding.dataset, finding.target)
    now = today()
    for waiver in waivers:
        if not waiver.covers(*identity):
            continue
        if waiver.expired(now):
            finding.reason += f" (a waiver by {waiver.owner} expired on {waiver.expires})"
            continue
        finding.reason = f"{finding.verdict}: {finding.reason}"
        finding.verdict = Verdict.WAIVED
        finding.waiver = WaiverRecord(
            owner=waiver.owner, reason=waiver.reason, expires=waiver.expires.isoformat()
        )
        break
    return finding
