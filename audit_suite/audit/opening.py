"""Open an audit: read the cards, form the cells, open the evidence store."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn, TypeVar

from audit_suite.audit.policy import Policy, load_policy
from audit_suite.audit.settings import Settings
from audit_suite.audit.verify import load_verified
from audit_suite.audit.waivers import Waiver, load_waivers, today
from audit_suite.cards import DatasetCard, ModelCard, load_dataset_card, load_model_card
from audit_suite.errors import AuditError
from audit_suite.evidence import Cell, EvidenceSource, choose_profile
from audit_suite.evidence.budget import Budget
from audit_suite.evidence.cell import FoldPolicy, averaging, fold_groups
from audit_suite.evidence.part import Part
from audit_suite.evidence.remote import open_store
from audit_suite.maskings import PAPER, Masking
from audit_suite.readings import Readings, read_form
from audit_suite.record import Record
from audit_suite.registry import EXECUTORS, load_extensions

_Card = TypeVar("_Card", ModelCard, DatasetCard)


@dataclass(frozen=True)
class Audit:
    """What all steps of an audit share.

    Attributes:
        settings: As given.
        policy: What must be shown before the gate opens.
        models: Cards of the models.
        datasets: Cards of the data sets.
        cells: Every model (fold) on every data set for every common target.
        waivers: The entries of the waiver file.
        source: Stored evidence; computes what is missing.
        baseline: The record of the release that this one replaces; None without one.
        policy_maskings: What ``MASKINGS`` stands for, if the settings name maskings; else empty.
    """

    settings: Settings
    policy: Policy
    models: tuple[ModelCard, ...]
    datasets: tuple[DatasetCard, ...]
    cells: tuple[Cell, ...]
    waivers: tuple[Waiver, ...]
    source: EvidenceSource
    policy_maskings: tuple[Masking, ...]
    baseline: Record | None = None

    def maskings(self, dataset: DatasetCard) -> tuple[Masking, ...]:
        """What `MASKINGS` stands for: the settings' maskings, else the card's, else the paper's."""
        named = tuple(Masking.parse(id) for id in dataset.maskings)
        return self.policy_maskings or named or PAPER


def open_audit(settings: Settings, part: Part | None = None, workers: int = 1) -> Audit:
    """Read the policy, cards, waivers and readings of an audit; computes nothing.

    Args:
        settings: As given.
        part: The part of the evidence that is computed here; all by default.
        workers: Processes on this machine that judge this audit.

    Raises:
        AuditError: If an option, a card or an extension is wrong.
    """
    load_extensions()
    policy = load_policy(settings.policy)
    make = EXECUTORS.find(settings.executor, "--audit-executor")
    executor = make(settings.timeout, settings.ray_address)
    models = _unique([load_model_card(path) for path in settings.models], "--audit-model")
    _refuse_segmenters(models)
    datasets = _unique([load_dataset_card(path) for path in settings.datasets], "--audit-dataset")
    return Audit(
        settings=settings,
        policy=policy,
        models=models,
        datasets=datasets,
        cells=_cells(models, datasets, settings.folds),
        waivers=load_waivers(settings.waivers, policy.waiver_days, today())
        if settings.waivers
        else (),
        source=EvidenceSource(
            open_store(settings.evidence, settings.cache, part),
            choose_profile(settings.device, settings.batch_size, settings.seed, settings.precision),
            offline=settings.offline,
            max_cases=settings.images,
            explaining=Budget(settings.explain_budget, settings.max_explained),
            readings=_readings(settings.readings, datasets),
            executor=executor,
            cache=settings.cache,
            shared_cache=settings.shared_cache,
            workers=workers,
        ),
        policy_maskings=tuple(Masking.parse(id) for id in settings.maskings),
        baseline=None if settings.baseline is None else load_verified(settings.baseline),
    )


def _readings(path: Path | None, datasets: Sequence[DatasetCard]) -> Readings | None:
    if path is None:
        return None
    readings = read_form(path, Readings, "readings file")
    names = [card.name for card in datasets]
    if readings.key.dataset not in names:
        raise AuditError(
            f"--audit-readings={path}: these are readings of data set '{readings.key.dataset}', "
            f"but the audited data sets are {names}",
            f"add the card of '{readings.key.dataset}' with --audit-dataset, or leave the option "
            f"out",
        )
    return readings


def _refuse_segmenters(models: Sequence[ModelCard]) -> None:
    for card in models:
        if card.task != "classification":
            raise AuditError(
                f"--audit-model: {card.path} is the card of a {card.task} model, which gives no "
                f"scores to audit",
                "audit a classifier; `audit-suite segment` makes masks with this model",
            )


def _unique(cards: list[_Card], option: str) -> tuple[_Card, ...]:
    seen: dict[str, _Card] = {}
    for card in cards:
        if card.name in seen and seen[card.name].path != card.path:
            raise AuditError(
                f"{option}: the cards {seen[card.name].path} and {card.path} have the same name "
                f"'{card.name}'",
                "findings are keyed by name: change the key 'name' of one of them",
            )
        seen[card.name] = card
    return tuple(seen.values())


def _cells(
    models: tuple[ModelCard, ...], datasets: tuple[DatasetCard, ...], policy: FoldPolicy
) -> tuple[Cell, ...]:
    cells = tuple(
        Cell(model, folds, dataset, target, averaging(model, policy))
        for model in models
        for folds in fold_groups(model, policy)
        for dataset in datasets
        if not model.datasets or dataset.name in model.datasets
        for target in model.targets
        if target in dataset.targets
    )
    for option, cards in (("--audit-model", models), ("--audit-dataset", datasets)):
        used = {cell.model.name for cell in cells} | {cell.dataset.name for cell in cells}
        for card in cards:
            if card.name not in used:
                _no_common_target(option, card, datasets if option == "--audit-model" else models)
    return cells


def _no_common_target(
    option: str,
    card: ModelCard | DatasetCard,
    others: tuple[ModelCard, ...] | tuple[DatasetCard, ...],
) -> NoReturn:
    known = sorted({target for other in others for target in other.targets})
    raise AuditError(
        f"{option}: card {card.path} has the targets {list(card.targets)}, but the cards to "
        f"combine it with have {known}: nothing can be audited",
        "give the target the same name in both cards (key 'targets')",
    )
