"""What the cells of an audit could decide: the plan by its policy, data sets and evidence."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from itertools import groupby
from pathlib import Path

from audit_suite.audit.opening import Audit, open_audit
from audit_suite.audit.policy import Policy, load_policy
from audit_suite.audit.settings import Settings
from audit_suite.cards import DatasetCard, ModelCard
from audit_suite.datasets import load_dataset
from audit_suite.errors import AuditError
from audit_suite.evidence import Cell, EvidenceSource
from audit_suite.planning.forecast import LEFT, PLANNED
from audit_suite.planning.measuring import at_hand, cohort_of
from audit_suite.planning.plan import Plan, Question, forecasts
from audit_suite.planning.words import beside
from audit_suite.registry import load_extensions
from audit_suite.statistics.at_hand import AtHand
from audit_suite.statistics.design import Levels
from audit_suite.suites.test_region_sensitivity import CLAIM_ROOM, LEAST_SKILL


def plan_cards(
    models: Sequence[ModelCard],
    datasets: Sequence[DatasetCard],
    policy: Path | None,
    evidence: Path,
    auroc: float | None = None,
) -> Plan:
    """The plan of some cards; computes no evidence and decodes no image.

    Args:
        models: Model cards; none for models of the usual skills.
        datasets: Data set cards.
        policy: File of the policy; None for the default policy.
        evidence: Folder of stored evidence.
        auroc: AUROC to plan for, in place of what is measured or claimed.

    Raises:
        AuditError: If a policy or data set is wrong, or cards have no target in common.
    """
    if models:
        named = tuple(card.path for card in models), tuple(card.path for card in datasets)
        settings = Settings(*named, policy=policy, evidence=evidence, offline=True)
        audit = open_audit(settings)
        try:
            return plan_audit(audit, auroc)
        finally:
            audit.source.close()
    load_extensions()
    questions = [
        Question(("", card.name, target), cohort_of(dataset, target), LEAST_SKILL, auroc, skill)
        for card in datasets
        for dataset in (load_dataset(card),)
        for target in card.targets
        for skill in ("assumed" if auroc is None else "given",)
    ]
    places = [(card, target) for card in datasets for target in card.targets]
    return _plan([questions], load_policy(policy), _notes(places, load_policy(policy)))


def plan_audit(audit: Audit, auroc: float | None = None) -> Plan:
    """The plan of an audit's cells; of folds that are audited one by one, of their mean.

    Args:
        audit: The audit.
        auroc: As for `plan_cards`.

    Raises:
        AuditError: If a data set cannot be read.
    """
    notes: list[str] = []
    cells = list(_joined(audit.cells))
    groups = [
        [_question(cell, audit.source, auroc, notes) for cell in group]
        for _, group in groupby(cells, key=lambda cell: cell.model)
    ]
    places = dict.fromkeys((cell.dataset, cell.target) for cell in cells)
    return _plan(groups, audit.policy, [*_notes(places, audit.policy), *dict.fromkeys(notes)])


def floor_of(model: ModelCard, target: str) -> float:
    """What R1 requires a model's AUROC to exceed."""
    claim = model.claims.get(target)
    return LEAST_SKILL if claim is None else max(LEAST_SKILL, claim.auroc - CLAIM_ROOM)


def levels_of(policy: Policy, places: int) -> Levels:
    """The error levels of a release by a policy.

    Args:
        policy: The policy.
        places: Data sets and targets of the model.
    """
    alpha = round(1 - policy.confidence, 9)
    return Levels.shared(alpha, looks=policy.looks, places=places, main=max(1, len(policy.main)))


def _joined(cells: Iterable[Cell]) -> Iterator[Cell]:
    """The cells with all folds of a model in one."""
    places: dict[tuple[ModelCard, DatasetCard, str], Cell] = {}
    for cell in cells:
        place = cell.model, cell.dataset, cell.target
        before = places.get(place)
        places[place] = cell if before is None else replace(before, folds=before.folds + cell.folds)
    yield from places.values()


def _question(
    cell: Cell, source: EvidenceSource, auroc: float | None, notes: list[str]
) -> Question:
    place = cell.model.name, cell.dataset.name, cell.target
    claim = cell.model.claims.get(cell.target)
    stored: AtHand | None = None
    if source.store.root.exists():
        try:
            stored = at_hand(cell, source)
        except AuditError as error:
            notes.append(f"stored scores are not used: {error.what}")
    question = Question(
        place,
        cohort_of(source.dataset(cell.dataset), cell.target),
        floor_of(cell.model, cell.target),
        auroc,
        "given",
        stored,
    )
    if auroc is not None:
        return question
    if stored is not None:
        return replace(question, auroc=stored.auroc, skill="measured")
    if claim is not None:
        return replace(question, auroc=claim.auroc, skill="claimed")
    return replace(question, skill="assumed")


def _plan(groups: Iterable[Sequence[Question]], policy: Policy, notes: Iterable[str]) -> Plan:
    answered = [
        forecasts(
            [replace(q, primary=policy.kind(q.place[2]).primary) for q in group],
            levels_of(policy, len(group)),
        )
        for group in groups
    ]
    return Plan(
        policy=policy.name,
        alpha=round(1 - policy.confidence, 9),
        looks=policy.looks,
        targets=tuple(each for single, _ in answered for each in single),
        all_targets=tuple(each for _, joint in answered for each in joint),
        notes=tuple(notes),
    )


def _notes(places: Iterable[tuple[DatasetCard, str]], policy: Policy) -> Iterator[str]:
    """What stands between these chances and an open gate."""
    if LEFT not in policy.main:
        yield (
            f"the policy '{policy.name}' does not name {LEFT} under 'main': its fails hold at a "
            f"smaller level, so that it closes less often"
        )
    yield from filter(None, [beside([kind.model_dump() for kind in policy.targets])])
    for card, target in places:
        if not card.targets[target].roi:
            yield (
                f"{card.name} declares no region for '{target}': R8-box does not apply there, so "
                f"the audit stays partial"
            )
        required = policy.kind(target).required
        if set(required) != set(PLANNED):
            yield (
                f"the policy '{policy.name}' requires {', '.join(required)} for '{target}'; the "
                f"chances are those of {' and '.join(PLANNED)}"
            )
