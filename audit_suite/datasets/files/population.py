"""One region for all images, drawn from the masks of those that have one.

Boxes and contours of a finding exist where the finding is. Were such a region hidden in these
images alone, or drawn elsewhere in the others, the hole would tell the label. So every image gets
the same pixels of its frame, whatever its own mask.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from threading import Lock
from typing import Any

import numpy as np
from numpy.typing import NDArray

from audit_suite.datasets.files.entry import Mask, RegionSource
from audit_suite.datasets.images import read_shape
from audit_suite.discreet import Discreet
from audit_suite.errors import AuditError
from audit_suite.pulse import beat

COMMON = 0.01
"""Share of the images with a mask in which a place of the frame must be region."""
_GRID = 512  # places of the frame along each side


class Population:
    """The common region of many masks; drawn when it is first asked for.

    Args:
        key: The card and key of the region, for messages.
        drawn: Image file and mask of the images that have one.
    """

    def __init__(self, key: str, drawn: Sequence[tuple[Path, RegionSource]]) -> None:
        self._key, self._drawn = key, drawn
        self._lock = Lock()
        self._grid: Mask | None = None

    def at(self, shape: tuple[int, int]) -> Mask:
        """The region in a frame of some height and width.

        Raises:
            AuditError: If one of the masks cannot be read, or all are empty.
        """
        with self._lock:
            if self._grid is None:
                self._grid = self._draw()
        rows, columns = (((np.arange(side) + 0.5) / side * _GRID).astype(np.intp) for side in shape)
        return self._grid[np.ix_(rows, columns)]

    def _draw(self) -> Mask:
        counts = np.zeros((_GRID, _GRID), np.int64)
        masks = 0
        for image, source in self._drawn:
            beat()
            mask = self._read(image, source)
            if mask.any():
                masks += 1
                counts += _touched(mask)
        if not masks:
            raise AuditError(
                f"{self._key}: all masks are empty, so there is no population to draw from",
                "correct the keys that find its masks",
            )
        common: Mask = counts >= max(1, COMMON * masks)
        return common

    def _read(self, image: Path, source: RegionSource) -> Mask:
        try:
            shape = read_shape(image)
            mask = source.read(shape)
        except (ValueError, OSError) as error:
            why = f"cannot be read ({error.strerror})" if isinstance(error, OSError) else error
            raise self._bad(source.where, f"the image or its mask {why}") from None
        if mask.shape != shape:
            raise self._bad(
                source.where,
                f"the mask is {mask.shape[1]} x {mask.shape[0]} pixels, the image {shape[1]} x "
                f"{shape[0]}",
            )
        return mask

    def _bad(self, where: str, why: str) -> AuditError:
        return AuditError(
            f"{self._key}: {where}: {why}",
            "correct it: the region of all images is drawn from these masks",
        )


@dataclass(frozen=True, repr=False)
class PopulationMask(Discreet, RegionSource):
    """The population's region in one image.

    Attributes:
        where: The image's row.
        population: The region.
        own: The mask of the image itself, if it has one.
    """

    where: str
    population: Population = field(repr=False)
    own: RegionSource | None

    def read(self, shape: tuple[int, int]) -> Mask:
        """The population's region."""
        return self.population.at(shape)

    def update(self, digest: Any, hash_file: Callable[[Path], bytes]) -> None:
        """Add the image's own mask: all of them together decide the population's region."""
        if self.own is None:
            digest.update(b"absent")
        else:
            self.own.update(digest, hash_file)


def _touched(mask: Mask) -> NDArray[np.bool_]:
    """The places of the grid that a mask of shape (H, W) touches."""
    from PIL import Image

    shares = Image.fromarray(mask.astype(np.float32)).resize((_GRID, _GRID), Image.Resampling.BOX)
    return np.asarray(shares) > 1e-6
