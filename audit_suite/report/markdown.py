"""A short Markdown summary, for the page of a CI job."""

from __future__ import annotations

from audit_suite.record import Record
from audit_suite.report.words import DECISIONS, attention, decided, interval, number, word
from audit_suite.verdict import Verdict


def render_markdown(record: Record) -> str:
    """The decision, and a table of everything that did not pass.

    Args:
        record: What to summarise.
    """
    title, sentence = DECISIONS[record.decision]
    lines = [f"## {title}", "", f"{_cell(record.decision_reason)}. {sentence}", ""]
    lines += [
        f"- {_cell(f'{t.model} on {t.dataset}, {t.target}: {decided(t)}')}" for t in record.targets
    ]
    lines += [f"- {_cell(line)}" for line in attention(record)]
    if lines[-1]:
        lines.append("")
    listed = [
        finding
        for finding in record.findings
        if finding.verdict not in (Verdict.PASS, Verdict.NOT_APPLICABLE)
    ]
    if listed:
        lines += [
            "| verdict | check | model | data set | target | estimate | margin |",
            "|---|---|---|---|---|---|---|",
        ]
    for finding in listed:
        estimate = finding.estimate
        value = "" if estimate is None else f"{number(estimate.value)} {interval(estimate)}"
        margin = "" if finding.margin is None else f"{finding.margin:g}"
        cells = [
            word(finding),
            f"{finding.check} {finding.title}{finding.and_more}",
            finding.model,
            finding.dataset,
            finding.target,
            value,
            margin,
        ]
        lines.append(f"| {' | '.join(_cell(cell) for cell in cells)} |")
    return "\n".join(lines).rstrip("\n") + "\n"


def _cell(text: str) -> str:
    """Text that can neither leave its table cell nor be read as markup."""
    escaped = text.replace("\\", "\\\\").replace("|", "\\|").replace("<", "&lt;")
    return " ".join(escaped.replace("[", "\\[").replace("`", "'").split())
