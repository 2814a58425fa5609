"""The audit's section in the terminal."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest

from audit_suite.audit.gate import Exit
from audit_suite.record import Finding, MatrixRecord, Record
from audit_suite.report.places import in_words
from audit_suite.report.words import attention, decided
from audit_suite.verdict import Verdict
from pytest_audit.brief import brief

_MARKUP: dict[str, dict[str, bool]] = {
    "open": {"green": True, "bold": True},
    "closed": {"red": True, "bold": True},
    "undecided": {"yellow": True, "bold": True},
    "partial": {"yellow": True, "bold": True},
}
_COLOURS: dict[Verdict, dict[str, bool]] = {
    Verdict.PASS: {"green": True},
    Verdict.FAIL: {"red": True},
    Verdict.ERROR: {"red": True},
    Verdict.INCONCLUSIVE: {"yellow": True},
    Verdict.WAIVED: {"yellow": True},
    Verdict.NONE: {"yellow": True},
    Verdict.NOT_APPLICABLE: {"cyan": True},
}
_CELL = len("[0.00, 0.00]")
_LISTED = 5  # observations of one check
_WIDTH = max(len(verdict) for verdict in Verdict)


def write_section(
    reporter: pytest.TerminalReporter,
    record: Record | None,
    written: Sequence[tuple[str, Path]],
    problems: Sequence[str],
    exit: Exit | None,
) -> None:
    """Write the decision, what did not pass (with -v everything), exit code, and files' paths."""
    of_record = [] if record is None else record.policy.problems
    for problem in (*problems, *of_record):
        reporter.write_line(f"audit: {problem}", red=True)
    if record is None:
        return
    markup = _MARKUP[record.decision]
    reporter.write_sep("=", f"audit: {record.decision.upper()}", **markup)
    if reporter.verbosity > 0:
        _write_all(reporter, record)
    else:
        for line in brief(record, reporter._tw.fullwidth):
            reporter.write_line(line)
    for matrix in record.matrices:
        _write_matrix(reporter, matrix)
    reporter.write_line("")
    counts = [f"{number} {_word(verdict)}" for verdict, number in record.counts.items() if number]
    reporter.write_line(", ".join(counts))
    if exit is not None:
        reporter.write_line(f"exit code {exit:d}: {exit.meaning}")
    for kind, path in written:
        reporter.write_line(f"{kind}: {path}")


def write_interrupted(
    reporter: pytest.TerminalReporter, record: Record, written: Sequence[tuple[str, Path]]
) -> None:
    """Three lines for whoever pressed Ctrl-C: how far it came, and how to go on."""
    left, all = record.counts.get(Verdict.NONE, 0), len(record.findings)
    files = ", ".join(f"{kind} {path}" for kind, path in written)
    reporter.write_sep("=", "audit: INTERRUPTED", yellow=True, bold=True)
    reporter.write_line(f"{left} of {all} checks were not run, so it is not a full audit")
    again = "the same command goes on from the evidence that is stored"
    reporter.write_line(f"{again}; written: {files}" if files else again)


@contextmanager
def told_once(reporter: pytest.TerminalReporter) -> Iterator[None]:
    """Keep failed checks out of pytest's own lists, without -v; crashes of a check stay there."""
    stats = reporter.stats
    before = dict(stats)
    if reporter.verbosity <= 0:
        for word, reports in before.items():
            stats[word] = [report for report in reports if not _is_told(report)]
    try:
        yield
    finally:
        stats.update(before)


def _is_told(report: object) -> bool:
    """Whether a report is of a check whose finding says all there is to say."""
    verdict = getattr(report, "audit_verdict", None)
    crashed = verdict == Verdict.ERROR and not isinstance(getattr(report, "longrepr", None), str)
    return verdict is not None and not crashed


def _write_all(reporter: pytest.TerminalReporter, record: Record) -> None:
    """Every finding with its reason, place by place."""
    reporter.write_line(f"{record.decision_reason}.")
    for target in record.targets:
        reporter.write_line(f"  {in_words(target)}: {decided(target)}", **_MARKUP[target.decision])
    for line in attention(record):
        reporter.write_line(f"  {line}")
    place = None
    for finding in sorted(record.findings, key=_place_and_role):
        if place != (here := (finding.model, finding.dataset, finding.target)):
            place = here
            reporter.write_line("")
            reporter.write_line(in_words(finding), bold=True)
        _write_finding(reporter, finding)
    for cause in record.causes:
        if cause.sentence:
            reporter.write_line("")
            reporter.write_line(
                f"{cause.model} on {cause.dataset}: {', '.join(cause.causes) or 'no cause named'}"
            )
            reporter.write_line(f"  {cause.sentence}")


def _write_matrix(reporter: pytest.TerminalReporter, matrix: MatrixRecord) -> None:
    """Rows are training maskings, columns test maskings; 95 % intervals below each value."""
    reporter.write_line("")
    reporter.write_line(f"{matrix.study} on {matrix.dataset}, {matrix.target}", bold=True)
    reporter.write_line(f"{matrix.statistic}: trained on (rows) x tested on (columns)")
    width = max(_CELL, *(len(name) for name in matrix.columns)) + 2
    first = max(len(name) for name in matrix.rows) + 2
    heads = "".join(f"{name:>{width}}" for name in matrix.columns)
    reporter.write_line(f"  {'':{first}}{heads}")
    for row, cells in zip(matrix.rows, matrix.cells, strict=True):
        values = ("" if cell is None else f"{cell.value:.2f}" for cell in cells)
        ends = ("" if cell is None else f"[{cell.low:.2f}, {cell.high:.2f}]" for cell in cells)
        reporter.write_line(f"  {row:{first}}" + "".join(f"{value:>{width}}" for value in values))
        reporter.write_line(f"  {'':{first}}" + "".join(f"{end:>{width}}" for end in ends))


def _place_and_role(finding: Finding) -> tuple[str, str, str, bool]:
    """By model, data set and target; what must pass comes first."""
    return finding.model, finding.dataset, finding.target, finding.role != "required"


def _word(verdict: Verdict) -> str:
    return "not run" if verdict is Verdict.NONE else verdict.value.replace("_", " ")


def _write_finding(reporter: pytest.TerminalReporter, finding: Finding) -> None:
    without_rule = finding.observations or finding.reason.startswith("reported only")
    reported = without_rule and finding.verdict is Verdict.NOT_APPLICABLE
    word = "reported" if reported else _word(finding.verdict)
    reporter.write(f"  {word.upper():{_WIDTH + 1}}", **_COLOURS[finding.verdict])
    title = f"{finding.check} {finding.title}" if finding.check != finding.title else finding.title
    case = f" [{finding.case}]" if finding.case else ""
    reporter.write_line(f"{title}{case}{finding.and_more}")
    observed = [
        f"{e.label} {e.value:.3f} [{e.low:.3f}, {e.high:.3f}]" for e in finding.observations
    ]
    if len(observed) > _LISTED:
        observed[_LISTED:] = [f"and {len(observed) - _LISTED} more in the record and the report"]
    for line in observed if reported and observed else finding.reason.splitlines():
        reporter.write_line(f"  {'':{_WIDTH + 1}}{line}")
