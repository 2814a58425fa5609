"""Pictures of attributions: image, contour of the ROI, and signed colour on top."""

from __future__ import annotations

import base64
import io
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from scipy.ndimage import binary_dilation, gaussian_filter

from audit_suite.cards import DatasetCard, ModelCard
from audit_suite.errors import AuditError
from audit_suite.evidence import EvidenceSource
from audit_suite.evidence.at_input import image_at_input
from audit_suite.evidence.attributions.request import Attributions
from audit_suite.png import SIDE

FOR, AGAINST = (230, 97, 1), (94, 60, 153)
"""Orange and violet (ColorBrewer's PuOr): distinct to the colour-blind, and unlike grey."""
_SMOOTH = 0.012  # standard deviation of the smoothing, share of the longer side
_FULL = 99.0  # percentile of the absolute attribution from which on colour is fully saturated
_COLOURS = 96


def explained_image(
    maps: Attributions, row: int, source: EvidenceSource, card: DatasetCard, model: ModelCard
) -> str:
    """Draw one map on the image it explains.

    Args:
        maps: Attributions of pixels.
        row: Index of the map.
        source: Data sets by card.
        card: The card of the images' data set.
        model: The model's card.

    Returns:
        A PNG file, base64.

    Raises:
        AuditError: If the image cannot be read.
    """
    image = image_at_input(source, model, card, int(maps.index[row]))
    if image is None:
        raise AuditError(f"an explained image of data set '{card.name}' cannot be read any more")
    return overlay(image, maps.arrays["regions"][row], maps.arrays["maps"][row])


def overlay(
    image: NDArray[np.float32], roi: NDArray[np.bool_], attribution: NDArray[np.float32]
) -> str:
    """Draw an attribution on its image.

    Where the attribution is weak the grey image shows, so that colour appears only where a reader
    should look. The contour of the ROI is white between black lines, visible on any background and
    in print.

    Args:
        image: Shape (C, H, W), in [0, 1].
        roi: Shape (H, W).
        attribution: Shape (H, W), signed; smoothed slightly, and scaled to its own extremes.

    Returns:
        A PNG file, base64.
    """
    smooth = gaussian_filter(attribution.astype(np.float64), _SMOOTH * max(roi.shape))
    top = np.percentile(np.abs(smooth), _FULL) or 1.0
    strength = _scaled(np.clip(smooth / top, -1, 1))[..., None]
    grey = _scaled(0.15 + 0.75 * image.mean(axis=0))[..., None]
    large = _scaled(roi) >= 0.5
    weight = 0.85 * np.abs(strength)
    pixels = (1 - weight) * 255 * grey + weight * np.where(strength > 0, FOR, AGAINST)
    line = large & binary_dilation(~large)  # drawn after scaling, so that it stays one pixel wide
    pixels[binary_dilation(line)] = 0
    pixels[line] = 255
    picture = Image.fromarray(pixels.round().astype(np.uint8))
    buffer = io.BytesIO()
    # Few colours, chosen without dither: a third of the size, and the same bytes every time.
    picture.quantize(_COLOURS, dither=Image.Dither.NONE).save(buffer, format="PNG")
    return base64.b64encode(buffer.getvalue()).decode()


def _scaled(layer: NDArray[Any]) -> NDArray[np.float32]:
    """A layer at display size: small ones are enlarged in whole blocks, large ones averaged."""
    longer = max(layer.shape)
    scale = SIDE // longer or SIDE / longer
    height, width = (max(1, round(side * scale)) for side in layer.shape)
    picture = Image.fromarray(layer.astype(np.float32))
    return np.asarray(picture.resize((width, height), Image.Resampling.BOX), np.float32)
