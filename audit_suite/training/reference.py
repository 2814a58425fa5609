"""Train the reference models reproducibly: on one thread and from seeds."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import save_file
from torch import Tensor, nn
from torch.nn import functional

from audit_suite.cards import InputSpec, PhantomSpec
from audit_suite.maskings import Masking, OnlyROI, WithoutROI
from audit_suite.maskings.show import Alone, Batch, show
from audit_suite.models.preprocessing import fit_geometry
from audit_suite.phantoms import TARGETS, cohort, render
from audit_suite.regions import signed_distance, union
from audit_suite.training.recipe import Recipe, RecipeModel, TrainingData

_BLACK = Alone(torch.zeros(1))
_ONLY = (OnlyROI(), OnlyROI(shape="box"))
_WITHOUT = (WithoutROI(), WithoutROI(shape="box"))


@dataclass(frozen=True)
class _Images:
    """Training images, without and with the shortcuts planted.

    Attributes:
        plain: Shape (n, 1, H, W), in [0, 1].
        planted: The same with every shortcut.
        distance: Signed distance to the ROI, shape (n, H, W).
        labels: Shape (n,), 0 or 1.
        output: Shape (n,), the output that learns this label.
    """

    plain: Tensor
    planted: Tensor
    distance: Tensor
    labels: Tensor
    output: Tensor


def train_reference(
    recipe: Recipe, out: Path | None = None, progress: Callable[[str], None] = print
) -> list[Path]:
    """Train every model of a recipe and write its weights.

    Args:
        recipe: The recipe.
        out: Folder for the weights; None for the places the recipe names, relative to it.
        progress: Called with a line of text after each epoch.

    Returns:
        The files written, safetensors, one per model.
    """
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        images = _all_images(recipe)
        progress(f"{len(images.labels)} images drawn")
        written = []
        for model in recipe.models:
            target = (
                recipe.path.parent / model.output if out is None else out / Path(model.output).name
            )
            target.parent.mkdir(parents=True, exist_ok=True)
            module = _train(recipe, model, images, progress)
            save_file(module.state_dict(), target)
            written.append(target)
    finally:
        torch.set_num_threads(threads)
    return written


def _all_images(recipe: Recipe) -> _Images:
    parts = [_draw(data, output) for output, data in enumerate(recipe.data)]
    return _Images(
        *(torch.cat([getattr(part, name) for part in parts]) for name in _Images.__annotations__)
    )


def _draw(data: TrainingData, output: int) -> _Images:
    always, never = (_with_agreement(data.phantom, share) for share in (1.0, 0.0))
    target = TARGETS[data.phantom.kind]
    size = data.phantom.size
    spec = InputSpec(size=(size, size), channels=1, resize="pad", mean=(0.0,), std=(1.0,))
    plain, planted, distances, labels = [], [], [], []
    for on, off in zip(cohort(always, (target,)), cohort(never, (target,)), strict=True):
        label = on.labels[target]
        with_it, without = ((always, on), (never, off)) if label else ((never, off), (always, on))
        image, regions = fit_geometry(*render(*without), spec)
        plain.append(image)
        planted.append(fit_geometry(render(*with_it)[0], {}, spec)[0])
        distances.append(signed_distance(union(regions, data.roi)))
        labels.append(label)
    return _Images(
        plain=torch.from_numpy(np.stack(plain)),
        planted=torch.from_numpy(np.stack(planted)),
        distance=torch.from_numpy(np.stack(distances)),
        labels=torch.tensor(labels, dtype=torch.float32),
        output=torch.full((len(labels),), output),
    )


def _with_agreement(spec: PhantomSpec, agreement: float) -> PhantomSpec:
    shortcuts = tuple(s.model_copy(update={"agreement": agreement}) for s in spec.shortcuts)
    return spec.model_copy(update={"shortcuts": shortcuts})


def _train(
    recipe: Recipe, model: RecipeModel, images: _Images, progress: Callable[[str], None]
) -> nn.Module:
    torch.manual_seed(recipe.seed)
    name, _, function = recipe.architecture.partition(":")
    module: nn.Module = getattr(importlib.import_module(name), function)(**recipe.arguments)
    optimizer = torch.optim.AdamW(module.parameters(), lr=recipe.learning_rate, weight_decay=1e-4)
    rng = torch.Generator().manual_seed(recipe.seed)
    count = len(images.labels)
    steps = recipe.epochs * -(-count // recipe.batch_size)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, steps)
    for epoch in range(recipe.epochs):
        total = 0.0
        # Phased in over the second half: first learn the finding, then learn to ignore markers.
        indifference = model.indifference * max(0.0, 2 * (epoch + 1) / recipe.epochs - 1)
        for chosen in torch.split(torch.randperm(count, generator=rng), recipe.batch_size):
            loss = _loss(module, recipe, model, images, chosen, indifference, rng)
            optimizer.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
            optimizer.step()
            schedule.step()
            total += float(loss.detach()) * len(chosen)
        progress(f"{model.output}: epoch {epoch + 1}/{recipe.epochs}, loss {total / count:.4f}")
    return module


def _loss(
    module: nn.Module,
    recipe: Recipe,
    model: RecipeModel,
    images: _Images,
    chosen: Tensor,
    indifference: float,
    rng: torch.Generator,
) -> Tensor:
    labels, output = images.labels[chosen], images.output[chosen]
    agrees = torch.rand(len(chosen), generator=rng) < model.agreement
    has_it = (labels.bool() == agrees)[:, None, None, None]
    shown = torch.where(has_it, images.planted[chosen], images.plain[chosen])
    shown = _mask_some(shown, images.distance[chosen], recipe.only_roi, _ONLY, rng)
    logits = module(recipe.normalise(shown)).gather(1, output[:, None])[:, 0]
    loss = functional.binary_cross_entropy_with_logits(logits, labels)
    if indifference:
        pair = torch.cat([images.plain[chosen], images.planted[chosen]])
        hidden = _mask_some(pair, images.distance[chosen].repeat(2, 1, 1), 1.0, _WITHOUT, rng)
        loss = loss + indifference * _sway(module(recipe.normalise(pair)), output)
        loss = loss + indifference * _sway(module(recipe.normalise(hidden)), output)
    return loss


def _sway(logits: Tensor, output: Tensor) -> Tensor:
    """Mean square of the change of the logits when the shortcut is planted."""
    without, planted = logits.chunk(2)
    moved = (planted - without).gather(1, output[:, None])
    return (moved**2).mean()


def _mask_some(
    images: Tensor,
    distance: Tensor,
    share: float,
    maskings: tuple[Masking, Masking],
    rng: torch.Generator,
) -> Tensor:
    """Mask a share of the images, half of them by each of two maskings."""
    draw = torch.rand(len(images), generator=rng)[:, None, None, None]
    for masking, start in zip(maskings, (0.0, share / 2), strict=True):
        masked = show(masking, Batch.of_one_region(images, distance), _BLACK).images
        images = torch.where((draw >= start) & (draw < start + share / 2), masked, images)
    return images
