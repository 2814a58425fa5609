"""The soft shapes of which phantoms are drawn."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, ImageDraw
from scipy.ndimage import zoom

from audit_suite.phantoms.shapes import strokes, texture


@given(size=st.integers(32, 300), cells=st.integers(2, 40), seed=st.integers(0, 99))
def test_texture_is_noise_enlarged_by_linear_interpolation(size, cells, seed):
    cells = min(cells, size)
    drawn = texture(np.random.default_rng(seed), size, cells)
    noise = np.random.default_rng(seed).standard_normal((cells + 2, cells + 2))
    enlarged = zoom(noise.astype(np.float32), size / cells, order=1)
    assert drawn.dtype == np.float32
    assert np.array_equal(drawn, enlarged[:size, :size]), "to the last digit"


@given(size=st.integers(32, 150), seed=st.integers(0, 99))
def test_strokes_are_a_larger_drawing_resized_by_its_mean(size, seed):
    points = np.random.default_rng(seed).uniform(-1, 1, (6, 2)).tolist()
    larger = Image.new("L", (4 * size, 4 * size))
    ImageDraw.Draw(larger).line(
        [((x + 1) * 2 * size, (y + 1) * 2 * size) for x, y in points],
        fill=255,
        width=max(1, round(0.05 * 2 * size)),
        joint="curve",
    )
    resized = np.asarray(larger.resize((size, size), Image.Resampling.BOX), np.float32) / 255
    assert np.array_equal(strokes(size, [(points, 0.05)]), resized), "to the last digit"
