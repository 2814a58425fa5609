"""What was not tested, grouped by the reason."""

from __future__ import annotations

import re

from audit_suite.record import Record
from audit_suite.report.words import word
from audit_suite.verdict import Verdict

_NAMED = 6  # checks of one reason that are named
ALWAYS = (
    "No check of this audit can see",
    "devices and text on the region itself, which masking cannot see; other hospitals, scanners "
    "and years than those of the data; whether the model helps patients",
)
"""What stands below every report, open ones too."""
_QUOTED = re.compile(r"'([^']+)'")


def not_tested(record: Record) -> tuple[tuple[str, str], ...]:
    """Reasons, each with what it kept from being tested; the most checks first.

    Reasons that differ in one name alone, as of a tag, are one.

    Args:
        record: The record.
    """
    groups: dict[str, list[str]] = {}
    for finding in record.findings:
        if finding.verdict is Verdict.NONE:
            reason = "planned, but not run"
        elif finding.verdict is Verdict.NOT_APPLICABLE and word(finding) != "reported":
            reason = finding.reason.splitlines()[0] if finding.reason else "does not apply"
        else:
            continue
        groups.setdefault(reason, []).append(finding.check)
    ordered = sorted(_joined(groups).items(), key=lambda item: -len(set(item[1])))
    reasons = [(reason, _named(checks)) for reason, checks in ordered]
    if record.policy.suites_not_asked:
        reasons.insert(0, ("suites that were not asked", ", ".join(record.policy.suites_not_asked)))
    if record.policy.missing:
        checks = [missing.check for missing in record.policy.missing]
        reasons.insert(0, ("required, but not asked or not judged", _named(checks)))
    return (*reasons, ALWAYS)


def _joined(groups: dict[str, list[str]]) -> dict[str, list[str]]:
    """Groups whose reasons are alike but for one quoted name, under the names of all."""
    alike: dict[str, list[str]] = {}
    for reason in groups:
        once = len(_QUOTED.findall(reason)) == 1
        alike.setdefault(_QUOTED.sub("''", reason) if once else reason, []).append(reason)
    return {
        _with_names(reasons): [check for reason in reasons for check in groups[reason]]
        for reasons in alike.values()
    }


def _with_names(reasons: list[str]) -> str:
    if len(reasons) == 1:
        return reasons[0]
    names = [_QUOTED.findall(reason)[0] for reason in reasons]
    more = len(names) - _NAMED
    listed = ", ".join(f"'{name}'" for name in names[:_NAMED])
    return _QUOTED.sub(lambda _: listed + (f" and {more} more" if more > 0 else ""), reasons[0])


def _named(checks: list[str]) -> str:
    once = list(dict.fromkeys(checks))
    more = len(once) - _NAMED
    return ", ".join(once[:_NAMED]) + (f" and {more} more" if more > 0 else "")
