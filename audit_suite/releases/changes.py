"""What one check says of a release and of the one before, in a word and a sentence."""

from __future__ import annotations

from collections.abc import Sequence

from audit_suite.record import Change, ChangeKind, Finding
from audit_suite.record.policy import OF_THE_MODEL
from audit_suite.releases.matching import Matched
from audit_suite.statistics import Comparison, deciding
from audit_suite.verdict import Verdict

_GOOD, _BAD = (Verdict.PASS, Verdict.WAIVED), (Verdict.FAIL, Verdict.ERROR)
_ANSWERS = (*_GOOD, *_BAD, Verdict.INCONCLUSIVE)
Said = tuple[ChangeKind, str]


def is_answered(finding: Finding | None) -> bool:
    """Whether a check came to any verdict on the model."""
    return finding is not None and finding.verdict in _ANSWERS


def change_of(
    before: Finding | None,
    now: Finding | None,
    matched: Matched,
    losses: Sequence[Sequence[Comparison]],
    paired: bool,
    regresses: bool,
) -> Change:
    """What changed in one check and place.

    Args:
        before: The earlier finding; None if the check was not asked there.
        now: The later one; None likewise, but one of both is there.
        matched: How the audits belong together.
        losses: Judged losses, those of a list together; if there are any.
        paired: Whether they are paired by patient.
        regresses: Whether a loss that is shown is a regression.
    """
    some = now or before
    assert some is not None
    decider = _decider(losses)
    kind, reason = _said(before, now, matched, decider)
    return Change(
        check=some.check,
        title=some.title,
        question=some.question,
        case=some.case,
        model=some.model,
        dataset=some.dataset,
        target=some.target,
        role=some.role,
        kind=kind,
        before=None if before is None else before.verdict,
        now=None if now is None else now.verdict,
        loss=None if decider is None else decider.estimate,
        paired=paired,
        regression=some.role in OF_THE_MODEL and _is_regression(kind, now, some, regresses),
        reason=reason,
    )


def _is_regression(kind: ChangeKind, now: Finding | None, some: Finding, regresses: bool) -> bool:
    """A guard that does not apply any more is listed; one that was left out is a regression."""
    if kind == "lost":
        return now is None or now.verdict is not Verdict.NOT_APPLICABLE or some.role == "required"
    return kind == "new" or (kind == "worse" and regresses)


def _said(
    before: Finding | None, now: Finding | None, matched: Matched, decider: Comparison | None
) -> Said:
    if now is not None and now.dataset in matched.other_data:
        return "not compared", "other data than before"
    if not is_answered(before):
        return "added", "not answered before"
    assert before is not None
    if now is None:
        return "lost", "answered before, and not asked now"
    if now.verdict not in _ANSWERS:
        return "lost", f"answered before, and not now: {now.reason}"
    if before.margin != now.margin and before.margin is not None and now.margin is not None:
        return _by_estimates(before.margin, now.margin, decider)
    if now.verdict in _BAD and before.verdict not in _BAD:
        return "new", now.reason
    if decider is not None and decider.verdict is Verdict.FAIL:
        return "worse", decider.message
    if before.verdict in _BAD and now.verdict in _GOOD:
        return "fixed", now.reason
    if before.verdict in _GOOD and now.verdict is Verdict.INCONCLUSIVE:
        return "undecided", now.reason
    return "unchanged", "" if decider is None else decider.message


def _by_estimates(before: float, now: float, decider: Comparison | None) -> Said:
    words = f"the margin was {before:g} and is {now:g}, so verdicts are not compared"
    if decider is None:
        return "not compared", words
    kind: ChangeKind = "worse" if decider.verdict is Verdict.FAIL else "unchanged"
    return kind, f"{words}; {decider.message}"


def _decider(losses: Sequence[Sequence[Comparison]]) -> Comparison | None:
    """Of groups of losses the one nearest to a regression, and of that the one that decides."""
    deciders = [deciding(together) for together in losses]
    order = Verdict.FAIL, Verdict.INCONCLUSIVE, Verdict.PASS
    return min(deciders, key=lambda one: (order.index(one.verdict), one.p_raw), default=None)
