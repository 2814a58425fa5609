"""Properties of an image file that a model could read instead of the disease (M3)."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from audit_suite.datasets.distributions import mean_and_spread, ordered_percentiles, standing_out
from audit_suite.datasets.outside import reduced
from audit_suite.datasets.regions import border

PROPERTIES = (
    "megapixels",
    "aspect",
    "brightness",
    "contrast",
    "entropy",
    "border",
    "marks",
    "grain",
    "saturation",
)
"""What is measured: megapixels of the file, width by height, mean and standard deviation of the
intensity (0 to 1), Shannon entropy of its histogram (bits), share of the frame's rim that is
black, share of the frame in small bright marks such as letters, noise of the smoother parts (25th
percentile of the local standard deviation), share of the region of interest that is nearly white,
as metal is.

All other intensities are measured outside the region's bounding box: what is inside it may be the
disease. Where the box leaves nothing of the image they are not known."""
INSIDE = ("saturation",)
"""Those of the region itself: the disease may move them."""
OF_THE_FILE = ("megapixels", "aspect")
"""Those that no pixel can move."""

_BINS = 64  # a power of 2: which one a pixel is in is exact
_BLACK = 0.06  # of the full range
_WHITE = 0.9  # of the full range
_LEAP = 0.25  # how much brighter a mark is than what is around it
_WINDOW = 5  # pixels in which noise is measured
_SMOOTHER = 25  # percentile of windows; above it anatomy outweighs noise
_CLIP = 0.02  # of the full range: nearer to black or white, part of the noise is cut off


def image_properties(
    image: NDArray[Any], roi: NDArray[np.bool_] | None = None
) -> NDArray[np.float32]:
    """Measure an image as decoded, before any model's preprocessing.

    Args:
        image: Shape (H, W) or (H, W, 3); unsigned integers over their full range.
        roi: Shape (H, W), the region of interest; None if there is none.

    Returns:
        Shape (len(PROPERTIES),), in that order; NaN for what cannot be measured.
    """
    height, width = image.shape[:2]
    look = reduced(image, roi)
    grey, outside = look.grey, look.outside
    inside = grey if look.inside is None else grey[look.inside]
    pixels = grey[outside]
    some = _shares(pixels)
    edge = border(grey.shape) & outside
    marks = standing_out(grey, look.around) > _LEAP
    grain = local_noise(grey)
    quiet = np.isfinite(grain) & outside
    left = bool(outside.any())
    noise = ordered_percentiles(np.sort(grain[quiet]), _SMOOTHER) if quiet.any() else 0.0
    return np.array(
        [
            height * width / 1e6,
            width / height,
            pixels.mean() if left else np.nan,
            pixels.std() if left else np.nan,
            -(some * np.log2(some)).sum() if left else np.nan,
            (grey[edge] < _BLACK).mean() if edge.any() else np.nan,
            marks[outside].mean() if left else np.nan,
            noise if left else np.nan,
            (inside > _WHITE).mean() if inside.size else 0.0,
        ],
        np.float32,
    )


def local_noise(grey: NDArray[np.float32]) -> NDArray[np.float32]:
    """Standard deviation around each pixel; NaN where it reaches black or white."""
    mean, spread = mean_and_spread(grey, _WINDOW)
    clipped = (mean - 2 * spread < _CLIP) | (mean + 2 * spread > 1 - _CLIP)
    noise: NDArray[np.float32] = np.where(clipped, np.nan, spread)
    return noise


def _shares(pixels: NDArray[np.float32]) -> NDArray[np.float64]:
    """Shares of pixels in the bins of a histogram from 0 to 1, without the empty bins."""
    inside = pixels[(pixels >= 0) & (pixels <= 1)]
    counts = np.bincount(np.minimum((inside * _BINS).astype(np.intp), _BINS - 1))
    shares: NDArray[np.float64] = counts[counts > 0] / max(pixels.size, 1)
    return shares
