"""The mean of a data set's images: where the anatomy lies in the frame."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from audit_suite.datasets import BadImage, Dataset
from audit_suite.errors import AuditError

_LONGER = 512  # pixels of the longer side
_DARKEST, _BRIGHTEST = 1, 99  # percentiles of an image that become black and white


@dataclass(frozen=True)
class MeanImage:
    """A mean of images.

    Attributes:
        pixels: Shape (H, W), uint8.
        images: How many images went into it.
        patients: Of how many patients.
    """

    pixels: NDArray[np.uint8]
    images: int
    patients: int


def mean_image(dataset: Dataset, most: int) -> MeanImage:
    """The mean of images spread evenly over a data set, in a frame of their usual proportions.

    Images with text burned in are left out, and so are those that cannot be read where the card
    says so.

    Args:
        dataset: The data set.
        most: How many images to take at most.

    Raises:
        AuditError: If there is no such image, or one cannot be read.
    """
    shown = [index for index, case in enumerate(dataset.cases) if case.shown]
    chosen = np.unique(np.linspace(0, len(shown) - 1, min(most, len(shown))).round().astype(int))
    read = ((index, _read(dataset, index)) for index in (shown[place] for place in chosen))
    usable = [(index, picture) for index, picture in read if picture is not None]
    if not usable:
        raise AuditError(
            f"{dataset.card.path}: there is no image to draw on: all have text burned in or cannot "
            f"be read",
            'write the region into the card by numbers, with format = "drawn"',
        )
    ratio = float(np.median([height / width for _, ((height, width), _) in usable]))
    size = (round(_LONGER / max(1, ratio)), round(_LONGER * min(1, ratio)))
    total = np.mean([_fitted(image, size) for _, (_, image) in usable], axis=0)
    spread = float(np.ptp(total)) or 1.0
    pixels = np.round(255 * (total - total.min()) / spread).astype(np.uint8)
    patients = {dataset.cases[index].patient for index, _ in usable}
    return MeanImage(pixels, len(usable), len(patients))


def _read(dataset: Dataset, index: int) -> tuple[tuple[int, ...], NDArray[np.float32]] | None:
    """The shape of an image, and its grey levels in a square from 0 (dark) to 1 (bright)."""
    try:
        image = dataset.read(index).image
    except BadImage:
        if dataset.card.on_bad_image == "error":
            raise
        return None
    grey = image.astype(np.float32)
    grey = grey.mean(axis=2) if grey.ndim == 3 else grey
    dark, bright = np.percentile(grey, [_DARKEST, _BRIGHTEST])
    scaled = np.clip((grey - dark) / max(bright - dark, 1e-6), 0, 1)
    return grey.shape, _fitted(scaled, (_LONGER, _LONGER))


def _fitted(grey: NDArray[np.float32], size: tuple[int, int]) -> NDArray[np.float32]:
    from PIL import Image

    picture = Image.fromarray(grey.astype(np.float32))
    return np.asarray(picture.resize(size, Image.Resampling.BILINEAR), np.float32)
