"""A release against the one before, in Markdown and HTML."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from audit_suite.record import BaselineRecord, Change, ChangeKind
from audit_suite.record.policy import ROLES
from audit_suite.report import words
from audit_suite.report.html import render_page, sheet
from audit_suite.report.markdown import cell
from audit_suite.report.places import in_words
from audit_suite.verdict import Verdict

KINDS: dict[ChangeKind, tuple[str, str]] = {
    "new": ("new failure", "fails, and did not fail before"),
    "worse": ("worse", "shown to be worse than before, by more than the margin"),
    "lost": ("lost coverage", "was answered before, and is not any more"),
    "undecided": ("undecided now", "passed before; now the data do not decide it"),
    "fixed": ("fixed", "failed before, and passes"),
    "not compared": ("not compared", "no honest comparison can be drawn"),
    "added": ("asked anew", "was not answered before"),
    "unchanged": ("unchanged", "the same answer, and not shown to be worse"),
}
"""Each kind of change in a word and a sentence, the most urgent first."""


@dataclass(frozen=True)
class Changes:
    """What the templates show.

    Attributes:
        title: What the comparison says, in a few words.
        counts: How many checks changed in each way, the most urgent first, in words.
        baseline: The comparison.
        shown: All changes but the unchanged, the most urgent first.
        unchanged: The rest, those nearest to a regression first.
        kinds: Each kind of change that there is, with what it means.
    """

    title: str
    counts: str
    baseline: BaselineRecord
    shown: list[Change]
    unchanged: list[Change]
    kinds: list[tuple[str, str]]

    @property
    def tables(self) -> list[tuple[str, list[Row]]]:
        """Both lists in words, each with its heading."""
        lists = ("What changed", self.shown), ("Unchanged", self.unchanged)
        return [(heading, [row_of(one) for one in some]) for heading, some in lists if some]


def changes_of(baseline: BaselineRecord) -> Changes:
    """Sort a comparison for its readers.

    Args:
        baseline: Of a record.
    """
    order = list(KINDS)

    def urgency(change: Change) -> tuple[object, ...]:
        role = ROLES.index(change.role)
        return not change.regression, role, order.index(change.kind), -_loss(change)

    ordered = sorted(baseline.changes, key=urgency)
    counts = Counter(change.kind for change in baseline.changes)
    number = len(baseline.regressions)
    return Changes(
        title=f"{number} regression{'s' * (number > 1)}" if number else "no regression",
        counts=", ".join(f"{counts[kind]} {KINDS[kind][0]}" for kind in order if counts[kind]),
        baseline=baseline,
        shown=[change for change in ordered if change.kind != "unchanged"],
        unchanged=[change for change in ordered if change.kind == "unchanged"],
        kinds=[KINDS[kind] for kind in order if counts[kind]],
    )


def _loss(change: Change) -> float:
    return -2.0 if change.loss is None else change.loss.low


def changes_markdown(baseline: BaselineRecord) -> str:
    """A comparison in Markdown: what changed, and how much worse or better it is.

    Args:
        baseline: Of a record.
    """
    return "\n".join(_lines(changes_of(baseline))).rstrip("\n") + "\n"


def _lines(changes: Changes) -> Iterator[str]:
    yield f"## Against the baseline: {changes.title}"
    yield ""
    yield f"{changes.counts}."
    yield ""
    yield from (f"- {cell(note)}" for note in changes.baseline.notes)
    yield ""
    if changes.shown:
        yield from _table(changes.shown)
    if changes.unchanged:
        yield f"<details><summary>{len(changes.unchanged)} unchanged</summary>"
        yield ""
        yield from _table(changes.unchanged)
        yield "</details>"


def _table(rows: Sequence[Change]) -> Iterator[str]:
    yield "| change | check | model, data, target | verdict | worse by | why |"
    yield "|---|---|---|---|---|---|"
    for change in rows:
        row = row_of(change)
        cells = [row.kind, f"{row.check} {row.question}", row.place, row.verdicts, row.loss]
        cells.append("" if change.kind == "unchanged" else change.reason)
        yield f"| {' | '.join(map(cell, cells))} |"
    yield ""


def changes_text(baseline: BaselineRecord, width: int) -> str:
    """A comparison for a terminal: what changed, and how many checks did not.

    Args:
        baseline: Of a record.
        width: Columns of the terminal.
    """
    changes = changes_of(baseline)
    lines = [f"Against the baseline: {changes.title}", f"{changes.counts}."]
    lines += [f"- {note}" for note in baseline.notes]
    for change in changes.shown:
        row = row_of(change)
        lines += ["", f"{row.kind.upper()}: {row.check} {row.question}"]
        lines.append(f"  {row.place}: {row.verdicts}")
        lines += [f"  worse by {row.loss}"] if row.loss else []
        lines += [f"  {row.reason}"] if row.reason else []
    columns = max(width, 40)
    return "\n".join(each for line in lines for each in words.wrapped(line, columns) or [""]) + "\n"


@dataclass(frozen=True)
class Row:
    """A change in words."""

    question: str
    check: str
    place: str
    kind: str
    verdicts: str
    loss: str
    reason: str


def row_of(change: Change) -> Row:
    """A change in words.

    Args:
        change: Of a comparison.
    """
    return Row(
        question=change.question + (f" ({change.case})" if change.case else ""),
        check=change.check,
        place=in_words(change),
        kind=_kind(change),
        verdicts=f"{_verdict(change.before)} → {_verdict(change.now)}",
        loss=_loss_in_words(change),
        reason=change.reason,
    )


def _kind(change: Change) -> str:
    more = " (regression)" if change.regression else ""
    if change.kind == "worse" and not change.regression:
        more = " (still passes)"
    return KINDS[change.kind][0] + more


def _verdict(verdict: Verdict | None) -> str:
    return "not asked" if verdict is None else words.VERDICTS[verdict][1]


def _loss_in_words(change: Change) -> str:
    if change.loss is None:
        return ""
    how = "paired by patient" if change.paired else "by overlap of intervals"
    return f"{words.number(change.loss.value)} {words.interval(change.loss)}, {how}"


def changes_html(baseline: BaselineRecord, new: str, old: str) -> str:
    """A comparison as a page of its own, without script and network.

    Args:
        baseline: Of a record.
        new: What the later record is called.
        old: What the earlier record is called.
    """
    return render_page("changes.html.j2", sheet(), content=changes_of(baseline), new=new, old=old)
