"""Cross-validate a linear head over all patients of the real data, for the audit of its causes.

    AUDIT_REAL_DATA=/data python audits/real_causes/train.py --out reports/out/real-causes

The test splits are too small to distinguish causes. So every image is scored by the fold that did
not train on its patient (model card key ``held_out``): frozen ImageNet features, logistic
regression, five folds grouped by patient. Manifests with the folds are written beside the models.
"""

from __future__ import annotations

import argparse
import csv
import os
import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import tomli_w
import torch
from numpy.typing import NDArray
from safetensors.torch import save_file
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedGroupKFold
from sklearn.preprocessing import StandardScaler

from audit_suite.cards import InputSpec, load_dataset_card
from audit_suite.datasets import load_dataset
from audit_suite.errors import AuditError
from audit_suite.models.preprocessing import fit_geometry, normalise

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE.parent / "real_cxr"))
from model import HeadedEfficientNet, pretrained  # noqa: E402 - a neighbour, not a package

FOLDS, SEED = 5, 1907
REGULARISATION = 0.01  # inverse strength; 1,280 features, a few hundred images
PIXELS = 224  # height and width of the network's own input
INPUT = {
    "size": [PIXELS, PIXELS],
    "channels": 3,
    "resize": "pad",
    "mean": [0.498, 0.498, 0.498],
    "std": [0.502, 0.502, 0.502],
}


@dataclass(frozen=True)
class Problem:
    """One target of one of the collections."""

    name: str
    folder: str
    column: str
    roi: str
    metadata: tuple[str, ...]
    source: str = ""
    description: str = ""


PROBLEMS = (
    Problem(
        "covid",
        "cxr",
        "label_covid19",
        "lungs",
        ("age", "sex", "view", "source"),
        description="COVID against everything else; all COVID cases come from one collection.",
    ),
    Problem(
        "pneumonia",
        "cxr",
        "label_pneumonia",
        "lungs",
        (),
        source="kermany2018",
        description="Children of one hospital: pneumonia against normal; the lungs' shape differs.",
    ),
    Problem(
        "glaucoma",
        "fundus",
        "label_glaucoma",
        "disc",
        ("quality_score",),
        description="Glaucoma against none; healthy eyes are centred elsewhere.",
    ),
)


def prepare(problem: Problem, out: Path) -> Path:
    """Write a manifest with a fold for every image, and the card of the data set."""
    root = Path(os.environ["AUDIT_REAL_DATA"]) / problem.folder
    with (root / "manifest.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    rows = [row for row in rows if not problem.source or row["source"] == problem.source]
    labels = np.array([float(row[problem.column]) for row in rows], int)
    patients = [row["patient_id"] for row in rows]
    splitter = StratifiedGroupKFold(FOLDS, shuffle=True, random_state=SEED)
    for fold, (_, test) in enumerate(splitter.split(labels, labels, patients)):
        for index in test:
            rows[index]["fold"] = str(fold)
    kept = ["image", "mask", "patient_id", problem.column, "fold", *problem.metadata]
    manifest = out / f"{problem.name}.csv"
    with manifest.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, kept, extrasaction="ignore")
        writer.writeheader()
        writer.writerows(rows)
    card = {
        "schema": 1,
        "name": f"{problem.name}-all",
        "description": problem.description,
        "reader": "manifest",
        "root": f"$AUDIT_REAL_DATA/{problem.folder}",
        "manifest": str(manifest.resolve()),
        "metadata": [*problem.metadata, "fold"],
        "targets": {
            problem.name: {"column": problem.column, "roi": [problem.roi], "roi_margin": 25}
        },
        "regions": {problem.roi: {"column": "mask"}},
    }
    path = out / f"{problem.name}.toml"
    path.write_text(tomli_w.dumps(card), encoding="utf-8")
    return path


def features(
    model: HeadedEfficientNet, card: Path, spec: InputSpec
) -> tuple[NDArray[np.float32], ...]:
    """Pooled features (n, 1280), labels (n,) and folds (n,) of every image."""
    dataset, batch = load_dataset(load_dataset_card(card)), 16
    pooled = []
    with torch.inference_mode():
        for start in range(0, len(dataset.cases), batch):
            indices = range(start, min(start + batch, len(dataset.cases)))
            images = [fit_geometry(dataset.read(i).image, {}, spec)[0] for i in indices]
            tensor = normalise(torch.from_numpy(np.stack(images)), spec)
            pooled.append(model.pool(model.backbone.extract_features(tensor)).flatten(1).numpy())
    (target,) = dataset.card.targets
    labels = np.array([case.labels[target] for case in dataset.cases])
    folds = np.array([int(case.metadata["fold"]) for case in dataset.cases])
    return np.concatenate(pooled), labels, folds


def train(problem: Problem, card: Path, out: Path, pixels: int = PIXELS) -> None:
    """Fit one head per fold, on the other folds; write weights and the model's card."""
    model, spec = pretrained(), {**INPUT, "size": [pixels, pixels]}
    x, y, fold = features(model, card, InputSpec(**spec))
    names = []
    for number in range(FOLDS):
        chosen = fold != number
        scaler = StandardScaler().fit(x[chosen])
        fitted = LogisticRegression(C=REGULARISATION, max_iter=2000).fit(
            scaler.transform(x[chosen]), y[chosen]
        )
        weight = fitted.coef_ / scaler.scale_
        with torch.no_grad():
            model.head.weight.copy_(torch.from_numpy(weight))
            model.head.bias.copy_(torch.from_numpy(fitted.intercept_ - weight @ scaler.mean_))
        names.append(f"{problem.name}-fold{number}.safetensors")
        state = {name: value.contiguous() for name, value in model.state_dict().items()}
        save_file(state, out / names[-1])
    content = {
        "schema": 1,
        "name": f"{problem.name}-efficientnet",
        "description": f"EfficientNet-Lite0, frozen, {FOLDS} linear heads held out by patient.",
        "targets": [problem.name],
        "loader": "architecture",
        "trusted": True,
        "architecture": os.path.relpath(HERE.parent / "real_cxr" / "model.py", out)
        + ":headed_efficientnet",
        "folds": names,
        "held_out": "fold",
        "embedding_layer": "pool",
        "head": "head",
        "input": spec,
    }
    (out / f"{problem.name}.toml").write_text(tomli_w.dumps(content), encoding="utf-8")
    print(f"{problem.name}: {len(y)} images, {y.sum()} positive, {FOLDS} folds")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--out", type=Path, required=True, help="folder for cards and weights")
    folder = parser.parse_args().out
    (folder / "models").mkdir(parents=True, exist_ok=True)
    try:
        for one in PROBLEMS:
            train(one, prepare(one, folder), folder / "models")
    except AuditError as error:
        sys.exit(f"train: {error}")
