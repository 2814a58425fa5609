"""The soft shapes of which phantoms are drawn."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from scipy.ndimage import zoom

from audit_suite.phantoms.shapes import texture


@given(size=st.integers(32, 300), cells=st.integers(2, 40), seed=st.integers(0, 99))
def test_texture_is_noise_enlarged_by_linear_interpolation(size, cells, seed):
    cells = min(cells, size)
    drawn = texture(np.random.default_rng(seed), size, cells)
    noise = np.random.default_rng(seed).standard_normal((cells + 2, cells + 2))
    enlarged = zoom(noise.astype(np.float32), size / cells, order=1)
    assert drawn.dtype == np.float32
    assert np.array_equal(drawn, enlarged[:size, :size]), "to the last digit"
