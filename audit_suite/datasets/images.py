"""Decode image and mask files: DICOM with pydicom, everything else with Pillow."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from audit_suite.datasets.dicom import is_dicom, read_dicom

if TYPE_CHECKING:
    from PIL import Image

_DEEP = ("I;16", "I;16L", "I;16B", "I;16N", "I")
_DEEPEST = 65_535


def read_image(path: Path, dicom_frame: int | None = None) -> NDArray[Any]:
    """Decode an image.

    Args:
        path: DICOM, PNG, JPEG, TIFF or what else Pillow reads; 8 or 16 bits, grey or colour.
            An alpha channel is dropped.
        dicom_frame: Which frame of a DICOM file with several, from 0.

    Returns:
        Shape (H, W) uint8 or uint16, or (H, W, 3) uint8.

    Raises:
        ValueError: If it cannot be decoded; the message says why, without the file's name.
    """
    if is_dicom(path):
        return read_dicom(path, dicom_frame)
    picture = _open(path)
    if picture.mode in _DEEP:
        deep = np.asarray(picture)
        if deep.min() < 0 or deep.max() > _DEEPEST:
            raise ValueError("has more than 16 bits per pixel")
        return deep.astype(np.uint16)
    if picture.mode in ("1", "L", "LA"):
        return np.asarray(picture.convert("L"))
    if picture.mode in ("P", "RGB", "RGBA", "CMYK", "YCbCr"):
        return np.asarray(picture.convert("RGB"))
    raise ValueError(f"has the pixel format {picture.mode}, which is not supported")


def read_mask(path: Path, value: int | None) -> NDArray[np.bool_]:
    """Decode a mask.

    Args:
        path: An image of one channel.
        value: The pixel value that belongs to the region; None for every value but 0.

    Returns:
        Shape (H, W).

    Raises:
        ValueError: If it cannot be decoded or has several channels.
    """
    picture = _open(path)
    pixels = np.asarray(picture)
    if pixels.ndim != 2:
        raise ValueError(f"has {pixels.shape[2]} channels instead of one")
    mask: NDArray[np.bool_] = pixels != 0 if value is None else pixels == value
    return mask


def _open(path: Path) -> Image.Image:
    from PIL import Image, UnidentifiedImageError

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            with Image.open(path) as picture:
                picture.load()
                return picture.copy()
    except UnidentifiedImageError:
        raise ValueError("is not in a format that can be read") from None
    except (Image.DecompressionBombWarning, Image.DecompressionBombError):
        raise ValueError("claims to be unreasonably large") from None
    except Exception as error:
        raise ValueError(f"cannot be decoded ({type(error).__name__})") from None
