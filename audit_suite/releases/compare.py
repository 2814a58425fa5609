"""Compare an audit with an earlier one: what is new, worse, lost, fixed and unchanged."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from audit_suite.record import BaselineRecord, ComparisonRecord, Finding, Record
from audit_suite.record.policy import OF_THE_MODEL
from audit_suite.releases.changes import change_of, is_answered
from audit_suite.releases.losses import judge_loss
from audit_suite.releases.matching import Matched, match
from audit_suite.releases.side import Side
from audit_suite.report.places import Place, place_of
from audit_suite.statistics import Comparison, DecisionRule, Margin, joint_verdict, majority
from audit_suite.statistics.influence import Influence
from audit_suite.verdict import Verdict

MARGIN = 0.05
"""Loss up to which a release is no worse than the one before, unless the policy says another."""
SOURCE = "largest loss against the baseline (policy key 'baseline_margin')"

_SKILL = "AUROC"  # label of the estimate on full images
_Influences = tuple[list[Influence | None], list[Influence | None]]  # before and now


@dataclass(frozen=True)
class Losses:
    """Judged losses of one audit against another, by place.

    Attributes:
        skill: Of skill on full images.
        others: Of everything else.
    """

    skill: dict[Place, list[Comparison]] = field(default_factory=dict)
    others: dict[Place, list[Comparison]] = field(default_factory=dict)

    def add(self, finding: Finding, of_skill: bool, together: Sequence[Comparison]) -> None:
        """Add losses that are judged together."""
        here = (self.skill if of_skill else self.others).setdefault(place_of(finding), [])
        group = here[-1].group + 1 if here else 0
        here += [replace(loss, group=group) for loss in together]


def compare(
    baseline: Record, old: Side, new: Side, margin: float | None = None
) -> tuple[BaselineRecord, Losses]:
    """Compare an audit with an earlier one.

    Less skill is a regression whatever the checks say. Of all else a loss is one where the check
    does not pass: what a policy allows, a release may use. Half of the error level goes to the loss
    of skill in all places, half to all other losses. So at most a share of 1 - confidence of the
    releases that are nowhere worse by more than the margin have a loss that is shown.

    Args:
        baseline: The earlier record.
        old: Its side.
        new: The side of the audit.
        margin: The largest loss that is not a regression, in units of each estimate; None for
            `MARGIN`.

    Returns:
        What the later record keeps of it, and all losses.
    """
    matched = match(old, new)
    limit = Margin(MARGIN if margin is None else margin, SOURCE)
    alpha = 1 - new.provenance.settings.confidence
    found = [_groups(before, now, matched) for before, now in matched.pairs]
    of_skill = [group.of_skill for groups in found for group in groups]
    shares = {skill: 2 * of_skill.count(skill) for skill in (True, False)}
    losses, changes, unpaired = Losses(), [], 0
    for (before, now), groups in zip(matched.pairs, found, strict=True):
        if not (is_answered(before) or is_answered(now)):
            continue
        judged: list[list[Comparison]] = []
        paired = regresses = False
        if before is not None and now is not None and groups:
            influences = old.influences(before), new.influences(now)
            for group in groups:
                together = group.judge(
                    influences, limit, DecisionRule(alpha, shares[group.of_skill])
                )
                judged.append(together)
                is_shown = together[0].verdict is Verdict.FAIL
                if group.of_skill or now.verdict is not Verdict.PASS or not is_shown:
                    losses.add(now, group.of_skill, together)
                    regresses |= is_shown
            paired = all(group.is_paired(influences) for group in groups)
            unpaired += not paired
        changes.append(change_of(before, now, matched, judged, paired, regresses))
    if unpaired:
        matched.notes.append(
            f"{unpaired} of {sum(map(bool, found))} checks are compared by overlap of intervals, "
            f"which shows less: the evidence at hand lacks the patients' influences of one audit "
            f"(name the folder that has it with --evidence, or --audit-evidence in an audit)"
        )
    record = BaselineRecord(
        digest=baseline.digest,
        decision=baseline.decision,
        audit_suite=baseline.provenance.audit_suite,
        models=matched.models,
        margin=limit,
        alpha=alpha,
        notes=matched.notes,
        changes=changes,
    )
    return record, losses


@dataclass(frozen=True)
class _Group:
    """Comparisons of one check that are judged together.

    Attributes:
        pairs: Each before and now.
        places: Of these among the comparisons of both findings.
    """

    pairs: list[tuple[ComparisonRecord, ComparisonRecord]]
    places: list[tuple[int, int]]

    @property
    def of_skill(self) -> bool:
        first = self.pairs[0][1]
        return first.estimate.label == _SKILL and first.relation == ">"

    def is_paired(self, influences: _Influences) -> bool:
        return None not in [each for one in self._of(influences) for each in one]

    def judge(
        self, influences: _Influences, margin: Margin, level: DecisionRule
    ) -> list[Comparison]:
        """Each loss with the joint verdict."""
        count = len(self.pairs)
        rule = replace(level, cases=level.cases * (count - majority(count) + 1))
        alone = [
            replace(judge_loss(before, now, known, margin, rule), jointly=self.pairs[0][1].jointly)
            for (before, now), known in zip(self.pairs, self._of(influences), strict=True)
        ]
        verdict = joint_verdict(alone)
        return [replace(one, verdict=verdict) for one in alone]

    def _of(self, influences: _Influences) -> list[tuple[Influence | None, Influence | None]]:
        return [(influences[0][i], influences[1][j]) for i, j in self.places]


def _groups(before: Finding | None, now: Finding | None, matched: Matched) -> list[_Group]:
    """What is compared: what both audits asked of the same data by a rule with an interval."""
    if before is None or now is None or now.role not in OF_THE_MODEL:
        return []
    if now.dataset in matched.other_data:
        return []
    earlier = {_quantity(each): n for n, each in enumerate(before.comparisons) if each.basis}
    places: dict[int, list[tuple[int, int]]] = {}
    for number, each in enumerate(now.comparisons):
        if each.basis and (other := earlier.get(_quantity(each))) is not None:
            places.setdefault(each.group, []).append((other, number))
    return [
        _Group([(before.comparisons[i], now.comparisons[j]) for i, j in found], found)
        for found in places.values()
    ]


def _quantity(comparison: ComparisonRecord) -> tuple[object, ...]:
    estimate = comparison.estimate
    place = tuple(sorted((axis, str(value)) for axis, value in estimate.at.items()))
    return estimate.label, place, comparison.relation, comparison.centre
