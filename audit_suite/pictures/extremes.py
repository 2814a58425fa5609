"""The images of a data set with the lowest and highest values of an image property."""

from __future__ import annotations

import numpy as np

from audit_suite.datasets.dataset import UNLABELLED
from audit_suite.datasets.properties import PROPERTIES
from audit_suite.evidence import Cell, EvidenceSource
from audit_suite.evidence.at_input import image_at_input
from audit_suite.maskings import Full
from audit_suite.png import png
from audit_suite.record import GalleryImage

_COUNT = 3  # images at either end


def extremes(cell: Cell, name: str, source: EvidenceSource) -> list[GalleryImage]:
    """Draw the images at both ends of a property, unmasked; never one with burned-in text.

    Args:
        cell: Model, data set and target; the model's input determines what is shown.
        name: One of `datasets.properties.PROPERTIES`.
        source: Data sets, and the stored properties.

    Returns:
        The images with the lowest values, then those with the highest; none if nothing is stored.
    """
    (request, *_) = cell.requests(Full())
    table = source.read_stored(request)
    properties = None if table is None else table.properties
    if table is None or properties is None:
        return []
    dataset = source.dataset(cell.dataset)
    labels = dataset.labels_of(cell.target)
    shown = table.used & np.array([case.shown for case in dataset.cases]) & (labels != UNLABELLED)
    values = np.where(shown, properties[:, PROPERTIES.index(name)], np.nan)
    order = np.argsort(values, kind="stable")[: int(np.isfinite(values).sum())]
    images = []
    for word, chosen in (("least", order[:_COUNT]), ("most", order[::-1][:_COUNT])):
        for rank, index in enumerate(chosen, start=1):
            image = image_at_input(source, cell.model, cell.dataset, int(index))
            if image is None:
                continue
            label = "positive" if labels[index] else "negative"
            images.append(
                GalleryImage(
                    model=cell.model_name,
                    dataset=dataset.card.name,
                    target=cell.target,
                    case=f"{word} {name} {rank}, {label}",
                    masking="full",
                    png=png(image),
                    hidden_fraction=0.0,
                )
            )
    return images
