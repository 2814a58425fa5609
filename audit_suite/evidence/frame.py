"""Images at a model's input, with the parts of the frame that the model is shown."""

from __future__ import annotations

from collections.abc import Collection, Mapping

import numpy as np
from numpy.typing import NDArray

from audit_suite.cards import InputSpec
from audit_suite.datasets import Sample
from audit_suite.datasets.frame import frame_parts
from audit_suite.models.preprocessing import fit_geometry
from audit_suite.regions import Region

_SEEN = "frame"  # no part of the frame has this name


def fit_with_frame(
    sample: Sample, regions: Mapping[str, Region], spec: InputSpec, names: Collection[str]
) -> tuple[NDArray[np.float32], dict[str, Region]]:
    """`fit_geometry`, and the parts of the frame among ``names``.

    The frame is what the model sees of the image: what is cropped away has no rim, and padding is
    not part of it.

    Args:
        sample: The decoded image.
        regions: Masks by name, each of shape (H, W).
        spec: The model's input.
        names: What is asked for; names that are no part of the frame are ignored.
    """
    if not any(name.startswith(f"{_SEEN}.") for name in names):
        return fit_geometry(sample.image, regions, spec, sample.file)
    whole = np.ones(sample.image.shape[:2], np.bool_)
    fitted, masks = fit_geometry(sample.image, {**regions, _SEEN: whole}, spec, sample.file)
    parts = frame_parts(masks.pop(_SEEN))
    return fitted, masks | {name: part for name, part in parts.items() if name in names}
