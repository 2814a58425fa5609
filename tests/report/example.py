"""The example record and report in reports/examples: `make schema` writes them again."""

from __future__ import annotations

import base64
import io
from dataclasses import replace
from pathlib import Path

import numpy as np
from PIL import Image

from audit_suite.audit.gate import count_verdicts, decide_by, missing_checks
from audit_suite.audit.policy import load_policy
from audit_suite.audit.target_decisions import target_decisions
from audit_suite.record import (
    ComparisonRecord,
    DatasetRecord,
    Deviation,
    EstimateRecord,
    Finding,
    GalleryImage,
    ModelRecord,
    PolicyRecord,
    Provenance,
    Record,
    SettingsRecord,
    TargetRecord,
    WaiverRecord,
    WaiverState,
)
from audit_suite.report import render_html
from audit_suite.statistics import DecisionRule, Margin
from audit_suite.statistics.decision import Relation, judge_below, judge_distance
from audit_suite.statistics.scale import Scale
from audit_suite.verdict import Verdict

EXAMPLES = Path(__file__).parents[2] / "reports" / "examples"


def estimate(label: str, value: float, half: float, n: int = 1200) -> EstimateRecord:
    """An estimate with a symmetric interval."""
    return EstimateRecord(
        label=label,
        value=value,
        low=round(value - half, 4),
        high=round(value + half, 4),
        n_patients=n,
        n_images=n + 85,
        n_positives=n // 3,
    )


def comparison(
    found: EstimateRecord, verdict: str, relation: str, margin: float, centre: float | None = None
) -> ComparisonRecord:
    """A comparison with the verdict that a test wants, whatever its numbers say."""
    return ComparisonRecord(
        estimate=found,
        basis=None,
        group=0,
        jointly="most",
        bound=None,
        bound_words="",
        alone=Verdict(verdict),
        rule=f"|{found.label} - {centre:g}| < {margin:g}"
        if centre is not None
        else f"{found.label} {relation} {margin:g}",
        relation=relation,  # type: ignore[arg-type]
        centre=centre,
        margin=margin,
        margin_source="protocol 1.2 of the example hospital",
        verdict=Verdict(verdict),
        pass_low=found.low,
        pass_high=found.high,
        fail_level=0.0125,
        p_raw=0.0004 if verdict == "fail" else 0.31,
        p_holm=0.0016 if verdict == "fail" else 1.0,
        smallest_effect=0.043,
        message=f"{found.label} {found.value:.3f}: {verdict}",
    )


def judged(
    label: str,
    value: float,
    half: float,
    relation: Relation,
    margin: float,
    *,
    group: int = 0,
    centre: float | None = None,
) -> ComparisonRecord:
    """A comparison that is judged as in an audit."""
    scale = Scale(value, half / 1.96, 1199, None, 0.0)
    low, high = scale.interval(0.95)
    found = estimate(label, value, half).model_copy(update={"low": low, "high": high})
    limit, rule = Margin(margin, "protocol 1.2 of the example hospital"), DecisionRule(cases=2)
    if centre is None:
        compared = judge_below(found, scale, 400, relation, limit, rule)
    else:
        compared = judge_distance(found, scale, 400, centre, limit, rule)
    return replace(compared, group=group).to_record()


def finding(
    check: str, verdict: str, comparisons: list[ComparisonRecord], **more: object
) -> Finding:
    """A finding of the example model."""
    deciding = comparisons[0] if comparisons else None
    content: dict[str, object] = {
        "check": check,
        "id": f"{check}/lung-net/site-b/effusion",
        "title": "chance without the roi",
        "model": "lung-net",
        "dataset": "site-b",
        "target": "effusion",
        "case": "",
        "role": "guard",
        "risk": "outside",
        "verdict": Verdict(verdict),
        "question": "With the region of interest hidden, does the model fall to chance?",
        "advice": {
            "If it fails": "The model recognises the finding without the region.",
            "What to do": "Look at the pictures without the region.",
        },
        "claim": deciding.rule if deciding else "",
        "estimate": deciding.estimate if deciding else None,
        "margin": deciding.margin if deciding else None,
        "margin_source": deciding.margin_source if deciding else None,
        "comparisons": comparisons,
        "observations": [],
        "reason": deciding.message if deciding else "",
        "would_pass": "a 90 % interval of AUROC without ROI inside 0.45 to 0.55",
        "command": 'pytest --audit --audit-model lung-net.toml --audit-dataset site-b.toml -k "R2"',
    }
    return Finding.model_validate(content | more)


def picture(seed: int) -> str:
    """A tiny grey picture."""
    pixels = np.random.default_rng(seed).integers(0, 255, (8, 8)).astype(np.uint8)
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, format="PNG")
    return base64.b64encode(buffer.getvalue()).decode()


def example() -> Record:
    """A closed audit with every verdict in it."""
    fills = [
        judged(f"AUROC without ROI{fill}", value, 0.03, "<", 0.05, centre=0.5)
        for fill, value in (("", 0.712), (" (mean fill)", 0.688), (" (blur fill)", 0.701))
    ]
    full = judged("AUROC", 0.861, 0.021, ">", 0.8)
    box = judged("AUROC without ROI box", 0.541, 0.04, "<", 0.05, centre=0.5)
    lost = judged("AUROC - AUROC without ROI box", 0.08, 0.03, ">", 0.1)
    findings = [
        finding("R1", "pass", [full], title="skill is shown", role="required", risk="skill"),
        finding("R2", "fail", fills),
        finding("R3", "inconclusive", [box], title="chance without the roi box"),
        finding(
            "R4",
            "waived",
            [lost],
            title="skill is lost",
            waiver=WaiverRecord(
                owner="Dr Example", reason="second site pending", expires="2030-01-01"
            ),
        ),
        finding(
            "R5",
            "error",
            [],
            title="the box is enough",
            risk="source",
            reason="site-b row 17: the mask is empty",
        ),
        finding("R6", "none", [], title="beats its background", reason="planned, not run"),
        finding(
            "R7",
            "not_applicable",
            [],
            role="context",
            title="retrained",
            reason="no retrained model is given",
        ),
        finding(
            "R11",
            "not_applicable",
            [],
            title="scores shift",
            reason="reported only: a shift of scores mixes in calibration",
            observations=[estimate("mean score shift without ROI box", -0.21, 0.02)],
        ),
    ]
    policy = example_policy(findings)
    gate = decide_by(findings, policy)
    record = Record(
        decision=gate.decision,
        decision_reason=gate.reason,
        targets=target_decisions(findings, policy, {}),
        policy=policy,
        counts=count_verdicts(findings),
        findings=findings,
        causes=[],
        gallery=[
            GalleryImage(
                model="lung-net",
                dataset="site-b",
                target="effusion",
                case=case,
                masking=masking,
                png=picture(position),
                hidden_fraction=share,
            )
            for case in ("positive 1", "negative 1")
            for position, (masking, share) in enumerate(
                [("full", 0.0), ("without-lungs", 0.31), ("only-lungs-box", 0.48)]
            )
        ],
        provenance=Provenance(
            audit_suite="0.1.0",
            settings=SettingsRecord(
                confidence=0.95, multiplicity="bonferroni", seed=1907, max_cases=None
            ),
            evidence_profile={"device": "cpu", "threads": 2, "batch_size": None, "seed": 1907},
            models=[
                ModelRecord(
                    name="lung-net",
                    digest="5f" * 32,
                    description="A made-up model for this example.",
                    loader="architecture",
                    architecture="torchvision:densenet121",
                    targets=["effusion", "pneumothorax"],
                    input={"size": [512, 512], "channels": 3},
                )
            ],
            datasets=[
                DatasetRecord(
                    name="site-b",
                    digest="a7" * 32,
                    description="A made-up data set for this example.",
                    modality="chest radiograph",
                    licence="example",
                    citation="",
                    n_images=1285,
                    n_patients=1200,
                    targets={
                        name: TargetRecord(
                            n_images=1285,
                            n_patients=1200,
                            n_positive_images=430,
                            n_positive_patients=400,
                            roi=["lungs"],
                        )
                        for name in ("effusion", "pneumothorax")
                    },
                    n_excluded=1,
                    excluded=["manifest.csv row 88, column 'mask': the mask is empty"],
                )
            ],
        ),
        environment={"python": "3.11", "packages": {"torch": "2.6"}, "seconds": 12.5},
    )
    record.digest = record.content_digest()
    return record


def example_policy(findings: list[Finding]) -> PolicyRecord:
    """The default policy in the example's audit, and a waiver."""
    policy = load_policy()
    places = [("lung-net", "site-b", "effusion")]
    required, asked = policy.required_checks(places), policy.asked_checks(places)
    waiver = WaiverState(
        check="R4",
        model="lung-net",
        dataset=None,
        target=None,
        owner="Dr Example",
        reason="second site pending",
        expires="2030-01-01",
        state="used",
    )
    return PolicyRecord(
        name=policy.name,
        digest=policy.digest(),
        content=policy.content(),
        required=required,
        asked=asked,
        guards=["R2", "R3", "R4", "R5", "R6", "R11"],
        primary=["effusion"],
        suites_asked=["masking-study", "region-sensitivity"],
        missing=missing_checks(findings, required, asked),
        deviations=[
            Deviation(
                what="target 'pneumothorax' of model 'lung-net' is in none of the data sets",
                never_opens=False,
            )
        ],
        problems=[],
        waivers=[waiver],
    )


if __name__ == "__main__":
    EXAMPLES.mkdir(parents=True, exist_ok=True)
    (EXAMPLES / "audit.json").write_text(example().to_json(), encoding="utf-8")
    (EXAMPLES / "audit.html").write_text(render_html(example()), encoding="utf-8")
