"""Records of several models, data sets and targets, made of the example's parts."""

from __future__ import annotations

from itertools import product

from report.example import comparison, estimate, example, finding

from audit_suite.audit.gate import count_verdicts
from audit_suite.record import CauseFlag, CausesRecord, Decision, Record, TargetDecision
from audit_suite.report.first.rows import OUTSIDE

DECISIONS: tuple[Decision, ...] = ("closed", "open", "open", "undecided")


def many(models: int = 1, datasets: int = 1, targets: int = 1) -> Record:
    """A closed audit in which the places' decisions take turns."""
    record = example()
    (model,), (data,) = record.provenance.models, record.provenance.datasets
    wanted = {f"finding-{n}": data.targets["effusion"] for n in range(targets)}
    record.provenance.models = [
        model.model_copy(update={"name": f"net-{n}", "targets": list(wanted)})
        for n in range(models)
    ]
    record.provenance.datasets = [
        data.model_copy(update={"name": f"site-{n}", "targets": wanted}) for n in range(datasets)
    ]
    record.policy.missing, record.findings, record.targets, record.causes = [], [], [], []
    for number, (one, site, target) in enumerate(
        product(record.provenance.models, record.provenance.datasets, wanted)
    ):
        _add(record, number, {"model": one.name, "dataset": site.name, "target": target})
    record.counts = count_verdicts(record.findings)
    record.decision, record.decision_reason = "closed", "some checks failed"
    record.digest = record.content_digest()
    return record


def _add(record: Record, number: int, place: dict[str, str]) -> None:
    decision = DECISIONS[number % len(DECISIONS)]
    hidden, verdict = {
        "closed": (0.8, "fail"),
        "open": (0.51, "pass"),
        "undecided": (0.56, "inconclusive"),
        "partial": (0.5, "none"),
    }[decision]
    shown = [
        estimate("AUROC", value, 0.02 + number / 2000).model_copy(
            update={"at": {"masking": masking}}
        )
        for masking, value in (
            ("full", 0.9 - number / 100),
            ("without-roi-box", hidden),
            ("only-roi-box", 0.88 - number / 100),
        )
    ]
    outside = comparison(estimate(OUTSIDE, 0.1 + number / 40, 0.05), verdict, "<", 0.5)
    limit = comparison(shown[1], verdict, "<", 0.05, 0.5)
    path = "/".join(place.values())
    record.findings += [
        finding("R1", "not_applicable", [], observations=shown, id=f"R1/{path}", **place),
        finding("R3", verdict, [limit], id=f"R3/{path}", role="required", **place),
        finding("R14", verdict, [outside], id=f"R14/{path}", **place),
    ]
    kept = "with the region hidden at most 12% of the skill is left"
    record.targets.append(
        TargetDecision(
            **place, primary=True, decision=decision, reason="as its checks say", kept=kept
        )
    )
    holds = "yes" if decision == "closed" else "no"
    names = ["background-shortcut"] if decision == "closed" else []
    flag = {"because": "", "settles": "", "estimates": []}
    record.causes.append(
        CausesRecord(
            **place,
            causes=names,
            sentence=f"On {place['target']}: the model reads the background.",
            flags=[CauseFlag(cause="background-shortcut", holds=holds, **flag)],
        )
    )
