"""The decision in words, and why."""

from __future__ import annotations

from collections.abc import Iterator

from audit_suite.record import ComparisonRecord, Record, TargetDecision
from audit_suite.record.policy import OF_THE_MODEL
from audit_suite.report.bounds import bound
from audit_suite.report.first.undecided import undecided_in_words
from audit_suite.report.first.watched import MEANINGS as WATCH_MEANINGS
from audit_suite.report.first.watched import TITLES as WATCHED
from audit_suite.report.first.watched import is_watch
from audit_suite.report.places import in_words
from audit_suite.report.severity import severity
from audit_suite.report.words import RATES, acceptance, decided, full_sentence, number
from audit_suite.verdict import Verdict

FEW = 6
"""Up to so many targets each has a line on the first screen."""

TITLES = {
    "open": "No fault found in what was asked",
    "closed": "Do not release: fault found",
    "undecided": "Not decided",
    "partial": "Not a full audit",
}
"""What a reader needs to know first, by the decision."""

MEANINGS = {
    "open": "Every check that the policy requires passed and no other check failed, within the "
    "limits listed below. It does not say that the model helps patients.",
    "closed": "On this evidence the model should not be released or bought for this use.",
    "undecided": "No fault of the model was shown, but these data cannot show what the policy "
    "requires.",
    "partial": "Something that the policy requires was not asked or not judged, so no release can "
    "rest on this report.",
}


def title(record: Record) -> str:
    """The decision as a heading: what is at fault, why it is open, or what was not asked."""
    if is_watch(record):
        return WATCHED[record.decision]
    words = TITLES[record.decision]
    if record.decision == "undecided":
        return f"{words}: {undecided_in_words(record)}"
    if record.decision == "partial" and (missing := missing_checks(record)):
        count = len(missing)
        named = ", ".join(missing[:3]) + (f" and {count - 3} more" if count > 3 else "")
        return f"{words}: {named} {'was' if count == 1 else 'were'} not asked or not judged"
    if record.decision == "closed" and _errors_alone(record):
        return "Do not release: the audit ended with errors"
    return words


def missing_checks(record: Record) -> list[str]:
    """Ids of the required checks without a verdict, each once."""
    return list(dict.fromkeys(missing.check for missing in record.policy.missing))


def why(record: Record) -> tuple[str, ...]:
    """Why, and how sure, in at most three sentences."""
    return tuple(_why(record))[:3]


def _why(record: Record) -> Iterator[str]:
    meanings = WATCH_MEANINGS if is_watch(record) else MEANINGS
    yield f"{full_sentence(record.decision_reason)} {meanings[record.decision]}"
    if record.decision == "closed" and (failed := _worst(record)) is not None:
        yield failed
        yield _levels(record)
        return
    alone = record.targets[0] if len(record.targets) == 1 else None
    if alone is not None and alone.kept:  # of several, each has a line of its own
        yield full_sentence(alone.kept)
    yield _levels(record)


def _worst(record: Record) -> str | None:
    """The fail that a reader should know first: of a required check, then of a guard."""
    failed = [f for f in record.findings if f.verdict is Verdict.FAIL and f.role in OF_THE_MODEL]
    if not failed:
        return None
    first = min(failed, key=severity)
    judged = [_measured(c) for c in first.comparisons if c.verdict is Verdict.FAIL]
    more = len(failed) - 1
    also = f" {more} other check{'s' * (more > 1)} failed too." if more else ""
    return full_sentence(f"{first.check} asks: {first.question} No: {'; '.join(judged[:1])}") + also


def _measured(comparison: ComparisonRecord) -> str:
    """What was measured, on how many, and what passes."""
    estimate = comparison.estimate
    low, high = acceptance(comparison)
    if low is None or high is None:
        passes = f"below {high:g}" if high is not None else f"above {low:g}"
    else:
        passes = f"between {number(low, 2)} and {number(high, 2)}"
    value, *ends = (number(each, 2) for each in (estimate.value, estimate.low, estimate.high))
    measured = (
        f"{estimate.label} is {value} [{', '.join(ends)}] on {estimate.n_patients:,} patients"
    )
    by = f" ({decider})" if (decider := bound(comparison)) else ""
    return f"{measured}{by}; {passes} passes"


def _levels(record: Record) -> str:
    level = 1 - record.provenance.settings.confidence
    passing = level / record.policy.content.get("looks", 1)
    alone = record.provenance.settings.multiplicity == "none"
    whom = "each check" if alone else "any check of a model"
    return (
        f"A pass is shown at one-sided {passing:.2g}; that {whom} fails wrongly has a chance of at "
        f"most {level:.2g}; intervals are 95 %, by patient."
    )


def target_lines(record: Record) -> tuple[tuple[str, str], ...]:
    """Place and decision of each target; of more than six, and of one that says no more, none."""
    targets = record.targets
    alone = len(targets) == 1
    if len(targets) > FEW or (alone and _decides(targets[0], record)):
        return ()
    return tuple((in_words(target), decided(target)) for target in targets)


def _decides(target: TargetDecision, record: Record) -> bool:
    return target.primary and target.decision == record.decision


def error_rates(record: Record) -> str:
    """How often the instrument itself was wrong, in one line; empty if it was not measured."""
    calibration = record.provenance.calibration
    if calibration is None:
        return ""
    wanted = ("honest_blocked", "outside_blocked")
    rates = {rate.name: rate for rate in calibration.rates}
    parts = [
        f"{RATES[name][0].lower()}{RATES[name][1:]} in {rates[name].value:.1%} of {rates[name].of}"
        for name in wanted
        if name in rates
    ]
    if not parts:
        return ""
    caveat = f" ({calibration.caveat})" if calibration.caveat else ""
    return f"Measured on {calibration.models:,} synthetic models{caveat}: {'; '.join(parts)}."


def _errors_alone(record: Record) -> bool:
    verdicts = {finding.verdict for finding in record.findings}
    return Verdict.ERROR in verdicts and Verdict.FAIL not in verdicts
