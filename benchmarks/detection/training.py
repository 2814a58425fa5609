"""Train one small CNN on its phantoms, and write the cards for its audit."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import tomli_w
import torch
from safetensors.torch import save_file
from torch import Tensor, nn
from torch.nn import functional

from audit_suite.cards import DatasetCard, InputSpec, ModelCard
from audit_suite.datasets import load_dataset
from audit_suite.maskings import OnlyROI
from audit_suite.maskings.show import Alone, Batch, show
from audit_suite.models.factory import call_factory
from audit_suite.models.preprocessing import fit_geometry, normalise
from audit_suite.regions import signed_distance, union
from detection.grid import (
    EPOCHS,
    MASKED_SHARE,
    ROI_MARGIN,
    TRAINING_PATIENTS,
    Kind,
    Setting,
    World,
    phantom,
)

_BATCH = 64
_RATES = {"patch_transformer": 1e-3}  # attention does not learn at the rate of convolutions
_RATE = 4e-3


def make_model(setting: Setting, kinds: Mapping[str, Kind], models: Path, datasets: Path) -> None:
    """Train a model, and write its weights and for each test set a card of both.

    Each test set has a model card of its own, so that it is judged as a release is: the level of a
    release is divided among all that a model is audited on.

    Args:
        setting: What to train.
        kinds: The kinds of the run.
        models: Folder of model cards.
        datasets: Folder of data set cards.
    """
    spec, module = trained(setting, kinds)
    save_file(module.state_dict(), models / spec["weights"])
    for number, test in enumerate(setting.tests, start=1):
        name, model = setting.test_set(*test), setting.audited_on(*test)
        _write(models / f"{model}.toml", {**spec, "name": model, "datasets": [name]})
        planted = phantom(setting, kinds, test[0], number, test[1])
        _write(datasets / f"{name}.toml", dataset_card(name, planted, setting.world))


def trained(
    setting: Setting, kinds: Mapping[str, Kind], planted: Mapping[str, Any] | None = None
) -> tuple[dict[str, Any], nn.Module]:
    """The card of a setting's model, and the model.

    Args:
        setting: What to train.
        kinds: The kinds of the run.
        planted: Phantom section of the training set, if it is not the grid's.
    """
    world = setting.world
    spec = {
        "schema": 1,
        "name": setting.name,
        "targets": list(world.rois),
        "loader": "architecture",
        "architecture": world.architecture,
        "arguments": world.arguments,
        "trusted": True,  # networks.py is beside this file
        "weights": f"{setting.name}.safetensors",
        "embedding_layer": "embedding",
        "input": {
            "size": [world.pixels, world.pixels],
            "channels": 1,
            "resize": "pad",
            "mean": [0.5],
            "std": [0.25],
        },
    }
    planted = planted or phantom(setting, kinds, TRAINING_PATIENTS, 0)
    training = DatasetCard.model_validate(dataset_card(setting.data, planted, world))
    plain = kinds[setting.kind].group == "plain"
    return spec, train(training, ModelCard.model_validate(spec), setting.seed, plain)


def train(dataset: DatasetCard, model: ModelCard, seed: int, plain: bool) -> nn.Module:
    """Train on whole images and, unless ``plain``, also on the ROI and its box alone.

    A black surround disturbs a model that was trained only on whole radiographs, and then R5 is not
    informative about what it reads. The reference models are trained in the same way.

    Args:
        dataset: The training set.
        model: The model's card, for its input.
        seed: Decides weights, order and masking.
        plain: Train only on whole images.
    """
    torch.set_num_threads(1)  # the network is tiny, and this makes its weights reproducible
    images, distances, labels = draw(dataset, model.input, tuple(model.targets))
    count = len(images)
    variants = [images]
    if not plain:
        black = Alone(torch.zeros(1))
        for masking in (OnlyROI(), OnlyROI(shape="box")):
            variants.append(show(masking, Batch.of_one_region(images, distances), black).images)
    torch.manual_seed(seed)
    module = call_factory(model)
    rng = torch.Generator().manual_seed(seed)
    rate = _RATES.get((model.architecture or "").rpartition(":")[2], _RATE)
    optimizer = torch.optim.AdamW(module.parameters(), lr=rate, weight_decay=1e-4)
    steps = EPOCHS * -(-count // _BATCH)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, rate, total_steps=steps)
    for _ in range(EPOCHS):
        for chosen in torch.split(torch.randperm(count, generator=rng), _BATCH):
            shown = variants[0][chosen]
            chance = torch.rand(len(chosen), generator=rng)[:, None, None, None]
            for number, variant in enumerate(variants[1:]):
                start = MASKED_SHARE * number / 2
                masked = (chance >= start) & (chance < start + MASKED_SHARE / 2)
                shown = torch.where(masked, variant[chosen], shown)
            logits = module(normalise(shown, model.input))
            loss = functional.binary_cross_entropy_with_logits(logits, labels[chosen])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            schedule.step()
    return module.eval()


@lru_cache(maxsize=1)  # the models of a pair run in sequence, on the same images
def draw(
    card: DatasetCard, spec: InputSpec, targets: tuple[str, ...]
) -> tuple[Tensor, Tensor, Tensor]:
    """Images (n, 1, H, W), distances to the targets' ROIs (n, H, W) and labels (n, T)."""
    dataset = load_dataset(card)
    rois = [name for target in targets for name in card.targets[target].roi]
    images, distances = [], []
    for index in range(len(dataset.cases)):
        sample = dataset.read(index)
        image, regions = fit_geometry(sample.image, sample.regions, spec)
        images.append(image)
        distances.append(signed_distance(union(regions, rois)))
    labels = torch.tensor(
        [[float(case.labels[target]) for target in targets] for case in dataset.cases]
    )
    return torch.from_numpy(np.stack(images)), torch.from_numpy(np.stack(distances)), labels


def dataset_card(name: str, planted: Mapping[str, Any], world: World) -> dict[str, Any]:
    """The card of a phantom data set."""
    targets: dict[str, dict[str, Any]] = {
        target: {"roi": [roi]} for target, roi in world.rois.items()
    }
    targets[world.target]["roi_margin"] = ROI_MARGIN
    for co_label in planted.get("co_labels", ()):
        targets.setdefault(co_label["target"], {"roi": ["heart"]})
    words = {"cxr": "chest radiograph", "fundus": "fundus photograph"}
    return {
        "schema": 1,
        "name": name,
        "reader": "phantom",
        "modality": f"{words[world.frame]} (synthetic)",
        "metadata": ["age", "sex", "view", "site"],
        "phantom": dict(planted),
        "targets": targets,
    }


def _write(path: Path, card: Mapping[str, Any]) -> None:
    path.write_text(tomli_w.dumps(dict(card)), encoding="utf-8")
