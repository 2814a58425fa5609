"""Pictures of attributions: what is on them whatever the size of the model's input."""

from __future__ import annotations

import base64
import io

import numpy as np
import pytest
from PIL import Image

from audit_suite.pictures.overlay import AGAINST, FOR, overlay


def drawn(height, width):
    """The ROI in the middle; what speaks for the finding to the left, and against it right."""
    image = np.full((1, height, width), 0.5, np.float32)
    roi = np.zeros((height, width), bool)
    roi[height // 4 : 3 * height // 4, width // 3 : 2 * width // 3] = True
    attribution = np.zeros((height, width), np.float32)
    attribution[:, : width // 5], attribution[:, -(width // 5) :] = 2.0, -2.0
    picture = overlay(image, roi, attribution)
    assert picture == overlay(image, roi, attribution), "the same bytes every time"
    pixels = Image.open(io.BytesIO(base64.b64decode(picture))).convert("RGB")
    return np.asarray(pixels).astype(int)


@pytest.mark.parametrize(
    "size", [(32, 32), (160, 160), (192, 192), (224, 224), (512, 512), (512, 300)]
)
def test_the_contour_is_white_between_black_at_every_size(size):
    pixels = drawn(*size)
    height, width = pixels.shape[:2]
    assert max(height, width) in range(97, 193), "as large as the page shows it, or whole blocks"
    across = pixels[height // 2].mean(axis=1)
    white = np.flatnonzero(across > 245)
    assert len(white) == 2, "one pixel on either side of the region"
    assert white == pytest.approx([width / 3, 2 * width / 3], abs=max(2, width / size[1]))
    assert (across[white - 1] < 10).all()
    assert (across[white + 1] < 10).all()


@pytest.mark.parametrize("size", [(64, 64), (512, 512)])
def test_colours_say_for_and_against_and_grey_nothing(size):
    pixels = drawn(*size)
    row = pixels[len(pixels) // 8]
    assert np.abs(row[2] - FOR).max() < 60
    assert np.abs(row[-3] - AGAINST).max() < 60
    middle = row[len(row) // 2]
    assert np.ptp(middle) < 8, "where nothing is attributed the image shows"
