"""A hospital's folder as a new user has it: PNG files, a CSV, outlines, and a checkpoint.

`python make.py DIR` draws synthetic chest radiographs of 300 patients (tall ones, as detectors
make them), writes their labels as Yes and No with some blanks, the outlines of the lungs as COCO
polygons, and trains a ResNet-18 of torchvision on 300 other patients, for twenty seconds. The
checkpoint looks like one of a Lightning run.
"""

from __future__ import annotations

import csv
import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import nn
from torchvision.models import resnet18
from torchvision.transforms.v2 import functional as transforms

from audit_suite.cards import PhantomSpec
from audit_suite.phantoms import cohort, render

SIDE, TALL = 80, 144  # pixels: width and height of the files
SIZE = 48  # of the network's input
MEAN, STD = 0.45, 0.22
TARGET = "consolidation"


def draw(patients: int, seed: int) -> list[tuple[NDArray[np.uint8], NDArray[np.bool_], int]]:
    """Images of shape (TALL, SIDE), the lungs in them, and their labels."""
    spec = PhantomSpec(
        kind="cxr", patients=patients, images_per_patient=(1, 1), size=SIDE, seed=seed
    )
    rng = np.random.default_rng(seed)
    drawn = []
    for case in cohort(spec, (TARGET,)):
        image, regions = render(spec, case)
        above = (TALL - SIDE) // 2  # a tall detector shows neck and belly: grey with some noise
        tall = rng.normal(60, 6, (TALL, SIDE)).clip(0, 255).astype(np.uint8)
        lungs = np.zeros((TALL, SIDE), bool)
        tall[above : above + SIDE] = image
        lungs[above : above + SIDE] = regions["lungs"]
        drawn.append((tall, lungs, case.labels[TARGET]))
    return drawn


def prepare(image: NDArray[np.uint8]) -> torch.Tensor:
    """What the training code does: short side to the input's, centre, three channels, z-scores."""
    pixels = torch.from_numpy(image)[None].float() / 255
    fitted = transforms.center_crop(transforms.resize(pixels, [SIZE], antialias=True), [SIZE, SIZE])
    return (fitted.expand(3, -1, -1) - MEAN) / STD


def train(epochs: int = 6, seed: int = 4) -> nn.Module:
    """A ResNet-18 with two outputs, trained on patients of its own."""
    torch.manual_seed(seed)
    data = draw(300, seed=seed + 100)
    images = torch.stack([prepare(image) for image, _, _ in data])
    labels = torch.tensor([label for _, _, label in data])
    network = resnet18(weights=None, num_classes=2)
    steps = epochs * (len(images) // 32)
    optimiser = torch.optim.AdamW(network.parameters(), lr=1e-3)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, 2e-3, total_steps=steps)
    for _ in range(epochs):
        order = torch.randperm(len(images))
        for chosen in order[: len(order) // 32 * 32].split(32):
            flipped = images[chosen].flip(3) if torch.rand(()) < 0.5 else images[chosen]
            loss = nn.functional.cross_entropy(network(flipped), labels[chosen])
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
            schedule.step()
    return network.eval()


def save_checkpoint(network: nn.Module, path: Path) -> None:
    """Write what a Lightning run leaves: the network as `self.model`, and much besides."""
    state = {f"model.{name}": tensor for name, tensor in network.state_dict().items()}
    torch.save(
        {
            "epoch": 6,
            "global_step": 114,
            "pytorch-lightning_version": "2.5.0",
            "state_dict": state,
            "optimizer_states": [],
            "hyper_parameters": {"lr": 1e-3},
        },
        path,
    )


def polygon(mask: NDArray[np.bool_]) -> list[float]:
    """The outline of a region without holes, as COCO writes it: x, y, x, y ..."""
    rows = np.flatnonzero(mask.any(axis=1))
    left = [(int(np.argmax(mask[y])), int(y)) for y in rows]
    right = [(mask.shape[1] - int(np.argmax(mask[y][::-1])), int(y)) for y in rows]
    edge = [*left, (left[-1][0], left[-1][1] + 1), (right[-1][0], right[-1][1] + 1), *right[::-1]]
    return [float(number) for point in edge for number in point]


def write_data(folder: Path, patients: int = 300, seed: int = 9) -> None:
    """Write images, labels.csv and outlines.json."""
    (folder / "images").mkdir(parents=True, exist_ok=True)
    rows: list[list[str]] = []
    coco: dict[str, list[Any]] = {
        "images": [],
        "annotations": [],
        "categories": [{"id": 1, "name": "lung"}],
    }
    for number, (image, lungs, label) in enumerate(draw(patients, seed)):
        name = f"study_{number:04d}.png"
        Image.fromarray(image).save(folder / "images" / name)
        word = "" if number % 25 == 7 else ("Yes" if label else "No")
        rows.append([name, f"MRN{77000 + number}", word])
        coco["images"].append({"id": number, "file_name": name, "width": SIDE, "height": TALL})
        for half in (np.s_[:, : SIDE // 2], np.s_[:, SIDE // 2 :]):
            lung = np.zeros_like(lungs)
            lung[half] = lungs[half]
            coco["annotations"].append(
                {
                    "id": len(coco["annotations"]) + 1,
                    "image_id": number,
                    "category_id": 1,
                    "segmentation": [polygon(lung)],
                    "iscrowd": 0,
                }
            )
    with (folder / "labels.csv").open("w", newline="") as file:
        csv.writer(file).writerows([["file", "mrn", "Consolidation"], *rows])
    (folder / "outlines.json").write_text(json.dumps(coco))


def make(folder: Path) -> None:
    """Write everything."""
    write_data(folder)
    save_checkpoint(train(), folder / "model.ckpt")


if __name__ == "__main__":
    make(Path(sys.argv[1]))
