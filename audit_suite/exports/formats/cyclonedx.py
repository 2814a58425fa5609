"""CycloneDX 1.6: a machine-learning bill of materials with the model's card."""

from __future__ import annotations

import json
import uuid
from typing import Any

from audit_suite.exports.export import Export, register_export
from audit_suite.exports.facts import (
    datasets_of,
    decision,
    judged,
    limitations,
    made_by,
    model_of,
    targets_of,
)
from audit_suite.record import DatasetRecord, Finding, ModelRecord, Record
from audit_suite.report.words import decided, word


def _write(record: Record, name: str) -> str:
    model, data = model_of(record, name), datasets_of(record, name)
    bill = {
        "$schema": "http://cyclonedx.org/schema/bom-1.6.schema.json",
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "serialNumber": uuid.uuid5(uuid.NAMESPACE_OID, f"{record.digest}/{name}").urn,
        "version": 1,
        "metadata": {
            "tools": {
                "components": [
                    {
                        "type": "application",
                        "name": "audit-suite",
                        "version": record.provenance.audit_suite,
                    }
                ]
            }
        },
        "components": [_model(record, model, data), *(_dataset(each) for each in data)],
    }
    return json.dumps(bill, indent=1, ensure_ascii=False) + "\n"


def _model(record: Record, model: ModelRecord, data: list[DatasetRecord]) -> dict[str, Any]:
    parameters = {
        "task": "classification",
        "modelArchitecture": model.architecture,
        "datasets": [{"ref": f"dataset/{each.name}"} for each in data],
        "inputs": [{"format": "image"}],
        "outputs": [{"format": f"score of {target}"} for target in model.targets],
    }
    considerations = {
        "useCases": [model.intended_use] if model.intended_use else [],
        "technicalLimitations": [decision(record), *limitations(record, model.name)],
    }
    findings = judged(record, model.name)
    card = {
        "modelParameters": _said(parameters),
        "quantitativeAnalysis": {"performanceMetrics": [_metric(f, record) for f in findings]},
        "considerations": _said(considerations),
        "properties": _properties(
            ("decision", record.decision),
            *(
                (f"decision:{target.dataset}:{target.target}", decided(target))
                for target in targets_of(record, model.name)
            ),
            ("made-by", made_by(record)),
        ),
    }
    component = {
        "type": "machine-learning-model",
        "bom-ref": f"model/{model.name}",
        "name": model.name,
        "version": model.version,
        "description": model.description,
        "modelCard": card,
        "properties": _properties(("digest", model.digest)),
    }
    return _said(component)


def _metric(finding: Finding, record: Record) -> dict[str, Any]:
    """One number; its type says what it was worth, since some readers show no more."""
    estimate = finding.estimate
    assert estimate is not None
    worth = f"{finding.check}: {word(finding)}; audit: {record.decision}"
    return {
        "type": f"{estimate.label} ({worth})",
        "value": f"{estimate.value:.4f}",
        "slice": f"{finding.dataset}, {finding.target}",
        "confidenceInterval": {
            "lowerBound": f"{estimate.low:.4f}",
            "upperBound": f"{estimate.high:.4f}",
        },
    }


def _dataset(data: DatasetRecord) -> dict[str, Any]:
    component = {
        "type": "data",
        "bom-ref": f"dataset/{data.name}",
        "name": data.name,
        "description": data.description,
        "licenses": [{"license": {"name": data.licence}}] if data.licence else [],
        "properties": _properties(
            ("digest", data.digest),
            ("patients", str(data.n_patients)),
            ("images", str(data.n_images)),
        ),
    }
    return _said(component)


def _said(content: dict[str, Any]) -> dict[str, Any]:
    """Content without what nobody declared."""
    return {key: value for key, value in content.items() if value}


def _properties(*pairs: tuple[str, str]) -> list[dict[str, str]]:
    return [{"name": f"audit-suite:{name}", "value": value} for name, value in pairs]


register_export(Export("cyclonedx", of="model", write=_write))
