"""Score sets of real images: frozen EfficientNet-Lite0 features and a linear head, held out.

The three problems of `audits/real_causes` as they are; one of them again with a shortcut planted
into the training and the test images, beside which the unplanted pair is the reference; and its
films with random labels, which either a finding planted in the lungs tells (honest by construction)
or a planted shortcut alone.
"""

from __future__ import annotations

import importlib.util
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import cached_property, lru_cache, partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from scipy.stats import rankdata
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedGroupKFold
from sklearn.preprocessing import StandardScaler
from torch import Tensor

from audit_suite.cards import InputSpec, load_dataset_card
from audit_suite.datasets import Dataset, load_dataset
from audit_suite.maskings import WithoutROI
from audit_suite.maskings.show import Alone, Batch, show
from audit_suite.models.preprocessing import fit_geometry, normalise
from audit_suite.phantoms.shapes import blob, grid
from audit_suite.phantoms.shortcut import Image, Regions, plant_shortcut, to_bytes
from audit_suite.regions import signed_distance, union
from decisions.phantom_pools import FILLS
from decisions.pools import Pool
from decisions.sums import Floats, Ints

PIXELS = 128  # half of the network's own size, a third of the time
AGREEMENT = 0.9  # of a planted shortcut with the label
FILMS = "pneumonia"  # the problem whose films are planted into
PLANTED = ("corner_marker", "border", "burned_in_text", "exposure", "scanner_noise")
_FINDING = 90  # grey levels that a planted opacity adds at its densest
_FOLDS, _SEED, _BATCH = 5, 1907, 32
_CAUSES = Path(__file__).parents[2] / "audits" / "real_causes" / "train.py"

_RANDOM = ("honest", "shortcut")  # truths whose labels are drawn

Plant = Callable[[Image, Regions, np.random.Generator], Image]


@dataclass(frozen=True)
class Shown:
    """Images as the network gets them.

    Attributes:
        images: Shape (n, H, W) or (n, H, W, 3), uint8.
        regions: Shape (n, H, W), the ROI.
        labels: Shape (n,).
        patients: Shape (n,), whole numbers.
    """

    images: np.ndarray
    regions: np.ndarray
    labels: Ints
    patients: Ints


def pools(folder: Path) -> Iterator[Pool]:
    """All pools of real images; those that a folder holds are not made again.

    Args:
        folder: Where they are kept.
    """
    seen = lru_cache(_Seen)
    wanted: list[tuple[str, str, str, Plant | None]] = [
        *((name, truth, FILMS, plant) for name, truth, plant in planted_films()),
        ("real-covid", "as it is", "covid", None),
        ("real-glaucoma", "as it is", "glaucoma", None),
    ]
    for name, truth, problem, plant in wanted:
        path = folder / f"{name}.npz"
        if not path.exists():
            make(name, truth, seen(problem), plant).save(path)
        yield Pool.load(path)


def planted_films(problem: str = FILMS) -> Iterator[tuple[str, str, Plant | None]]:
    """Name, truth and what is planted of every set made of the images of a problem."""
    yield f"real-{problem}", "as it is", None
    yield "planted-finding", "honest", _opacity
    for how, truth in (("alone", "shortcut"), ("planted", "planted")):
        for name in PLANTED:
            yield f"{how}-{name}", truth, partial(_shortcut, name)


class _Seen:
    """A problem's images and their features, each made when it is first needed."""

    def __init__(self, name: str) -> None:
        self._name = name

    @cached_property
    def shown(self) -> Shown:
        """The images as they are."""
        return read(self._name)

    @cached_property
    def mean(self) -> float:
        """Mean intensity, for the fill."""
        return float(self.shown.images.mean() / 255)

    @cached_property
    def features(self) -> Floats:
        """Shape (4, n, 1280)."""
        return features(self.shown.images, self.shown.regions, self.mean)


def make(name: str, truth: str, seen: _Seen, plant: Plant | None) -> Pool:
    """Plant, extract features, fit heads held out by patient, and score.

    Args:
        name: The pool's name.
        truth: What is planted: ``planted`` beside the real label; ``honest`` and ``shortcut`` with
            labels drawn for each patient, so that there is nothing else to read.
        seen: The images and their features.
        plant: What is planted into them, as the label says in a share `AGREEMENT` (a finding always
            as the label says); None for nothing.
    """
    shown, pooled = with_planted(truth, seen.shown, plant), seen.features
    if plant is not None:
        images = shown.images
        changed = np.flatnonzero((images != seen.shown.images).reshape(len(images), -1).any(axis=1))
        pooled = pooled.copy()
        pooled[:, changed] = features(images[changed], shown.regions[changed], seen.mean)
    return Pool(name, truth, shown.labels, shown.patients, held_out(pooled, shown))


def with_planted(truth: str, shown: Shown, plant: Plant | None) -> Shown:
    """Films with what is planted, and the labels that go with the truth.

    Args:
        truth: As for `make`.
        shown: The films as they are.
        plant: As for `make`.
    """
    if truth in _RANDOM:
        shown = _random(shown)
    if plant is None:
        return shown
    return replace(shown, images=_with(plant, shown, 1.0 if truth == "honest" else AGREEMENT))


def _with(plant: Plant, shown: Shown, agreement: float) -> np.ndarray:
    """Images with something planted, by patient."""
    draws = np.random.default_rng(_SEED).random(shown.patients.max() + 1) < agreement
    has = (shown.labels == 1) == draws[shown.patients]
    images = shown.images.copy()
    for number in np.flatnonzero(has):
        rng = np.random.default_rng([_SEED, int(number)])
        images[number] = plant(images[number], {"lungs": shown.regions[number]}, rng)
    return images


def _shortcut(name: str, image: Image, regions: Regions, rng: np.random.Generator) -> Image:
    return plant_shortcut(name, image, regions, rng, 1.0)[0]


def _opacity(image: Image, regions: Regions, rng: np.random.Generator) -> Image:
    """A patchy opacity in a lung, cut off at the lungs' outline."""
    lungs = regions["lungs"]
    inside = np.argwhere(-signed_distance(lungs) > 0.4 * -signed_distance(lungs).min())
    row, column = inside[int(rng.random() * len(inside))]
    x, y = grid(len(image))
    spot = blob(
        x, y, x[row, column], y[row, column], rng.uniform(0.15, 0.25), rng.uniform(0.15, 0.25)
    )
    weight = _FINDING * spot * lungs
    return to_bytes(image + (weight if image.ndim == 2 else weight[..., None]))


def _random(shown: Shown) -> Shown:
    """The same images with labels drawn for each patient."""
    draws = np.random.default_rng(_SEED + 1).random(shown.patients.max() + 1) < 0.5
    return Shown(shown.images, shown.regions, draws[shown.patients].astype(int), shown.patients)


def read(name: str) -> Shown:
    """All images of one of the problems, in the network's geometry."""
    causes = real_causes()
    problem = next(one for one in causes.PROBLEMS if one.name == name)
    with tempfile.TemporaryDirectory() as place:
        dataset = load_dataset(load_dataset_card(causes.prepare(problem, Path(place))))
        spec = InputSpec(**{**causes.INPUT, "size": [PIXELS, PIXELS]})
        pairs = [_fitted(dataset, index, problem.roi, spec) for index in range(len(dataset.cases))]
    images, regions = (np.stack(part) for part in zip(*pairs, strict=True))
    labels = np.array([case.labels[name] for case in dataset.cases])
    _, patients = np.unique([case.patient for case in dataset.cases], return_inverse=True)
    return Shown(images, regions, labels, patients)


def _fitted(dataset: Dataset, index: int, roi: str, spec: InputSpec) -> tuple[Any, Any]:
    sample = dataset.read(index)
    image, regions = fit_geometry(sample.image, sample.regions, spec)
    pixels = to_bytes(255 * image.transpose(1, 2, 0))
    grey = (pixels == pixels[..., :1]).all()
    return (pixels[..., 0] if grey else pixels), union(regions, (roi,))


def features(images: np.ndarray, regions: np.ndarray, mean: float) -> Floats:
    """Pooled features of whole images and with the ROI's box hidden, shape (4, n, 1280)."""
    model = real_causes().pretrained()
    spec = InputSpec(**{**real_causes().INPUT, "size": [PIXELS, PIXELS]})
    tensor = torch.from_numpy(images).float() / 255
    tensor = (
        tensor[:, None].expand(-1, 3, -1, -1) if tensor.ndim == 3 else tensor.permute(0, 3, 1, 2)
    )
    distances = torch.from_numpy(np.stack([signed_distance(region) for region in regions]))
    context = Alone(torch.full((3,), mean))
    rows = []
    with torch.inference_mode():
        for masking in (None, *(WithoutROI(shape="box", fill=fill) for fill in FILLS)):
            parts = []
            for some in torch.split(torch.arange(len(images)), _BATCH):
                batch: Tensor = tensor[some]
                if masking is not None:
                    batch = show(
                        masking, Batch.of_one_region(batch, distances[some]), context
                    ).images
                maps = model.backbone.extract_features(normalise(batch, spec))
                parts.append(model.pool(maps).flatten(1).double().numpy())
            rows.append(np.concatenate(parts))
    return np.stack(rows)


def held_out(pooled: Floats, shown: Shown) -> Floats:
    """Ranks by the head that did not train on the patient, within its fold, shape (4, n).

    Scores of different heads are not on one scale, least of all where something is hidden.

    Args:
        pooled: Shape (4, n, features); heads are trained on whole images.
        shown: Labels and patients.
    """
    scores = np.zeros(pooled.shape[:2])
    splitter = StratifiedGroupKFold(_FOLDS, shuffle=True, random_state=_SEED)
    for train, test in splitter.split(pooled[0], shown.labels, shown.patients):
        scaler = StandardScaler().fit(pooled[0][train])
        head = LogisticRegression(C=real_causes().REGULARISATION, max_iter=2000)
        head.fit(scaler.transform(pooled[0][train]), shown.labels[train])
        for place, row in enumerate(pooled):
            logits = head.decision_function(scaler.transform(row[test]))
            scores[place, test] = rankdata(logits) / (len(test) + 1)
    return scores


def real_causes() -> Any:
    """The module `audits/real_causes/train.py`, which is not in a package."""
    if "real_causes_train" not in sys.modules:
        spec = importlib.util.spec_from_file_location("real_causes_train", _CAUSES)
        assert spec is not None
        assert spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        sys.modules["real_causes_train"] = module
        spec.loader.exec_module(module)
    return sys.modules["real_causes_train"]
