"""CycloneDX 1.6: a machine-learning bill of materials with the model's card."""

from __future__ import annotations

import json
import uuid
from typing import Any

from audit_suite.exports.export import Export, register_export
from audit_suite.exports.facts import (
    datasets_of,
    decision,
    declared,
    judged,
    limitations,
    made_by,
    model_of,
    targets_of,
    worth,
)
from audit_suite.record import DatasetRecord, Finding, ModelRecord, Record
from audit_suite.report.words import decided


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
        "modelParameters": declared(parameters),
        "quantitativeAnalysis": {"performanceMetrics": [_metric(f, record) for f in findings]},
        "considerations": declared(considerations),
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
    return declared(component)


def _metric(finding: Finding, record: Record) -> dict[str, Any]:
    """One number; its type says what it was worth, since some readers show no more."""
    estimate = finding.estimate
    assert estimate is not None
    return {
        "type": f"{estimate.label} ({worth(record, finding)})",
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
    return declared(component)


def _properties(*pairs: tuple[str, str]) -> list[dict[str, str]]:
    return [{"name": f"audit-suite:{name}", "value": value} for name, value in pairs]


register_export(Export("cyclonedx", of="model", write=_write))
