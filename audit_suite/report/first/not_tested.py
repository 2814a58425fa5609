"""What was not tested, grouped by the reason."""

from __future__ import annotations

from audit_suite.record import Record
from audit_suite.report.words import word
from audit_suite.verdict import Verdict

_NAMED = 6  # checks of one reason that are named
_ALWAYS = (
    "devices and text on the region itself, which masking cannot see",
    "other hospitals, scanners and years than those of the data",
    "whether the model helps patients",
)


def not_tested(record: Record) -> tuple[tuple[str, str], ...]:
    """Reasons, each with what it kept from being tested; the most checks first.

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
    if record.policy.missing:
        reason = "required, but not asked or not judged"
        groups[reason] = [missing.check for missing in record.policy.missing]
    ordered = sorted(groups.items(), key=lambda item: -len(set(item[1])))
    return (
        *((reason, _named(checks)) for reason, checks in ordered),
        ("No check of this audit can see", "; ".join(_ALWAYS)),
    )


def _named(checks: list[str]) -> str:
    once = list(dict.fromkeys(checks))
    more = len(once) - _NAMED
    return ", ".join(once[:_NAMED]) + (f" and {more} more" if more > 0 else "")
