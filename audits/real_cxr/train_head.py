"""Train the linear head on the train split: frozen ImageNet features, logistic regression.

    AUDIT_REAL_DATA=/data python audits/real_cxr/train_head.py --out reports/out/real-cxr

This is the model that anyone could train in an afternoon; the audit then shows what it reads.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors.torch import save_file
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import StandardScaler

from audit_suite.cards import DatasetCard, InputSpec, load_dataset_card, load_model_card
from audit_suite.datasets import load_dataset
from audit_suite.errors import AuditError
from audit_suite.models.preprocessing import fit_geometry, normalise

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE))
from model import HeadedEfficientNet, pretrained  # noqa: E402 - a neighbour, not a package

REGULARISATION = 0.01  # inverse strength; 1,280 features, a few hundred images


def features(
    model: HeadedEfficientNet, card: DatasetCard, spec: InputSpec
) -> tuple[NDArray[np.float32], NDArray[np.int_]]:
    """Pooled features (n, 1280) and labels (n,) of every image of a data set."""
    dataset = load_dataset(card)
    pooled, batch = [], 16
    with torch.inference_mode():
        for start in range(0, len(dataset.cases), batch):
            indices = range(start, min(start + batch, len(dataset.cases)))
            images = [fit_geometry(dataset.read(i).image, {}, spec)[0] for i in indices]
            tensor = normalise(torch.from_numpy(np.stack(images)), spec)
            pooled.append(model.pool(model.backbone.extract_features(tensor)).flatten(1).numpy())
    return np.concatenate(pooled), np.array([case.labels["covid"] for case in dataset.cases])


def train(out: Path) -> Path:
    """Train, and write the weights of backbone and head to one file; returns the file."""
    torch.manual_seed(0)
    spec = load_model_card(HERE / "covid-efficientnet.toml").input
    model = pretrained()
    x, y = features(model, load_dataset_card(HERE / "cxr-covid-train.toml"), spec)
    scaler = StandardScaler().fit(x)
    fitted = LogisticRegression(C=REGULARISATION, max_iter=2000).fit(scaler.transform(x), y)
    weight = fitted.coef_ / scaler.scale_
    bias = fitted.intercept_ - weight @ scaler.mean_
    with torch.no_grad():
        model.head.weight.copy_(torch.from_numpy(weight))
        model.head.bias.copy_(torch.from_numpy(bias))
    out.mkdir(parents=True, exist_ok=True)
    path = out / "covid-efficientnet.safetensors"
    save_file({name: value.contiguous() for name, value in model.state_dict().items()}, path)
    print(f"trained on {len(y)} images ({y.sum()} with COVID): {path}")
    return path


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--out", type=Path, required=True, help="folder for the weights")
    try:
        train(parser.parse_args().out)
    except AuditError as error:
        sys.exit(f"train_head: {error}")
