"""Records of audits of made-up scores, with the influences of every patient in a store."""

from __future__ import annotations

import numpy as np
from gate.made import PLACE
from report.example import example

from audit_suite.audit.gate import count_verdicts, decide_by, missing_checks
from audit_suite.audit.judge import judge
from audit_suite.audit.policy import load_policy
from audit_suite.audit.target_decisions import target_decisions
from audit_suite.record import Finding
from audit_suite.releases.influences import keep_influences
from audit_suite.statistics import (
    DecisionRule,
    Recorded,
    estimate_auroc,
    recording,
    share_kept,
)
from audit_suite.verdict import Inconclusive

DATA = "d" * 64


class Planned:
    def __init__(self, check, role, place):
        self.check, self.role, self.place = check, role, place

    def planned(self):
        return Finding.planned(
            check=self.check,
            id="/".join([self.check, *self.place.values()]),
            title=self.check.lower(),
            **self.place,
            case="",
            role=self.role,
            question=f"What does {self.check} ask?",
            command="",
        )


def asked(check, role, compare, place=PLACE):
    """A finding as an audit judges it, and what it compared."""
    raised = None
    with recording(DecisionRule()) as recorded:
        try:
            compare()
        except Inconclusive as error:
            raised = error
    return judge(Planned(check, role, place), raised, recorded, ()), recorded


def scores_of(seed, auroc_shift=1.8, hidden_shift=0.0, patients=400, noise=0.6, same=0):
    """Scores of one model on full and hidden images; models of one ``same`` share patients."""
    rng, shared = np.random.default_rng([seed, 5]), np.random.default_rng(same)
    labels = (np.arange(patients) % 4 == 0).astype(int)
    common = shared.normal(size=(2, patients))
    own = rng.normal(size=(2, patients))
    mixed = (1 - noise) ** 0.5 * common + noise**0.5 * own
    return labels, mixed + np.outer([auroc_shift, hidden_shift], labels)


def estimates(labels, scores, data=DATA):
    people = np.arange(len(labels))
    full = estimate_auroc(labels, scores[0], people, data)
    hidden = estimate_auroc(labels, scores[1], people, data, "AUROC without ROI box")
    return full, hidden


def record_of(labels, scores, name="m", store=None, data=DATA, without=(), floor=0.6, **more):
    """The record of an audit of three checks: skill, chance without the box, share kept."""
    full, hidden = estimates(labels, scores, data)
    place = PLACE | {"model": name}
    checks = {
        "R1": ("required", lambda: full > floor),
        "R3": ("guard", lambda: hidden.distance_to(0.5) < 0.15),
        "R8-box": ("required", lambda: share_kept(hidden, full) < 0.25),
    }
    findings = []
    for check, (role, compare) in checks.items():
        if check not in without:
            finding, recorded = asked(check, role, compare, place)
            findings.append(finding)
            if store is not None:
                keep_influences(store, finding, recorded.comparisons, model_digest(scores), data)
    return written(findings, name, model_digest(scores), data, **more)


def model_digest(scores):
    return f"{abs(hash(scores.tobytes())):064x}"[:64]


def written(findings, name, model, data, policy=None, baseline=None):
    """A record with these findings, whole and consistent."""
    policy = policy or load_policy()
    record = example().model_copy(deep=True)
    places = [(name, "d", "t")]
    required, must = policy.required_checks(places), policy.asked_checks(places)
    held = record.policy
    held.name, held.digest, held.content = policy.name, policy.digest(), policy.content()
    held.required, held.asked, held.waivers, held.deviations = required, must, [], []
    held.missing, held.primary = missing_checks(findings, required, must), ["t"]
    record.findings, record.gallery = findings, []
    record.provenance.models[0].name = name
    record.provenance.models[0].digest = model
    record.provenance.datasets[0].name = "d"
    record.provenance.datasets[0].digest = data
    record.baseline = baseline
    record.counts = count_verdicts(findings)
    gate = decide_by(findings, held)
    record.decision, record.decision_reason = gate.decision, gate.reason
    record.targets = target_decisions(findings, held, {})
    record.digest = record.content_digest()
    return record


__all__ = ["DATA", "Recorded", "asked", "estimates", "record_of", "scores_of", "written"]
