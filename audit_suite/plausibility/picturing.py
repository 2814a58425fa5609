"""Masked images for readers, at the file's own resolution and depth."""

from __future__ import annotations

import base64
import hashlib
import io
from collections.abc import Callable
from dataclasses import replace
from typing import Any, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image

from audit_suite.cards import DatasetCard, InputSpec
from audit_suite.datasets import BadImage, Sample
from audit_suite.datasets.regions import named_regions
from audit_suite.errors import AuditError
from audit_suite.evidence import EvidenceSource
from audit_suite.maskings import Masking, WithoutROI
from audit_suite.png import SIDE as THUMBNAIL
from audit_suite.png import png
from audit_suite.regions import signed_distance, union
from audit_suite.registry import FILLS

LARGEST = 1024  # longer side, in pixels
_TOP = 65_535


def check_readable(masking: Masking) -> None:
    """Refuse maskings that readers cannot be shown.

    Raises:
        AuditError: If the masking needs other images than the masked one.
    """
    if not masking.stands_alone:
        fills = [name for name in FILLS if WithoutROI(fill=name).stands_alone]
        raise AuditError(
            f"--masking={masking.id}: readers are shown an image's own region, filled with one of "
            f"{', '.join(fills)}",
            "for example --masking full --masking only-roi --masking without-roi-box",
        )


def draw(
    sample: Sample, masking: Masking, region: tuple[str, ...], model_side: int
) -> dict[str, Any]:
    """Mask an image at reading resolution, in the form that the pack's page takes.

    The header's window is already applied to the pixels (`datasets.dicom.read_dicom`), so the page
    starts with the whole range. Grey images of more than 8 bits keep 16, in the red and green
    bytes.

    Args:
        sample: The decoded image.
        masking: The masking; see `check_readable`.
        region: Names of regions whose union is masked.
        model_side: Longer side of the model's input, in whose pixels the dilation is given.

    Returns:
        The picture (`as_shown`).
    """
    image = _masked(sample, masking, region, model_side, LARGEST)
    deep = len(image) == 1 and sample.image.dtype != np.uint8
    buffer = io.BytesIO()
    Image.fromarray(_deep(image[0]) if deep else _plain(image)).save(buffer, format="PNG")
    return as_shown(buffer.getvalue(), 16 if deep else 8)


def as_shown(file: bytes, bits: Literal[8, 16] = 8) -> dict[str, Any]:
    """A PNG file in the form that the pack's page takes; the page checks its size.

    Args:
        file: The file's content.
        bits: 16 if red and green are the two bytes of a grey value.

    Returns:
        ``png`` (data URL), ``bits``, ``width``, ``height`` and ``window`` (centre and width, 0 to
        1).
    """
    width, height = Image.open(io.BytesIO(file)).size
    return {
        "png": f"data:image/png;base64,{base64.b64encode(file).decode()}",
        "bits": bits,
        "width": width,
        "height": height,
        "window": [0.5, 1.0],
    }


def thumbnail(sample: Sample, masking: Masking, region: tuple[str, ...], model_side: int) -> str:
    """A small version of the picture, for the report: a PNG file, base64."""
    return png(_masked(sample, masking, region, model_side, THUMBNAIL))


def thumbnail_of(
    source: EvidenceSource,
    _say: Callable[[str], None],
    card: DatasetCard,
    index: int,
    masking: Masking,
    region: tuple[str, ...],
    model_side: int,
) -> str | None:
    """Run by the executor: the thumbnail of one image; None if it cannot be read."""
    try:
        sample = source.dataset(card).read(index)
    except BadImage:
        return None
    sample = replace(sample, regions=named_regions(sample, card, region))
    return thumbnail(sample, masking, region, model_side)


def _masked(
    sample: Sample, masking: Masking, region: tuple[str, ...], model_side: int, largest: int
) -> NDArray[np.float32]:
    """Shape (C, h, w), in [0, 1], no side longer than ``largest``."""
    from audit_suite.maskings.show import Alone, Batch, show
    from audit_suite.models.preprocessing import fit_geometry

    height, width = sample.image.shape[:2]
    scale = min(1.0, largest / max(height, width))
    size = max(8, round(height * scale)), max(8, round(width * scale))
    channels: Literal[1, 3] = 3 if sample.image.ndim == 3 else 1
    spec = InputSpec(size=size, channels=channels, resize="stretch", mean=(0.0,), std=(1.0,))
    image, regions = fit_geometry(sample.image, sample.regions, spec)
    if masking.is_full:
        return image
    batch = Batch([0], torch.from_numpy(image)[None], {})
    if masking.hides:
        distance = torch.from_numpy(signed_distance(union(regions, region)))[None]
        batch = Batch.of_one_region(batch.images, distance, masking.region)
    seed = int.from_bytes(hashlib.sha256(image.tobytes()).digest()[:4], "big")
    shown = show(
        masking.scaled(max(size) / model_side), batch, Alone(torch.zeros(channels), [seed])
    )
    pixels: NDArray[np.float32] = shown.images[0].numpy()
    return pixels


def _plain(image: NDArray[np.float32]) -> NDArray[np.uint8]:
    pixels = np.round(image.clip(0, 1) * 255).astype(np.uint8)
    return pixels[0] if len(pixels) == 1 else np.ascontiguousarray(pixels.transpose(1, 2, 0))


def _deep(grey: NDArray[np.float32]) -> NDArray[np.uint8]:
    values = np.round(grey.clip(0, 1) * _TOP).astype(np.uint16)
    none = np.zeros_like(values)
    return np.stack([values >> 8, values & 255, none], axis=-1).astype(np.uint8)
