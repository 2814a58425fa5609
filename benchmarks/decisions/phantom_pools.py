"""Score sets of small networks on phantoms: trained, then shown every patient four times."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from audit_suite.cards import DatasetCard, InputSpec
from audit_suite.maskings import WithoutROI
from audit_suite.maskings.show import Alone, Batch, show
from audit_suite.models.preprocessing import normalise
from decisions.pools import Pool
from detection import grid
from detection.grid import KINDS, Setting, World, phantom
from detection.training import dataset_card, draw, trained

FILLS = ("black", "mean", "blur")
PATIENTS = 6000  # of a pool, fewer with several images each
_BATCH = 500


@dataclass(frozen=True)
class Plan:
    """A model to train and score.

    Attributes:
        truth: honest, partial, shortcut, or inside (a cue in the region).
        setting: What is planted and trained.
        agreement: Of the shortcut with the label, in training; None as the grid has it.
        finding: Strength of the finding beside a shortcut; None as the grid has it.
        images: Images per patient of the pool.
    """

    truth: str
    setting: Setting
    agreement: float | None = None
    finding: float | None = None
    images: int = 1

    @property
    def name(self) -> str:
        """Unique among the plans."""
        more = "" if self.agreement is None else f"-agrees-{round(100 * self.agreement)}"
        return f"{self.setting.name}{more}" + ("" if self.images == 1 else f"-x{self.images}")


def plans() -> list[Plan]:
    """All plans: honest ones, then those that keep a part of their skill, then shortcuts."""
    one_target = [world for world in grid.OTHER_WORLDS if world.targets == 1]
    return [
        *(Plan("honest", Setting("honest", strength, 0)) for strength in (0.4, 0.45, 0.5, 0.6)),
        *(Plan("honest", Setting("honest", 0.5, 0, world=world)) for world in one_target),
        *(_partial(grid.USUAL, agreement) for agreement in (0.58, 0.65, 0.75)),
        Plan("honest", Setting("honest", 0.5, 0), images=3),
        *(Plan("shortcut", Setting(kind, 1.0, 0)) for kind in ("corner_marker", "exposure")),
        *(_partial(World(frame="fundus"), agreement) for agreement in (0.65, 0.75)),
        *(Plan("shortcut", Setting(kind, 1.0, 0)) for kind in ("framing", "scanner_noise")),
        Plan("inside", Setting("roi_artefact", 1.0, 0)),
        Plan("honest", Setting("honest_plain", 0.5, 0)),
    ]


def _partial(world: World, agreement: float) -> Plan:
    """A model that reads its finding, and a marker that says a little more."""
    setting = Setting("corner_marker", 1.0, 0, world=world)
    return Plan("partial", setting, agreement, 0.5)


def make(plan: Plan) -> Pool:
    """Train a plan's model and score its pool, half of whose patients have the finding."""
    setting = plan.setting
    spec, module = _model(plan)
    patients = PATIENTS // plan.images
    planted = {**_planted(plan, patients, 1), "images_per_patient": [plan.images, plan.images]}
    card = DatasetCard.model_validate(dataset_card(setting.data, planted, setting.world))
    images, distances, labels = draw(card, InputSpec(**spec["input"]), (setting.world.target,))
    draw.cache_clear()
    scores = score(module, images, distances, InputSpec(**spec["input"]))
    patients = np.repeat(np.arange(patients), plan.images)
    return Pool(plan.name, plan.truth, labels[:, 0].numpy().astype(int), patients, scores)


def score(module: nn.Module, images: Tensor, distances: Tensor, spec: InputSpec) -> np.ndarray:
    """Scores of whole images and with the ROI's box hidden, shape (4, n)."""
    context = Alone(images.mean(dim=(0, 2, 3)))
    rows = []
    for masking in (None, *(WithoutROI(shape="box", fill=fill) for fill in FILLS)):
        parts = []
        for some in torch.split(torch.arange(len(images)), _BATCH):
            shown = images[some]
            if masking is not None:
                shown = show(masking, Batch.of_one_region(shown, distances[some]), context).images
            with torch.inference_mode():
                parts.append(module(normalise(shown, spec))[:, 0])
        rows.append(torch.cat(parts).double().numpy())
    return np.stack(rows)


def _model(plan: Plan) -> tuple[dict, nn.Module]:
    if plan.agreement is None and plan.finding is None:
        return trained(plan.setting, KINDS)
    return trained(plan.setting, KINDS, _planted(plan, grid.TRAINING_PATIENTS, 0))


def _planted(plan: Plan, patients: int, number: int) -> dict:
    planted = phantom(plan.setting, KINDS, patients, number)
    if plan.finding is not None:
        planted["finding_strength"] = plan.finding
    if plan.agreement is not None:
        planted["shortcuts"] = [{**planted["shortcuts"][0], "agreement": plan.agreement}]
    return planted


def pools(folder: Path, chosen: Sequence[Plan] | None = None) -> list[Pool]:
    """The pools of all plans, or of some; those that a folder holds are not made again."""
    loaded = []
    for plan in plans() if chosen is None else chosen:
        path = folder / f"{plan.name}.npz"
        if not path.exists():
            make(plan).save(path)
        loaded.append(Pool.load(path))
    return loaded
