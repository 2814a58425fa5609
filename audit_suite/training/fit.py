"""Fit one model to masked images: frozen trunk, augmentation, early stopping, checkpoints."""

from __future__ import annotations

import copy
import hashlib
import math
import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from audit_suite.datasets.dataset import UNLABELLED
from audit_suite.maskings import Masking
from audit_suite.models.preprocessing import normalise
from audit_suite.training.prepared import TrainingImages
from audit_suite.training.recipe import Augmentation, StudyRecipe

Indices = NDArray[np.int_]

_CHECKPOINT_SECONDS = 30.0


@dataclass(frozen=True)
class Fitted:
    """The result of a run.

    Attributes:
        epochs: Epochs trained before it stopped.
        best_epoch: The epoch whose weights were kept, from 1.
        loss: Validation loss of those weights.
    """

    epochs: int
    best_epoch: int
    loss: float


def fit(
    recipe: StudyRecipe,
    module: nn.Module,
    data: TrainingImages,
    masking: Masking,
    train: Indices,
    validation: Indices,
    seed: int,
    device: str,
    checkpoint: Path,
    features: Path,
    progress: Callable[[str], None],
) -> Fitted:
    """Train a module in place; it ends with the weights of the best epoch.

    Binary cross entropy with logits and Adam. Training stops when the validation loss has not
    fallen by ``delta`` for ``patience`` epochs (Sourget et al. 2024). An interrupted run continues
    from its last checkpoint.

    Args:
        recipe: Schedule, augmentation and the layers that are trained.
        module: The network, on ``device``.
        data: Prepared images.
        masking: The masking of every image.
        train: Indices of the training images.
        validation: Indices of the images for early stopping.
        seed: Decides order and augmentation.
        device: Where the module is.
        checkpoint: File for the state of an unfinished run; removed at the end.
        features: Folder where frozen features are kept for the other folds.
        progress: Called with a line of text after each epoch.
    """
    learning = _freeze(module, recipe.trainable)
    shown = _Logits(recipe, module, data, masking, device, features)
    optimizer = torch.optim.Adam(
        learning.values(), lr=recipe.learning_rate, weight_decay=recipe.weight_decay
    )
    state = _State(seed=seed)
    if checkpoint.exists():
        state.restore(checkpoint, learning, module, optimizer)
    saved = time.monotonic()
    for epoch in range(state.epoch, recipe.epochs):
        if state.waited >= recipe.patience:
            break
        _set_modes(module, recipe.trainable)
        rng = torch.Generator().manual_seed(seed + epoch)
        order = train[torch.randperm(len(train), generator=rng).numpy()]
        for start in range(0, len(order), recipe.batch_size):
            logits, labels = shown(order[start : start + recipe.batch_size], rng)
            loss = _loss(logits, labels)
            optimizer.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
            optimizer.step()
        module.eval()
        state.take(epoch, _mean_loss(shown, validation, recipe.batch_size), recipe.delta, module)
        progress(
            f"epoch {epoch + 1}/{recipe.epochs}, validation loss {state.loss:.4f}, "
            f"best {state.best:.4f} in epoch {state.best_epoch + 1}"
        )
        if time.monotonic() - saved > _CHECKPOINT_SECONDS:
            state.save(checkpoint, module, optimizer)
            saved = time.monotonic()
    module.load_state_dict(state.best_weights)
    module.eval()
    checkpoint.unlink(missing_ok=True)
    return Fitted(state.epoch, state.best_epoch + 1, state.best)


class _Logits:
    """Logits of masked, augmented cases; computes frozen features only once if that is exact."""

    def __init__(
        self,
        recipe: StudyRecipe,
        module: nn.Module,
        data: TrainingImages,
        masking: Masking,
        device: str,
        folder: Path,
    ) -> None:
        self._recipe, self._module, self._data = recipe, module, data
        self._masking, self._device = masking, device
        self._head, self._features = self._frozen_features(folder)

    def __call__(self, indices: Indices, rng: torch.Generator | None) -> tuple[Tensor, Tensor]:
        """Logits (B, T) and labels (B, T); augmented if ``rng`` is given."""
        labels = self._data.labels_of(indices, self._device)
        if self._head is not None and self._features is not None:
            return self._head(self._features[torch.from_numpy(indices)]), labels
        return self._module(self._input(indices, rng)), labels

    def _input(self, indices: Indices, rng: torch.Generator | None) -> Tensor:
        images = self._data.shown(self._masking, indices, self._device)
        if rng is not None and not self._recipe.augmentation.none:
            images = augment(images, self._recipe.augmentation, rng)
        return normalise(images, self._recipe.input)

    def _frozen_features(self, folder: Path) -> tuple[nn.Module | None, Tensor | None]:
        """The head and its constant input, if only the head is trained and images never change.

        Whether the module is its head applied to the embedding is tested on batches, not assumed.
        """
        recipe = self._recipe
        constant = recipe.augmentation.none  # a random fill is the same for an image every time
        if len(recipe.trainable) != 1 or not recipe.embedding_layer or not constant:
            return None, None
        head = self._module.get_submodule(recipe.trainable[0])
        file = folder / f"{self._trunk_digest()[:32]}-features.npy"
        if file.exists():
            return head, torch.from_numpy(np.load(file)).to(self._device)
        kept: list[Tensor] = []
        hook = self._module.get_submodule(recipe.embedding_layer).register_forward_hook(
            lambda _module, _inputs, output: kept.append(output.flatten(1))
        )
        self._module.eval()
        with torch.no_grad():
            count = len(self._data.labels)
            for start in range(0, count, recipe.batch_size):
                indices = np.arange(start, min(start + recipe.batch_size, count))
                logits = self._module(self._input(indices, None))
                same = _agrees(head, kept[-1], logits)
                if not same:
                    break
        hook.remove()
        if not same:
            return None, None
        features = torch.cat(kept)
        folder.mkdir(parents=True, exist_ok=True)
        aside = file.with_suffix(f".{os.getpid()}.tmp")
        with aside.open("wb") as opened:
            np.save(opened, features.cpu().numpy())
        aside.replace(file)
        return head, features

    def _trunk_digest(self) -> str:
        """SHA-256 of what determines the head's input: data, masking, and every frozen weight."""
        recipe = self._recipe
        data = self._data.digest_of(self._masking)
        content = [data, self._masking.id, recipe.input.model_dump(mode="json")]
        where = "" if self._device == "cpu" else self._device
        digest = hashlib.sha256(f"{content} {recipe.embedding_layer}{where}".encode())
        for name, value in sorted(self._module.state_dict().items()):
            if not name.startswith(f"{recipe.trainable[0]}."):
                digest.update(name.encode() + value.cpu().numpy().tobytes())
        return digest.hexdigest()


def _agrees(head: nn.Module, features: Tensor, logits: Tensor) -> bool:
    try:
        return bool(torch.allclose(head(features), logits, atol=1e-5))
    except RuntimeError:
        return False


def augment(images: Tensor, how: Augmentation, rng: torch.Generator) -> Tensor:
    """Rotate, flip and brighten each image on its own; pixels from beyond the frame are black.

    Args:
        images: Shape (B, C, H, W), in [0, 1].
        how: Ranges.
        rng: Generator on the CPU, so that devices agree.
    """
    count = len(images)
    angle = (torch.rand(count, generator=rng) * 2 - 1) * math.radians(how.rotation)
    mirror = torch.ones(count)
    if how.flip:
        mirror = torch.where(torch.rand(count, generator=rng) < 0.5, -1.0, 1.0)
    low, high = how.brightness
    light = low + (high - low) * torch.rand(count, generator=rng)
    height, width = images.shape[2:]
    cos, sin = angle.cos(), angle.sin()
    theta = torch.zeros(count, 2, 3)
    theta[:, 0, 0], theta[:, 0, 1] = cos * mirror, -sin * height / width
    theta[:, 1, 0], theta[:, 1, 1] = sin * mirror * width / height, cos
    grid = functional.affine_grid(theta.to(images), list(images.shape), align_corners=False)
    turned = functional.grid_sample(images, grid, align_corners=False)
    return (turned * light.to(images)[:, None, None, None]).clamp(0, 1)


def _freeze(module: nn.Module, trainable: tuple[str, ...]) -> dict[str, nn.Parameter]:
    for name, parameter in module.named_parameters():
        parameter.requires_grad = not trainable or any(
            name == layer or name.startswith(f"{layer}.") for layer in trainable
        )
    return {name: p for name, p in module.named_parameters() if p.requires_grad}


def _set_modes(module: nn.Module, trainable: tuple[str, ...]) -> None:
    """Set training mode only for trained layers: frozen batch norms keep their statistics."""
    for part in module.modules():
        part.training = not trainable or any(p.requires_grad for p in part.parameters())


def _loss(logits: Tensor, labels: Tensor) -> Tensor:
    """Mean cross entropy over the labels that the images have."""
    known = labels != UNLABELLED
    if known.all():  # the usual case, to the last digit as ever
        return functional.binary_cross_entropy_with_logits(logits, labels)
    of_all = functional.binary_cross_entropy_with_logits(
        logits, labels.clamp(min=0), weight=known.float()
    )
    return of_all * (known.numel() / known.sum().clamp(min=1))


def _mean_loss(shown: _Logits, indices: Indices, batch_size: int) -> float:
    total = weight = 0.0
    with torch.no_grad():
        for start in range(0, len(indices), batch_size):
            part = indices[start : start + batch_size]
            logits, labels = shown(part, None)
            labelled = float((labels != UNLABELLED).sum()) / labels.shape[1]
            total += float(_loss(logits, labels)) * labelled
            weight += labelled
    return total / max(weight, 1e-12)


class _State:
    """The progress of a run."""

    def __init__(self, seed: int) -> None:
        self.seed = seed
        self.epoch = self.waited = self.best_epoch = 0
        self.loss = self.best = math.inf
        self.best_weights: dict[str, Tensor] = {}

    def take(self, epoch: int, loss: float, delta: float, module: nn.Module) -> None:
        """Record an epoch's validation loss, and its weights if they are the best."""
        self.epoch, self.loss = epoch + 1, loss
        if loss < self.best - delta or not self.best_weights:
            self.best, self.best_epoch, self.waited = loss, epoch, 0
            self.best_weights = copy.deepcopy(module.state_dict())
        else:
            self.waited += 1

    def save(self, path: Path, module: nn.Module, optimizer: torch.optim.Optimizer) -> None:
        """Write everything an interrupted run needs, to a temporary file that is then renamed."""
        aside = path.with_name(f"{path.name}.tmp")
        content: dict[str, Any] = {**vars(self), "weights": module.state_dict()}
        torch.save({**content, "optimizer": optimizer.state_dict()}, aside)
        aside.replace(path)

    def restore(
        self,
        path: Path,
        learning: dict[str, nn.Parameter],
        module: nn.Module,
        optimizer: torch.optim.Optimizer,
    ) -> None:
        """Continue from a checkpoint; ignores one that is damaged or belongs to another run."""
        try:
            content = torch.load(path, weights_only=True, map_location="cpu")
            if content["seed"] != self.seed:
                return
            module.load_state_dict(content.pop("weights"))
            optimizer.load_state_dict(content.pop("optimizer"))
        except Exception:
            return
        vars(self).update(content)
