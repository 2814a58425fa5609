"""Start an audit: settings, cards, cells and evidence, then the plugins that do the work."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn, TypeVar

import pytest

import audit_suite.suites
from audit_suite.cards import DatasetCard, ModelCard, load_dataset_card, load_model_card
from audit_suite.errors import AuditError
from audit_suite.evidence import Cell, EvidenceSource, EvidenceStore, choose_profile
from audit_suite.evidence.request import FoldPolicy, averaging, fold_groups
from audit_suite.maskings import PAPER, Masking
from audit_suite.phantoms import register_shortcut
from audit_suite.readings import Readings, read_form
from audit_suite.waivers import Waiver, load_waivers
from pytest_audit.options import Settings, read_settings

SUITES = Path(audit_suite.suites.__file__).parent

_Card = TypeVar("_Card", ModelCard, DatasetCard)


@dataclass(frozen=True)
class Audit:
    """What all parts of the plugin share."""

    settings: Settings
    models: tuple[ModelCard, ...]
    datasets: tuple[DatasetCard, ...]
    cells: tuple[Cell, ...]
    waivers: tuple[Waiver, ...]
    source: EvidenceSource
    policy_maskings: tuple[Masking, ...]

    def maskings(self, dataset: DatasetCard) -> tuple[Masking, ...]:
        """What `MASKINGS` stands for: the policy's, else the card's, else the paper's."""
        named = tuple(Masking.parse(id) for id in dataset.maskings)
        return self.policy_maskings or named or PAPER


def start(config: pytest.Config) -> None:
    """Read what the audit is of, and register the plugins that collect, judge and record it.

    Raises:
        pytest.UsageError: If an option or a card is wrong.
    """
    from pytest_audit.collecting import Collecting
    from pytest_audit.computing import Computing
    from pytest_audit.exchange import Exchange
    from pytest_audit.judging import Judging
    from pytest_audit.recording import Recording

    if config.getoption("reruns", default=None):
        raise pytest.UsageError(
            "--reruns cannot be used with --audit: a verdict drawn again until it passes is no "
            "verdict; remove --reruns (also from addopts and PYTEST_ADDOPTS)"
        )
    settings = read_settings(config)
    _pin_gpu()
    config.pluginmanager.hook.pytest_audit_register_shortcuts(register=register_shortcut)
    try:
        models = _unique([load_model_card(path) for path in settings.models], "--audit-model")
        datasets = _unique(
            [load_dataset_card(path) for path in settings.datasets], "--audit-dataset"
        )
        audit = Audit(
            settings=settings,
            models=models,
            datasets=datasets,
            cells=_cells(models, datasets, settings.folds),
            waivers=load_waivers(settings.waivers) if settings.waivers else (),
            source=EvidenceSource(
                EvidenceStore(settings.evidence),
                choose_profile(settings.device, settings.batch_size, settings.seed),
                offline=settings.offline,
                max_cases=settings.max_cases,
                max_explained=settings.max_explained,
                readings=_readings(settings.readings, datasets),
            ),
            policy_maskings=tuple(Masking.parse(id) for id in settings.maskings),
        )
    except AuditError as error:
        raise pytest.UsageError(str(error)) from None
    _choose_paths(config, settings)
    config.stash[Exchange.KEY] = Exchange(config)
    for name, plugin in (
        ("collecting", Collecting(config, audit)),
        ("computing", Computing(config, audit)),
        ("judging", Judging(config, audit)),
        ("recording", Recording(config, audit)),
    ):
        config.pluginmanager.register(plugin, f"audit-{name}")


def _readings(path: Path | None, datasets: tuple[DatasetCard, ...]) -> Readings | None:
    if path is None:
        return None
    found = read_form(path, Readings, "readings file")
    names = [card.name for card in datasets]
    if found.key.dataset not in names:
        raise AuditError(
            f"--audit-readings={path}: these are readings of data set '{found.key.dataset}', and "
            f"audited are {names}",
            f"add the card of '{found.key.dataset}' with --audit-dataset, or leave the option out",
        )
    return found


def _choose_paths(config: pytest.Config, settings: Settings) -> None:
    """With no path given, run the shipped suites and the project's own ``audits/``."""
    shipped = {path.stem.removeprefix("test_").replace("_", "-"): path for path in _suite_files()}
    for name in settings.suites:
        if name not in shipped:
            raise pytest.UsageError(
                f"--audit-suite={name}: there is no such suite; known: {', '.join(shipped)}"
            )
    if config.args_source != config.ArgsSource.ARGS:
        config.args = [str(shipped[name]) for name in settings.suites or shipped]
        own = config.rootpath / "audits"
        if not settings.suites and own.is_dir():
            config.args.append(str(own))
    else:
        config.args.extend(str(shipped[name]) for name in settings.suites)


def _suite_files() -> list[Path]:
    return sorted(SUITES.glob("test_*.py"))


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
    models: tuple[ModelCard, ...],
    datasets: tuple[DatasetCard, ...],
    policy: FoldPolicy,
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
        f"{option}: card {card.path} has the targets {list(card.targets)}, the cards on the other "
        f"side have {known}: nothing can be audited",
        "give the target the same name in both cards (key 'targets')",
    )


def _pin_gpu() -> None:
    """Give each worker one of the caller's GPUs, before torch looks for them."""
    worker = os.environ.get("PYTEST_XDIST_WORKER", "")
    visible = os.environ.get("CUDA_VISIBLE_DEVICES", "")
    devices = [device for device in visible.split(",") if device]
    if worker.startswith("gw") and len(devices) > 1:
        os.environ["CUDA_VISIBLE_DEVICES"] = devices[int(worker[2:]) % len(devices)]
