"""Hugging Face: results for the head of a model card, and a section for its text."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from audit_suite.errors import AuditError
from audit_suite.exports.export import Export, register_export
from audit_suite.exports.facts import (
    AUROC,
    dataset_of,
    decision,
    judged,
    limitations,
    made_by,
    model_of,
    targets_of,
    worth,
)
from audit_suite.record import Finding, Record
from audit_suite.report.markdown import cell
from audit_suite.report.words import decided, interval, number, word

if TYPE_CHECKING:
    from huggingface_hub import EvalResult


def _write(record: Record, model: str) -> str:
    try:
        from huggingface_hub import ModelCardData
    except ImportError:
        raise AuditError(
            "the card of Hugging Face needs its package, which is not installed",
            'pip install "audit-suite[cards]"',
        ) from None
    findings = judged(record, model)
    results = [_result(record, finding) for finding in findings]
    head = ModelCardData(model_name=model, eval_results=results or None)
    front = f"---\n{head.to_yaml()}\n---\n" if results else ""
    return front + "\n".join(_section(record, model, findings)) + "\n"


def _result(record: Record, finding: Finding) -> EvalResult:
    """One result; its name says what it was worth, since a page of results shows no more."""
    from huggingface_hub import EvalResult

    estimate, data = finding.estimate, dataset_of(record, finding.dataset)
    assert estimate is not None
    return EvalResult(
        task_type="image-classification",
        task_name=finding.target,
        dataset_type=data.name,
        dataset_name=data.name,
        dataset_revision=data.digest,
        metric_type="roc_auc" if estimate.label == AUROC else f"audit_suite_{finding.check}",
        metric_name=f"{estimate.label} ({worth(record, finding)})",
        metric_value=round(estimate.value, 4),
        metric_args={"low": round(estimate.low, 4), "high": round(estimate.high, 4)},
    )


def _section(record: Record, model: str, findings: list[Finding]) -> Iterator[str]:
    intended = model_of(record, model).intended_use
    yield "## Audit"
    yield ""
    yield f"**{cell(decision(record))}**"
    yield ""
    for target in targets_of(record, model):
        yield f"- {cell(f'{target.dataset}, {target.target}: {decided(target)}')}"
    yield f"- intended use: {cell(intended or 'not declared')}"
    yield ""
    if findings:
        yield "| verdict | check | data set | target | estimate | 95 % interval | claim |"
        yield "|---|---|---|---|---|---|---|"
    for finding in findings:
        estimate = finding.estimate
        assert estimate is not None
        cells = [
            word(finding),
            f"{finding.check} {finding.title}",
            finding.dataset,
            finding.target,
            f"{estimate.label} {number(estimate.value)}",
            interval(estimate),
            finding.claim,
        ]
        yield f"| {' | '.join(map(cell, cells))} |"
    yield ""
    yield "### Limits"
    yield ""
    yield from (f"- {cell(limit)}" for limit in limitations(record, model))
    yield ""
    yield f"Written by {cell(made_by(record))}."


register_export(Export("huggingface", of="model", write=_write))
