"""Everything on the first screen, as a function of the record alone."""

from __future__ import annotations

from dataclasses import dataclass

from audit_suite.record import Record
from audit_suite.report.first.causes import causes
from audit_suite.report.first.decision import error_rates, target_lines, title, why
from audit_suite.report.first.groups import Group, groups, tally
from audit_suite.report.first.identity import identity
from audit_suite.report.first.not_tested import not_tested
from audit_suite.report.first.rows import Row, rows
from audit_suite.report.first.strip import Strip, strip
from audit_suite.report.first.to_do import to_do


@dataclass(frozen=True)
class FirstScreen:
    """What a reviewer needs in three minutes, in order.

    Attributes:
        title: The decision.
        causes: What is named as the cause, and what is still open: labels and text.
        identity: What was audited, on whom, when and by which rules: labels and text.
        rows: One per model, data set and target.
        groups: The rows as they are compared, where there are many.
        tally: How many rows have which decision.
        strip: One sick patient as the model saw him; None without pictures.
        why: Why, and how sure, in at most three sentences.
        targets: Place and decision of each target, where there are few.
        error_rates: How often the instrument is wrong; empty if it was not measured.
        not_tested: Reasons, each with what was not tested.
        to_do: What to do now.
    """

    title: str
    causes: tuple[tuple[str, str], ...]
    identity: tuple[tuple[str, str], ...]
    rows: tuple[Row, ...]
    groups: tuple[Group, ...]
    tally: str
    strip: Strip | None
    why: tuple[str, ...]
    targets: tuple[tuple[str, str], ...]
    error_rates: str
    not_tested: tuple[tuple[str, str], ...]
    to_do: tuple[str, ...]


def first_screen(record: Record) -> FirstScreen:
    """Gather the first screen of a record."""
    places = rows(record)
    return FirstScreen(
        title=title(record),
        causes=causes(record),
        identity=identity(record),
        rows=places,
        groups=groups(places),
        tally=tally(places),
        strip=strip(record),
        why=why(record),
        targets=target_lines(record),
        error_rates=error_rates(record),
        not_tested=not_tested(record),
        to_do=to_do(record),
    )
