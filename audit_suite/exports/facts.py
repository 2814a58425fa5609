"""What every card says of a record: the decision first, what was judged, and what was not shown.

Nothing here names a row, a file or a person: cards are published.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from audit_suite.record import DatasetRecord, Finding, ModelRecord, Record, TargetDecision
from audit_suite.record.policy import OF_THE_MODEL
from audit_suite.report.first.decision import MEANINGS, title
from audit_suite.report.first.not_tested import not_tested
from audit_suite.report.severity import OPEN, severity
from audit_suite.report.words import full_sentence, word
from audit_suite.verdict import Verdict

AUROC = "AUROC"
"""Label of the estimate on whole images; with anything hidden it has another."""


def model_of(record: Record, name: str) -> ModelRecord:
    """The model of a name."""
    return next(model for model in record.provenance.models if model.name == name)


def dataset_of(record: Record, name: str) -> DatasetRecord:
    """The data set of a name."""
    return next(data for data in record.provenance.datasets if data.name == name)


def datasets_of(record: Record, model: str) -> list[DatasetRecord]:
    """The data sets on which a model was audited."""
    names = {target.dataset for target in record.targets if target.model == model}
    return [data for data in record.provenance.datasets if data.name in names]


def targets_of(record: Record, model: str) -> list[TargetDecision]:
    """The decisions on a model, by data set and target."""
    return [target for target in record.targets if target.model == model]


def decision(record: Record) -> str:
    """The decision of the audit and what it means, in sentences that can stand alone."""
    waived = record.counts.get(Verdict.WAIVED, 0)
    accepted = f" {waived} of the findings did not pass and {_be(waived)} waived." if waived else ""
    return (
        f"Decision of the audit: {record.decision}. {title(record)}. "
        f"{full_sentence(record.decision_reason)} {MEANINGS[record.decision]}{accepted}"
    )


def judged(record: Record, model: str) -> list[Finding]:
    """Findings on a model that have a part in the decision and a number; worst first."""
    findings = [
        finding
        for finding in record.findings
        if finding.model == model
        and finding.role in OF_THE_MODEL
        and finding.estimate is not None
        and finding.comparisons
    ]
    return sorted(findings, key=severity)


def in_section(record: Record, model: str, section: str) -> list[Finding]:
    """Findings on a model with a number, of one section of the report; worst first."""
    findings = [
        finding
        for finding in record.findings
        if finding.model == model
        and finding.estimate is not None
        and finding.section.partition(".")[0] == section
    ]
    return sorted(findings, key=severity)


def limitations(record: Record, model: str) -> list[str]:
    """What did not pass, what explains it, and what no check could see."""
    return list(dict.fromkeys(_limitations(record, model)))


def _limitations(record: Record, model: str) -> Iterator[str]:
    of_model = [finding for finding in record.findings if finding.model == model]
    for finding in sorted(of_model, key=severity):
        if finding.verdict in (*OPEN, Verdict.WAIVED) and finding.role != "context":
            yield _finding(finding)
    for missing in record.policy.missing:
        if missing.model == model:
            yield (
                f"Required, but missing: {missing.check} on {missing.dataset}, {missing.target}."
            )
    for cause in record.causes:
        if cause.model == model and cause.causes:
            named = ", ".join(name.replace("-", " ") for name in cause.causes)
            yield f"Named cause on {cause.dataset}, {cause.target}: {named}."
    reason, unseen = not_tested(record)[-1]
    yield f"{reason}: {unseen}."


def _finding(finding: Finding) -> str:
    """A finding in a sentence, with its numbers; its reason could name a file or a person."""
    named = f"{finding.check} {finding.title}" if finding.title != finding.check else finding.check
    where = f"{word(finding)}: {named} on {finding.dataset}, {finding.target}"
    why = [c.message for c in finding.comparisons if c.message in finding.reason]
    return full_sentence(": ".join([where + finding.and_more, *why[:1]]))


def data_limitations(record: Record, dataset: str) -> list[str]:
    """What is known to be wrong with a data set."""
    data = dataset_of(record, dataset)
    sentences = [
        _finding(finding)
        for finding in sorted(record.findings, key=severity)
        if finding.dataset == dataset and finding.role == "data" and finding.verdict in OPEN
    ]
    left = f"Rows left out: {data.n_excluded}." if data.n_excluded else ""
    return list(dict.fromkeys(filter(None, (left, *sentences))))


def made_by(record: Record) -> str:
    """Which program, record and policy a card rests on."""
    return (
        f"audit-suite {record.provenance.audit_suite}, record {record.digest}, policy "
        f"{record.policy.name} {record.policy.digest}"
    )


def worth(record: Record, finding: Finding) -> str:
    """What a number is worth: its check with the verdict, and the decision of the audit."""
    return f"{finding.check}: {word(finding)}; audit: {record.decision}"


def declared(content: dict[str, Any]) -> dict[str, Any]:
    """Content without what nobody declared."""
    return {key: value for key, value in content.items() if value}


def _be(count: int) -> str:
    return "is" if count == 1 else "are"
