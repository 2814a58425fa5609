"""A record on the pages of GitHub Actions: annotations, job summary, outputs, a comment's text."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from audit_suite.errors import AuditError
from audit_suite.record import Finding, MissingCheck, Record
from audit_suite.report import render_markdown
from audit_suite.report.places import in_words
from audit_suite.report.severity import OPEN, severity
from audit_suite.report.words import word
from audit_suite.verdict import Verdict

ANNOTATED = 9
"""Checks that are annotated; GitHub shows ten annotations of a step, and the tenth counts the
others."""
SUMMARY_BYTES = 1024 * 1024
"""GitHub drops the summary of a step that is larger."""
COMMENT_CHARACTERS = 60_000
"""GitHub refuses a comment of more than 65,536."""
_FOOT = 100  # bytes of the line that counts what is left out
MARKER = "<!-- audit-suite -->"
"""First line of a comment, by which the next run finds it again."""


@dataclass(frozen=True)
class Annotation:
    """A line of the log that GitHub shows on the page of the run."""

    level: Literal["error", "warning", "notice"]
    title: str
    message: str

    def command(self) -> str:
        """The workflow command; no text of the record can end it or begin another."""
        title = _escaped(self.title).replace(":", "%3A").replace(",", "%2C")
        return f"::{self.level} title={title}::{_escaped(self.message)}"


def annotated(record: Record) -> list[Annotation]:
    """What did not pass and what is missing: the worst nine checks, and how many more there are.

    A check of several cases has one annotation, of its worst case.
    """
    every = list(_all(record))
    rest = every[ANNOTATED:]
    if not rest:
        return every
    one = len(rest) == 1
    more = (
        f"{len(rest)} more check{'s' * (not one)} did not pass or {'is' if one else 'are'} missing"
    )
    worst = min(rest, key=lambda each: ("error", "warning", "notice").index(each.level))
    note = Annotation(worst.level, f"and {more}", "the job summary and the report list all of them")
    return [*every[:ANNOTATED], note]


def _all(record: Record) -> Iterator[Annotation]:
    for problem in record.policy.problems:
        yield Annotation("error", "The gate is closed", problem)
    findings: dict[str, list[Finding]] = {}
    for finding in sorted(
        record.findings, key=lambda each: (each.role == "context", severity(each))
    ):
        if finding.verdict in OPEN:
            findings.setdefault(finding.check, []).append(finding)
    yield from map(_of_findings, findings.values())
    missing: dict[str, list[MissingCheck]] = {}
    for each in record.policy.missing:
        if each.check not in findings:
            missing.setdefault(each.check, []).append(each)
    for cases in missing.values():
        title = f"missing: {cases[0].check} ({in_words(cases[0])}){_more(cases)}"
        yield Annotation("warning", title, f"{cases[0].reason}; to do: {cases[0].remedy}")


def _of_findings(findings: Sequence[Finding]) -> Annotation:
    """One check: its worst case, and how many more there are."""
    worst = findings[0]
    closes = worst.verdict in (Verdict.ERROR, Verdict.FAIL)
    level: Literal["error", "warning", "notice"] = "error" if closes else "warning"
    title = worst.title if worst.title != worst.check else ""
    named = " ".join(filter(None, (worst.check, title, worst.case and f"[{worst.case}]")))
    return Annotation(
        "notice" if worst.role == "context" else level,
        f"{word(worst)}: {named} ({in_words(worst)}){_more(findings)}{worst.and_more}",
        f"{worst.reason}\nto repeat it: {worst.command}",
    )


def _more(cases: Sequence[object]) -> str:
    more = len(cases) - 1
    return f", and {more} more case{'s' * (more > 1)}" if more else ""


def job_summary(record: Record, used: int = 0) -> str:
    """The Markdown summary of a record, cut at a line where a step's page has no more room.

    Args:
        record: What to summarise.
        used: Bytes that the step's summary holds already.
    """
    return _cut(render_markdown(record), SUMMARY_BYTES - used)


def comment(record: Record, run: str = "") -> str:
    """The text of one comment that each run writes anew, found again by its first line.

    Args:
        record: What to summarise.
        run: Address of the run's page; empty if it is not known.
    """
    foot = f"\nRecord {record.digest}" + (f", [run]({run})" if run else "") + "\n"
    text = _cut(render_markdown(record), COMMENT_CHARACTERS)
    return f"{MARKER}\n{text}{foot}"


@dataclass(frozen=True)
class Step:
    """The files that GitHub gives to a step of a job.

    Attributes:
        summary: What is appended here is shown on the run's page.
        outputs: What is appended here are the step's outputs.
        run: Address of the run's page; empty if it is not known.
    """

    summary: Path
    outputs: Path
    run: str

    @classmethod
    def of(cls, environment: Mapping[str, str]) -> Step:
        """The step that an environment describes.

        Raises:
            AuditError: If it is not that of a step of GitHub Actions.
        """
        paths = [environment.get(name, "") for name in ("GITHUB_STEP_SUMMARY", "GITHUB_OUTPUT")]
        if not all(paths):
            raise AuditError(
                "GITHUB_STEP_SUMMARY and GITHUB_OUTPUT are not set: this is not a step of GitHub "
                "Actions",
                "elsewhere `audit-suite summary` prints the same text",
            )
        parts = [environment.get(f"GITHUB_{name}", "") for name in ("SERVER_URL", "REPOSITORY")]
        number = environment.get("GITHUB_RUN_ID", "")
        run = f"{parts[0]}/{parts[1]}/actions/runs/{number}" if all((*parts, number)) else ""
        return cls(Path(paths[0]), Path(paths[1]), run)

    def show(self, record: Record) -> None:
        """Append the summary of a record, as far as there is room."""
        used = self.summary.stat().st_size if self.summary.exists() else 0
        self.say(job_summary(record, used))

    def say(self, text: str) -> None:
        """Append Markdown to the summary."""
        with self.summary.open("a", encoding="utf-8") as file:
            file.write(text)

    def give(self, outputs: Mapping[str, str]) -> None:
        """Set outputs, each in one line, so that none can set another."""
        with self.outputs.open("a", encoding="utf-8") as file:
            file.writelines(f"{key}={' '.join(value.split())}\n" for key, value in outputs.items())


def _escaped(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _cut(text: str, most: int) -> str:
    """The first lines of a text, in at most so many bytes, and how many lines are left out."""
    if len(text.encode()) <= most:
        return text
    lines, room, kept = text.splitlines(keepends=True), most - _FOOT, 0
    if room < 0:
        return ""
    for line in lines:
        room -= len(line.encode())
        if room < 0:
            break
        kept += 1
    return f"{''.join(lines[:kept])}\n{len(lines) - kept} more lines are in the report.\n"
