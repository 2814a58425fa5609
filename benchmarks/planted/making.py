"""Films with something planted, as files, with their data set card and a model trained on them."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import tomli_w
from PIL import Image
from sklearn.model_selection import StratifiedGroupKFold

from decisions.real_pools import PIXELS, Shown, real_causes

TARGET, ROI = "label", "lungs"


def make(name: str, shown: Shown, folder: Path) -> tuple[Path, Path]:
    """Write films and cards, and train the five heads.

    Args:
        name: Name of the model and of the data set.
        shown: The films, with what is planted in them.
        folder: Where they go.

    Returns:
        Paths of the model card and of the data set card.
    """
    films, models = folder / "films", folder / "models"
    for place in (films, models):
        place.mkdir(parents=True, exist_ok=True)
    dataset = _write(name, shown, films)
    training = real_causes()
    problem = training.Problem(name, "", TARGET, ROI, ())
    training.train(problem, dataset, models, PIXELS)
    return models / f"{name}.toml", dataset


def _write(name: str, shown: Shown, films: Path) -> Path:
    splitter = StratifiedGroupKFold(
        real_causes().FOLDS, shuffle=True, random_state=real_causes().SEED
    )
    fold = np.zeros(len(shown.labels), int)
    for number, (_, test) in enumerate(splitter.split(shown.labels, shown.labels, shown.patients)):
        fold[test] = number
    rows = []
    for number, (film, region) in enumerate(zip(shown.images, shown.regions, strict=True)):
        Image.fromarray(film).save(films / f"{number}.png")
        Image.fromarray(region.astype(np.uint8) * 255).save(films / f"{number}-mask.png")
        rows.append(
            {
                "image": f"{number}.png",
                "mask": f"{number}-mask.png",
                "patient_id": int(shown.patients[number]),
                TARGET: int(shown.labels[number]),
                "fold": int(fold[number]),
            }
        )
    with (films / "films.csv").open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    card = {
        "schema": 1,
        "name": name,
        "reader": "manifest",
        "root": str(films),
        "manifest": "films.csv",
        "metadata": ["fold"],
        "targets": {name: {"column": TARGET, "roi": [ROI], "roi_margin": 25}},
        "regions": {ROI: {"column": "mask"}},
    }
    path = films / f"{name}.toml"
    path.write_text(tomli_w.dumps(card), encoding="utf-8")
    return path
