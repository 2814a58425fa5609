"""Decode image files: DICOM with pydicom, everything else with Pillow."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from audit_suite.datasets.dicom import is_dicom, read_dicom, read_dicom_shape
from audit_suite.datasets.pictures import open_picture, picture_shape

DEEP = ("I;16", "I;16L", "I;16B", "I;16N", "I")
"""Pillow's names for grey pixels of more than 8 bits."""
DEEPEST = 65_535


def read_image(path: Path, dicom_frame: int | None = None) -> NDArray[Any]:
    """Decode an image.

    Args:
        path: DICOM, or a format of `pictures.FORMATS`; 8 or 16 bits, grey or colour. An alpha
            channel is dropped.
        dicom_frame: Which frame of a DICOM file with several, from 0.

    Returns:
        Shape (H, W) uint8 or uint16, or (H, W, 3) uint8.

    Raises:
        ValueError: If it cannot be decoded; the message says why, without the file's name.
    """
    if is_dicom(path):
        return read_dicom(path, dicom_frame)
    picture = open_picture(path)
    if picture.mode in DEEP:
        deep = np.asarray(picture)
        if deep.min() < 0 or deep.max() > DEEPEST:
            raise ValueError("has more than 16 bits per pixel")
        return deep.astype(np.uint16)
    if picture.mode in ("1", "L", "LA"):
        return np.asarray(picture.convert("L"))
    if picture.mode in ("P", "PA", "RGB", "RGBA", "CMYK", "YCbCr"):
        return np.asarray(picture.convert("RGB"))
    raise ValueError(f"has the pixel format {picture.mode}, which is not supported")


def read_shape(path: Path) -> tuple[int, int]:
    """Height and width of the image that `read_image` would give, from its file's header.

    Raises:
        ValueError: If the header cannot be read; the message says why, without the file's name.
    """
    return read_dicom_shape(path) if is_dicom(path) else picture_shape(path)
