"""One image at the input of models, and what is to be prepared of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from audit_suite.cards import InputSpec
from audit_suite.evidence.scores.geometry import Geometry
from audit_suite.maskings.masking import Area, Names

UNMEASURED = np.zeros(0, np.float32)
"""The properties of an image whose file's pixels were changed."""


@dataclass(frozen=True)
class Prepared:
    """One image at one geometry.

    Attributes:
        image: Shape (C, H, W), float32 in [0, 1].
        distances: For each area the signed city-block distance, shape (H, W); always includes the
            image's own region.
        properties: Shape (k,), of the decoded file: its properties (`datasets.properties`), then
            how it was made (`datasets.acquisition`). Empty where the file's pixels were changed.
    """

    image: NDArray[np.float32]
    distances: Mapping[Area, NDArray[np.int16]]
    properties: NDArray[np.float32]


@dataclass(frozen=True)
class Wanted:
    """What to prepare of each image.

    Attributes:
        specs: Input specs by geometry.
        areas: The areas to mask.
        boxed: Input specs by geometry, for which the bounding box of a region is made black in the
            file's own pixels; nothing is masked there.
    """

    specs: Mapping[Geometry, InputSpec]
    areas: Sequence[Area]
    boxed: Mapping[Geometry, tuple[InputSpec, Names]] = field(default_factory=dict)

    @property
    def regions(self) -> list[Names]:
        """The regions (unions of named ones) to which the areas belong."""
        return sorted({region for region, _ in self.areas})
