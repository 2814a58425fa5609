"""The Applied Model Card of the Coalition for Health AI, version 0.2, in XML."""

from __future__ import annotations

import json
from collections.abc import Sequence
from xml.etree import ElementTree as Xml

from audit_suite.exports.export import Export, register_export
from audit_suite.exports.facts import (
    datasets_of,
    decision,
    in_section,
    judged,
    limitations,
    made_by,
    model_of,
    targets_of,
    worth,
)
from audit_suite.record import DatasetRecord, Finding, ModelRecord, Record
from audit_suite.report.first.identity import NOT_DECLARED
from audit_suite.report.words import decided

NAMESPACE = "https://mc.chai.org/v0.2/schema.xsd"

_NOT_XML = dict.fromkeys((0xFFFE, 0xFFFF), "\ufffd")  # what no XML may hold; a record may
Tree = dict[str, "str | Tree | list[Tree]"]


def _write(record: Record, name: str) -> str:
    model, data = model_of(record, name), datasets_of(record, name)
    root = Xml.Element("AppliedModelCard", xmlns=NAMESPACE)
    _grow(root, _card(record, model, data))
    Xml.indent(root, " ")
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{Xml.tostring(root, encoding="unicode")}\n'


def _card(record: Record, model: ModelRecord, data: Sequence[DatasetRecord]) -> Tree:
    limits = "\n".join(f"- {limit}" for limit in limitations(record, model.name))
    return {
        "BasicInfo": {
            "ModelName": model.name,
            "ModelDeveloper": NOT_DECLARED,
            "DeveloperContact": NOT_DECLARED,
        },
        "ReleaseInfo": {
            "ReleaseStage": NOT_DECLARED,
            "ReleaseDate": NOT_DECLARED,
            "ReleaseVersion": model.version or NOT_DECLARED,
            "GlobalAvailability": NOT_DECLARED,
        },
        "ModelSummary": {
            "Summary": f"{decision(record)}\n\n{model.description}".strip(),
            "Keywords": [{"Keyword": target} for target in model.targets],
        },
        "UsesAndDirections": {
            "IntendedUseAndWorkflow": model.intended_use or NOT_DECLARED,
            "PrimaryIntendedUsers": NOT_DECLARED,
            "HowToUse": NOT_DECLARED,
            "TargetedPatientPopulation": NOT_DECLARED,
            "CautionedOutOfScopeSettings": NOT_DECLARED,
        },
        "Warnings": {
            "KnownRisksAndLimitations": f"{decision(record)}\n\n{limits}",
            "KnownBiasesOrEthicalConsiderations": NOT_DECLARED,
            "ClinicalRiskLevel": NOT_DECLARED,
        },
        "TrustIngredients": {
            "AISystemFacts": {
                "OutcomesAndOutputs": f"A score for each of: {', '.join(model.targets)}",
                "ModelType": model.architecture or NOT_DECLARED,
                "InputDataSource": "; ".join(filter(None, (each.modality for each in data)))
                or NOT_DECLARED,
                "OutputAndInputDataTypes": "Input: an image. Output: scores.",
                "DevelopmentDataCharacterization": NOT_DECLARED,
                "BiasMitigationApproaches": NOT_DECLARED,
                "OngoingMaintenance": NOT_DECLARED,
            },
            "TransparencyInformation": {
                "FundingSource": NOT_DECLARED,
                "StakeholdersConsulted": NOT_DECLARED,
            },
        },
        "KeyMetrics": _metrics(record, model, data),
        "Resources": {
            "EvaluationReferences": f"Written by {made_by(record)}.",
            "PeerReviewedPublications": NOT_DECLARED,
            "PatientConsentOrDisclosure": NOT_DECLARED,
        },
        "Bibliography": "",
    }


def _metrics(record: Record, model: ModelRecord, data: Sequence[DatasetRecord]) -> Tree:
    tested = "\n".join(_tested(each) for each in data) or "none could be read"
    by_target = "\n".join(
        f"- {target.dataset}, {target.target}: {decided(target)}"
        for target in targets_of(record, model.name)
    )

    def metric(goal: str, findings: Sequence[Finding]) -> Tree:
        return {
            "MetricGoal": goal,
            "Results": [{"MetricResult": _result(finding, record)} for finding in findings]
            or [{"MetricResult": {"Label": "not tested", "ValueJson": _json(value=None)}}],
            "Interpretation": f"{decision(record)}\n\n{by_target}".strip(),
            "TestType": "Audit on stored, labelled images; intervals are 95 %, by patient.",
            "TestingDataDescription": tested,
            "ValidationProcessAndJustification": f"Checks and margins of {made_by(record)}.",
        }

    return {
        "UsefulnessUsabilityEfficacy": metric(
            "Is the claimed skill shown, and does it come from the region of interest?",
            judged(record, model.name),
        ),
        "FairnessEquity": metric(
            "Is the model as good in every declared group of patients?",
            in_section(record, model.name, "subgroups"),
        ),
        "SafetyReliability": metric(
            "Do scores stay where the picture changes without meaning?",
            in_section(record, model.name, "robustness"),
        ),
    }


def _result(finding: Finding, record: Record) -> Tree:
    """One number; its label says what it was worth, since some readers show no more."""
    estimate = finding.estimate
    assert estimate is not None
    label = f"{estimate.label} on {finding.dataset}, {finding.target}"
    return {
        "Label": f"{label} ({worth(record, finding)})",
        "ValueJson": json.dumps(
            {
                "kind": "estimate_ci",
                "estimate": round(estimate.value, 4),
                "lower": round(estimate.low, 4),
                "upper": round(estimate.high, 4),
                "level": 95,
            }
        ),
    }


def _json(value: float | None) -> str:
    return json.dumps({"kind": "single", "value": value})


def _tested(data: DatasetRecord) -> str:
    targets = "; ".join(
        f"{name} in {target.n_positive_patients:,} of {target.n_patients:,} patients"
        for name, target in data.targets.items()
    )
    return f"{data.name}: {data.n_images:,} images of {data.n_patients:,} patients; {targets}."


def _grow(parent: Xml.Element, content: Tree) -> None:
    """Add elements in the order of the schema; of a list, each item's elements in turn."""
    for name, inside in content.items():
        element = Xml.SubElement(parent, name)
        for part in inside if isinstance(inside, list) else [inside]:
            if isinstance(part, str):
                element.text = part.translate(_NOT_XML)
            else:
                _grow(element, part)


register_export(Export("chai", of="model", write=_write))
