"""What the gate says of each target of a model, and how often: open, closed or undecided."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from audit_suite.audit.gate import decide_targets
from audit_suite.record import Finding, PolicyRecord
from audit_suite.statistics.design import Cohort
from audit_suite.statistics.opening_chance import chance_to_open
from detection.figures import Share, share, with_interval

if TYPE_CHECKING:
    from detection.auditing import Row
    from detection.grid import Kind

FLOOR = 0.60  # of R1 for a model without a claim
DECISIONS = ("open", "undecided", "closed", "partial")
SHORTCUTS = ("outside", "framing")
JUDGED = ("pass", "inconclusive", "fail")


def decisions_by_target(
    record: Mapping[str, Any], model: str, dataset: str, left_out: Collection[str] = ()
) -> dict[str, str]:
    """The decision for each target of one model on one data set.

    Args:
        record: A record of several models.
        model: The model's name.
        dataset: The data set's name.
        left_out: Checks that were not run to save time. The gate calls that no full audit; here it
            is asked what it would say had their suites been without them.
    """
    if not left_out:
        here = [t for t in record["targets"] if (t["model"], t["dataset"]) == (model, dataset)]
        return {target["target"]: target["decision"] for target in here}
    findings = [
        Finding.model_validate(finding)
        for finding in record["findings"]
        if (finding["model"], finding["dataset"]) == (model, dataset)
        and finding["check"] not in left_out
    ]
    policy = PolicyRecord.model_validate(record["policy"])
    return {place[2]: gate.decision for place, _, gate in decide_targets(findings, policy)}


def decided(rows: Iterable[Row], decision: str) -> Share:
    """Share of targets with a decision; each target of a model counts."""
    return share(_are(rows, decision), bool)


def _are(rows: Iterable[Row], decision: str) -> list[bool]:
    return [each == decision for row in rows for each in row.decisions.values()]


def gate_figures(
    rows: Sequence[Row], kinds: Mapping[str, Kind], sizes: Sequence[int]
) -> dict[str, Any]:
    """Shares of gate decisions by number of patients, for the first target in the usual world.

    And of R16 (scores more spread in one class), which is judged where R3 does not fail.

    Args:
        rows: The results.
        kinds: The kinds of the run.
        sizes: Numbers of patients.
    """
    figures: dict[str, Any] = {}
    for size in sizes:
        some = [row for row in rows if row.size == size and not row.world]
        honest = [row for row in some if kinds[row.kind].group == "honest"]
        planted = [row for row in some if kinds[row.kind].group in SHORTCUTS]
        for name, group, decision in (
            ("open_honest", honest, "open"),
            ("undecided_honest", honest, "undecided"),
            ("closed_honest", honest, "closed"),
            ("closed_shortcut", planted, "closed"),
            ("open_shortcut", planted, "open"),
        ):
            figures |= with_interval(f"{name}_{size}", _are(group, decision))
        other = [row for row in some if kinds[row.kind].cause is not None]
        for name, group in (("honest", honest), ("planted", other)):
            judged = [row.checks["R16"] for row in group if row.checks.get("R16") in JUDGED]
            figures |= with_interval(f"r16_failed_{name}_{size}", [v == "fail" for v in judged])
    return figures


def gate_table(rows: Sequence[Row], kinds: Mapping[str, Kind]) -> list[dict[str, Any]]:
    """Decisions by truth, world, prevalence and patients, with the planned chance to open.

    The planned chance takes the AUROC that a model has on its largest test set, and that nothing is
    kept with the box hidden; so it is given for honest models alone.
    """
    best = {row.model: row.auroc for row in sorted(rows, key=lambda row: row.size)}
    cells: dict[tuple[Any, ...], list[Row]] = {}
    for row in rows:
        at = row.kind, row.strength, row.world, row.prevalence, row.size
        cells.setdefault(at, []).append(row)
    lines = []
    for (kind, strength, world, prevalence, size), cell in sorted(cells.items()):
        counts = {d: decided(cell, d).count for d in DECISIONS}
        planned = None
        if kinds[kind].group in ("honest", "plain"):
            chances = [_planned(best[row.model], row) for row in cell]
            planned = sum(chances) / len(chances)
        closing = [c for row in cell for c, verdict in row.checks.items() if verdict == "fail"]
        lines.append(
            {
                "truth": kind,
                "group": kinds[kind].group,
                "strength": strength,
                "world": world,
                "prevalence": prevalence,
                "patients": size,
                "targets": sum(len(row.decisions) for row in cell),
                **counts,
                "planned_open": planned,
                "failed_checks": {check: closing.count(check) for check in sorted(set(closing))},
            }
        )
    return lines


def _planned(auroc: float | None, row: Row) -> float:
    cohort = Cohort(row.positives, row.size - row.positives)
    return 0.0 if auroc is None else chance_to_open(auroc, cohort, FLOOR)
