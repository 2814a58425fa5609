"""Shares of the parts of the frame, in colour on the mean image."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np

from audit_suite.cards import DatasetCard, InputSpec
from audit_suite.datasets import BadImage
from audit_suite.datasets.frame import CELLS, EDGE
from audit_suite.evidence import EvidenceSource
from audit_suite.evidence.frame import fit_with_frame
from audit_suite.pictures.overlay import overlay

_MIDDLE = 0.5  # of the images must show a pixel as edge for the contour to include it


def draw(
    source: EvidenceSource,
    _say: Callable[[str], None],
    card: DatasetCard,
    indices: Sequence[int],
    spec: InputSpec,
    shares: Mapping[str, float],
) -> str | None:
    """Run by the executor: the mean of some images, coloured by each part's share per area.

    Args:
        source: Data sets by card.
        card: The card of the images' data set.
        indices: The images.
        spec: The model's input.
        shares: By part of the frame (`datasets.frame.CELLS`).

    Returns:
        A PNG file, base64; None if no image can be read.
    """
    dataset = source.dataset(card)
    images, parts = [], []
    for index in indices:
        try:
            image, there = fit_with_frame(dataset.read(index), {}, spec, CELLS)
        except BadImage:
            continue
        images.append(image)
        parts.append(np.stack([there[name] for name in CELLS]))
    if not images:
        return None
    frequency = np.mean(parts, axis=0)  # (cells, H, W)
    area = np.maximum(frequency.sum(axis=(1, 2)), 1)
    weight = np.array([shares.get(name, 0.0) for name in CELLS]) / area
    edge = frequency[[CELLS.index(name) for name in EDGE]].sum(axis=0) > _MIDDLE
    heat = np.tensordot(weight, frequency, 1).astype(np.float32)
    return overlay(np.mean(images, axis=0), edge, heat)
