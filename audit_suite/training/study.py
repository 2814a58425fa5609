"""The masking study: one model per data set, training masking and fold, with their cards."""

from __future__ import annotations

import hashlib
import multiprocessing
import os
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
import tomli_w
import torch
from numpy.typing import NDArray
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from sklearn.model_selection import StratifiedGroupKFold
from torch import nn

from audit_suite.cards import ModelCard, canonical_digest, load_dataset_card
from audit_suite.errors import AuditError
from audit_suite.evidence.arithmetic import fix_card
from audit_suite.evidence.cores import granted_cores
from audit_suite.files import write_whole
from audit_suite.maskings import Masking
from audit_suite.models.initial import initial_network
from audit_suite.training.fit import Indices, fit
from audit_suite.training.prepared import TrainingImages, prepare_training
from audit_suite.training.recipe import StudyData, StudyRecipe, load_recipe

TRAINING_VERSION = 1  # part of every model's digest: raise it when the training loop changes
_LINE_SECONDS = 20.0  # between two lines about one model


@dataclass(frozen=True)
class Run:
    """One model to train."""

    recipe: Path
    out: Path
    data: int
    masking: str
    fold: int
    device: str


def train_study(
    recipe: StudyRecipe,
    out: Path | None = None,
    progress: Callable[[str], None] = print,
    jobs: int | None = None,
    device: str = "auto",
) -> list[Path]:
    """Train every model of a study; skips models that are trained already.

    Args:
        recipe: The recipe.
        out: Folder for cards, weights and prepared images; None for the recipe's own.
        progress: Called with lines of text.
        jobs: Models trained at once; None for one per core (on a GPU: one). The result does not
            depend on it: each model is trained on one thread, from its own seed.
        device: ``auto``, ``cpu`` or ``cuda``.

    Returns:
        The model cards written, one per data set and masking.

    Raises:
        AuditError: If the recipe or a card is wrong.
    """
    folder = (recipe.path.parent / recipe.out if out is None else out).resolve()
    if device == "auto":
        device = "cuda" if torch.cuda.is_available() else "cpu"
    cards = {}
    for position, data in enumerate(recipe.data):
        # Before hours of training: check that every card is right and every image can be decoded.
        _prepared(recipe, position, folder, progress)
        for masking in recipe.maskings:
            path = card_path(folder, data.name, masking)
            cards[path] = card_of(recipe, data, masking, folder)
    runs = [
        Run(recipe.path, folder, position, masking, fold, device)
        for position in range(len(recipe.data))
        for masking in recipe.maskings
        for fold in range(recipe.folds)
    ]
    missing = [run for run in runs if not _finished(recipe, run, progress)]
    for run in missing:  # no card may exist without its weights
        card_path(folder, recipe.data[run.data].name, run.masking).unlink(missing_ok=True)
    progress(f"{len(runs)} models, {len(runs) - len(missing)} trained before")
    workers = min(jobs or (1 if device == "cuda" else granted_cores()), len(missing))
    if workers > 1:
        context = multiprocessing.get_context("spawn")
        with ProcessPoolExecutor(workers, mp_context=context) as pool:
            futures = [pool.submit(train_one, run) for run in missing]
            for count, future in enumerate(as_completed(futures), 1):
                progress(f"[{count}/{len(missing)}] {future.result()}")
    else:
        for count, run in enumerate(missing, 1):
            progress(f"[{count}/{len(missing)}] {train_one(run, progress)}")
    for path, card in cards.items():
        write_whole(path, card.encode())
    return list(cards)


def train_one(run: Run, progress: Callable[[str], None] = print) -> str:
    """Train one model and write its weights; returns one line that summarises the run."""
    began = reported = time.monotonic()
    recipe = _study(run.recipe)
    data = recipe.data[run.data]
    name = f"{data.name} {run.masking} fold {run.fold + 1}/{recipe.folds}"
    torch.set_num_threads(1)
    if run.device == "cuda":
        fix_card()
    prepared = _prepared(recipe, run.data, run.out, progress)
    train, validation = folds(prepared, recipe.folds, recipe.seed)[run.fold]
    digest = run_digest(recipe, run, prepared)
    seed = int.from_bytes(hashlib.sha256(digest.encode()).digest()[:4]) >> 1
    torch.manual_seed(seed)
    module = _start(recipe, data, run).to(run.device)

    def say(line: str) -> None:
        nonlocal reported
        if time.monotonic() - reported > _LINE_SECONDS:
            reported = time.monotonic()
            progress(f"  {name}: {line}")

    weights = weights_path(run.out, data.name, run.masking, run.fold)
    weights.parent.mkdir(parents=True, exist_ok=True)
    fitted = fit(
        recipe,
        module,
        prepared,
        Masking.parse(run.masking),
        train,
        validation,
        seed,
        run.device,
        weights.with_suffix(".checkpoint"),
        run.out / "prepared",
        say,
    )
    aside = weights.with_suffix(".tmp")
    state = {key: value.cpu().contiguous() for key, value in module.state_dict().items()}
    save_file(state, aside, {"run": digest})
    aside.replace(weights)
    return (
        f"{name}: {fitted.epochs} epochs, validation loss {fitted.loss:.4f} in epoch "
        f"{fitted.best_epoch}, {time.monotonic() - began:.0f} s"
    )


def folds(data: TrainingImages, count: int, seed: int) -> list[tuple[Indices, Indices]]:
    """Training and validation indices of each fold: grouped by patient, stratified by labels.

    Raises:
        AuditError: If there are fewer patients than folds.
    """
    if len(np.unique(data.patients)) < count:
        raise AuditError(
            f"{len(np.unique(data.patients))} patients cannot make {count} folds",
            "lower the recipe's key 'folds'",
        )
    _, strata = np.unique(data.labels.numpy(), axis=0, return_inverse=True)
    splitter = StratifiedGroupKFold(count, shuffle=True, random_state=seed)
    blank: NDArray[np.float64] = np.zeros(len(strata))
    return list(splitter.split(blank, strata.ravel(), data.patients))


def run_digest(recipe: StudyRecipe, run: Run, data: TrainingImages) -> str:
    """SHA-256 of everything that determines a model's weights, but for a device's last digits."""
    images = data.digest_of(Masking.parse(run.masking))
    content = recipe.model_dump(
        mode="json", exclude={"data", "out", "name", "maskings", "only_head"}
    )
    return canonical_digest([TRAINING_VERSION, content, images, run.masking, run.fold])


def weights_path(out: Path, data: str, masking: str, fold: int) -> Path:
    """Where a model's weights are."""
    return out / "weights" / f"{data}-{masking}-fold{fold}.safetensors"


def card_path(out: Path, data: str, masking: str) -> Path:
    """Where the card of a training masking is."""
    return out / "models" / f"{data}-{masking}.toml"


def card_of(recipe: StudyRecipe, data: StudyData, masking: str, out: Path) -> str:
    """The model card (TOML) of one training masking, its folds together.

    Raises:
        AuditError: If the card of a test set is missing or wrong.
    """
    folder = out / "models"
    tests = [load_dataset_card(recipe.path.parent / path) for path in (data.test, *data.external)]
    words = Masking.parse(masking).label or "full images"
    content = {
        "schema": 1,
        "name": f"{data.name}-{masking}",
        "description": f"Trained on {words}; study {recipe.name}.",
        "study": data.name,
        "trained_on": masking,
        "datasets": [card.name for card in tests],
        "targets": list(data.targets),
        "loader": "architecture",
        "architecture": _from(recipe, folder, recipe.architecture),
        "trusted": True,  # training ran it
        "arguments": recipe.arguments,
        "folds": [
            os.path.relpath(weights_path(out, data.name, masking, fold), folder)
            for fold in range(recipe.folds)
        ],
        "embedding_layer": recipe.embedding_layer,
        "head": recipe.trainable[0] if recipe.embedding_layer and recipe.only_head else None,
        "input": recipe.input.model_dump(mode="json"),
    }
    return tomli_w.dumps({key: value for key, value in content.items() if value is not None})


def _from(recipe: StudyRecipe, folder: Path, factory: str) -> str:
    """A factory's name relative to another folder, if it lies in a file."""
    module, colon, function = factory.partition(":")
    if not module.endswith(".py"):
        return factory
    return os.path.relpath(recipe.path.parent / module, folder) + colon + function


def _prepared(
    recipe: StudyRecipe, position: int, out: Path, progress: Callable[[str], None]
) -> TrainingImages:
    data = recipe.data[position]
    maskings = tuple(Masking.parse(masking) for masking in recipe.maskings)
    card, images = recipe.path.parent / data.train, out / "prepared"
    where = card, data.targets, data.roi, recipe.input, maskings, recipe.seed, images
    return _prepare_once(*where, progress)


_prepare_once = lru_cache(maxsize=4)(prepare_training)


def _start(recipe: StudyRecipe, data: StudyData, run: Run) -> nn.Module:
    """The network before training, with the weights of its frozen part."""
    card = ModelCard.model_validate(
        {
            "schema": 1,
            "name": data.name,
            "targets": list(data.targets),
            "loader": "callable",
            "architecture": recipe.architecture,
            "arguments": recipe.arguments,
            "input": recipe.input.model_dump(),
        }
    )
    card._path = recipe.path
    return initial_network(card, recipe.initial, recipe.trainable)


def _finished(recipe: StudyRecipe, run: Run, progress: Callable[[str], None]) -> bool:
    weights = weights_path(run.out, recipe.data[run.data].name, run.masking, run.fold)
    try:
        with safe_open(weights, "pt") as file:
            stored = (file.metadata() or {}).get("run")
    except (OSError, SafetensorError):
        return False
    prepared = _prepared(recipe, run.data, run.out, progress)
    return bool(stored == run_digest(recipe, run, prepared))


def _study(path: Path) -> StudyRecipe:
    recipe = load_recipe(path)
    assert isinstance(recipe, StudyRecipe), "the caller read it as one"
    return recipe
