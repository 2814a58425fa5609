"""A short Markdown summary, for the page of a CI job: the first screen, and what did not pass."""

from __future__ import annotations

from collections.abc import Iterator

from audit_suite.record import EstimateRecord, Record
from audit_suite.report.bounds import decided_by
from audit_suite.report.first import FirstScreen, first_screen
from audit_suite.report.first.groups import worst_first
from audit_suite.report.places import in_words
from audit_suite.report.severity import severity
from audit_suite.report.words import attention, interval, number, word
from audit_suite.verdict import Verdict


def render_markdown(record: Record) -> str:
    """The first screen, and a table of everything that did not pass.

    Args:
        record: What to summarise.
    """
    first = first_screen(record)
    lines = [f"## {cell(first.title)}", "", *_first(first)]
    lines += [f"- {cell(line)}" for line in attention(record)]
    lines += ["", *_findings(record)]
    return "\n".join(lines).rstrip("\n") + "\n"


def _first(first: FirstScreen) -> Iterator[str]:
    for label, text in first.causes:
        yield f"- {label}: {cell(text)}"
    for label, text in first.identity:
        yield f"- {label}: {cell(text)}"
    yield ""
    if first.rows:
        names = [mark.name for mark in first.rows[0].marks]
        head = ["model, data, target", "verdict", *names, "from the region", "cause named"]
        yield f"| {' | '.join(head)} |"
        yield f"|{'---|' * len(head)}"
    for row in worst_first(first.rows):
        target = row.decision
        cells = [
            in_words(target),
            target.decision,
            *(_auroc(mark.estimate) for mark in row.marks),
            "not asked" if row.inside is None else f"{row.inside.value:.0%}",
            row.cause,
        ]
        yield f"| {' | '.join(map(cell, cells))} |"
    yield ""
    for sentence in (*first.why, *filter(None, [first.error_rates])):
        yield cell(sentence)
        yield ""
    yield from (f"- {cell(f'{place}: {words}')}" for place, words in first.targets)
    yield ""
    for heading, items in (
        ("Not tested", [f"{reason}: {checks}" for reason, checks in first.not_tested]),
        ("What to do now", first.to_do),
    ):
        if items:
            yield f"**{heading}**"
            yield ""
            yield from (f"- {cell(item)}" for item in items)
            yield ""


def _auroc(estimate: EstimateRecord | None) -> str:
    return "not asked" if estimate is None else f"{number(estimate.value, 2)} {interval(estimate)}"


def _findings(record: Record) -> Iterator[str]:
    listed = [
        finding
        for finding in record.findings
        if finding.verdict not in (Verdict.PASS, Verdict.NOT_APPLICABLE)
    ]
    if listed:
        yield "| verdict | check | model | data set | target | estimate | margin |"
        yield "|---|---|---|---|---|---|---|"
    for finding in sorted(listed, key=severity):  # a page of CI may cut the end
        estimate = finding.estimate
        value = "" if estimate is None else f"{number(estimate.value)} {interval(estimate)}"
        value = "; ".join(filter(None, (value, decided_by(finding))))
        margin = "" if finding.margin is None else f"{finding.margin:g}"
        case = f" ({finding.case})" if finding.case else ""
        cells = [
            word(finding),
            f"{finding.check} {finding.title}{case}{finding.and_more}",
            finding.model,
            finding.dataset,
            finding.target,
            value,
            margin,
        ]
        yield f"| {' | '.join(map(cell, cells))} |"


def cell(text: str) -> str:
    """Text that can neither leave its cell of a table nor be read as markup."""
    escaped = text.replace("\\", "\\\\").replace("|", "\\|").replace("<", "&lt;")
    return " ".join(escaped.replace("[", "\\[").replace("`", "'").split())
