"""The audit's section in the terminal without -v: what did not pass, and the first screen."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from math import ceil

from audit_suite.record import Finding, Record
from audit_suite.report.first import FirstScreen, first_screen
from audit_suite.report.first.groups import worst_first
from audit_suite.report.first.rows import Row
from audit_suite.report.places import in_words
from audit_suite.report.severity import OPEN, severity
from audit_suite.report.words import attention, word, wrapped
from audit_suite.verdict import Verdict

LINES = 40
"""What fits on a screen; the failures get what the rest leaves."""
AROUND = 8
"""Lines of the audit's section besides these: its head, counts, exit code and files."""
PLACES, NOTES, ORDERS = 4, 2, 2
"""How many of each are told; how many more there are is said."""
_TOLD = (*OPEN, Verdict.WAIVED)


def brief(record: Record, width: int) -> list[str]:
    """The lines, so many that the audit's section takes forty for any number of checks.

    Args:
        record: The record.
        width: Columns of the terminal.
    """
    width, first = max(width, 40), first_screen(record)
    before = wrapped(f"{first.title}.", width, 2)
    if record.decision_reason.lower() not in first.title.lower():
        before += wrapped(f"{record.decision_reason}.", width, 2)
    before += _told(_places(first), PLACES, "places", width, 2)
    before += _told((f"  {line}" for line in attention(record)), NOTES, "notes", width, 1)
    after = []
    if record.decision != "open":
        for cause in record.causes[:1]:
            after += wrapped(cause.sentence, width, 2)
        after += _told((f"to do: {order}" for order in first.to_do), ORDERS, "orders", width, 2)
    room = LINES - AROUND - len(before) - len(after)
    return [*before, *_failures(record, width, room), *after]


def _failures(record: Record, width: int, room: int) -> Iterator[str]:
    """What did not pass, check by check, as far as there is room, and the command of the first."""
    groups = _groups(record.findings)
    rest = list(groups)
    room -= 2  # how many more there are
    if groups:  # the command, which is not cut, and the line above it
        room -= 1 + ceil((len(next(iter(groups.values()))[0].command) + 2) / width)
    while rest and len(lines := _failure(rest[0], groups[rest[0]], width)) <= room:
        yield from lines
        room -= len(lines)
        del rest[0]
    if rest:
        yield from wrapped(f"  and {len(rest)} more: {', '.join(rest)} (-v lists them)", width, 2)
    if groups:
        worst = next(iter(groups.values()))[0]
        yield f"repeat {worst.check}:"
        yield f"  {worst.command}"  # whole, to be copied


def _places(first: FirstScreen) -> Iterator[str]:
    for row in worst_first(first.rows):
        target = row.decision
        text = f"  {in_words(target)}: {target.decision}"
        yield f"{text}; {numbers}" if (numbers := _numbers(row)) else text


def _numbers(row: Row) -> str:
    """The three AUROCs, as far as they were asked, and what is left of the skill."""
    aurocs = [f"{mark.name} {mark.estimate.value:.2f}" for mark in row.marks if mark.estimate]
    known = [f"AUROC {', '.join(aurocs)}"] if aurocs else []
    if row.cause not in ("none named", "not asked"):
        known.append(f"cause: {row.cause}")
    return "; ".join([*known, *filter(None, (row.decision.kept, row.decision.needed))])


def _groups(findings: Iterable[Finding]) -> dict[str, list[Finding]]:
    """What did not pass by check: the most severe first, and what must pass before what may not."""
    groups: dict[str, list[Finding]] = {}
    for finding in sorted((f for f in findings if f.verdict in _TOLD), key=severity):
        groups.setdefault(finding.check, []).append(finding)
    return groups


def _failure(check: str, findings: Sequence[Finding], width: int) -> list[str]:
    """A check once, with the reason of its first finding, and how many more cases it has."""
    first, others = findings[0], len(findings) - 1
    title = f" {first.title}" if first.title != check else ""
    case = f" [{first.case}]" if first.case else ""
    more = f" (and {others} more case{'s' * (others > 1)})" if others else ""
    where = f" on {first.dataset}, {first.target}"
    head = f"{word(first).upper()} {check}{title}{case}{where}{more}{first.and_more}"
    reason = first.reason.splitlines()[:1]
    return [*wrapped(head, width, 2), *(wrapped(f"  {reason[0]}", width, 2) if reason else ())]


def _told(lines: Iterable[str], most: int, what: str, width: int, each: int = 3) -> Iterator[str]:
    told = list(lines)
    for line in told[:most]:
        yield from wrapped(line, width, each)
    if len(told) > most:
        yield f"  and {len(told) - most} more {what} (-v, or the report)"
