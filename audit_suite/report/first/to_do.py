"""What to do now: by cause, by what is missing, and by what would decide."""

from __future__ import annotations

from collections.abc import Iterator

from audit_suite.record import Finding, MissingCheck, Record
from audit_suite.record.policy import MUST_PASS
from audit_suite.report.first.causes import in_words as cause_in_words
from audit_suite.report.first.causes import open_in_words
from audit_suite.report.places import in_words
from audit_suite.report.unfit import remedies
from audit_suite.statistics import TOO_LITTLE, why_undecided
from audit_suite.verdict import Verdict

_MOST = 5


def to_do(record: Record) -> tuple[str, ...]:
    """Orders, the most urgent first; at most five, then how many more the page holds."""
    orders = list(dict.fromkeys(_orders(record)))
    if len(orders) <= _MOST:
        return tuple(orders)
    return (*orders[: _MOST - 1], f"and {len(orders) - _MOST + 1} more, with the findings below")


def _orders(record: Record) -> Iterator[str]:
    yield from _of_causes(record)
    yield from _of_findings(record)
    lacking: dict[str, list[MissingCheck]] = {}
    for missing in record.policy.missing:
        lacking.setdefault(missing.remedy, []).append(missing)
    for remedy, all in lacking.items():
        suites = ", ".join(dict.fromkeys(one.suite for one in all if one.suite))
        checks = ", ".join(dict.fromkeys(one.check for one in all))
        yield _order(f"{checks}{f' (suite {suites})' if suites else ''}: {remedy}")
    for dataset in dict.fromkeys(finding.dataset for finding in record.findings):
        here = [finding for finding in record.findings if finding.dataset == dataset]
        for remedy, ids in remedies(here).items():
            failed = ", ".join(ids)
            yield _order(f"{remedy}: until then {dataset} cannot acquit any model ({failed})")
    yield from _of_the_undecided(record)
    for target in record.targets:
        if target.needed:
            yield _order(f"{in_words(target)}: {target.needed}")
    yield from _unknown(record)
    if record.decision == "open":
        yield (
            "Let people read the images that were hidden (three readers), audit another hospital's "
            "patients, and go on to a clinical evaluation."
        )


def _of_causes(record: Record) -> Iterator[str]:
    for cause in record.causes:
        for flag in cause.flags:
            if flag.holds == "yes" and (remedy := flag.remedy or flag.settles):
                yield _order(f"{cause_in_words(flag.cause)}: {remedy}")


def _of_findings(record: Record) -> Iterator[str]:
    """Errors, and fails that no cause explains."""
    for finding in record.findings:
        if finding.verdict is Verdict.ERROR:
            yield _order(f"correct the error of {_named(finding)}: {finding.reason}")
    if record.decision == "closed" and not any(cause.causes for cause in record.causes):
        for finding in record.findings:
            if finding.verdict is Verdict.FAIL and finding.role != "context":
                yield _order(f"look at {_named(finding)}: no cause is named for it")


def _of_the_undecided(record: Record) -> Iterator[str]:
    """Why checks that must pass are undecided, where more patients are not the answer."""
    for finding in record.findings:
        if finding.role in MUST_PASS and finding.verdict is Verdict.INCONCLUSIVE:
            why = why_undecided(finding)
            if not why.startswith(TOO_LITTLE):
                yield _order(f"look at {_named(finding)}: {why}")


def _unknown(record: Record) -> Iterator[str]:
    """What would settle causes that are not known, where the gate is not open."""
    if record.decision == "open":
        return
    for cause in record.causes:
        for flag in cause.flags:
            if flag.holds == "unknown" and flag.settles:
                yield _order(f"to know {open_in_words(flag.cause)}: {flag.settles}")


def _named(finding: Finding) -> str:
    return f"{finding.check} ({finding.title})" if finding.title != finding.check else finding.check


def _order(text: str) -> str:
    text = " ".join(text.split())
    return f"{text[:1].upper()}{text[1:]}" + ("" if text.endswith((".", "!", "?")) else ".")
