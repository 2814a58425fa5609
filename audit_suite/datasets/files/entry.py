"""One image as a list names it, before it is checked or decoded."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from audit_suite.discreet import Discreet

Mask = NDArray[np.bool_]
_NOTHING: Mapping[str, Any] = {}


def nothing() -> Mapping[str, Any]:
    """An empty mapping, the same for all images: one of its own for each would take memory."""
    return _NOTHING


class RegionSource(Protocol):
    """Where the mask of one region of one image comes from.

    Attributes:
        where: Row and column that name it, for messages.
    """

    __slots__ = ()

    where: str

    @property
    def files(self) -> tuple[Path, ...]:
        """Files of this image alone, which must exist in the folders that the card allows."""
        return ()

    def read(self, shape: tuple[int, int]) -> Mask:
        """The mask, shape (H, W); the caller refuses one that has not the image's shape.

        Args:
            shape: Height and width of the image, for sources that do not hold their own.

        Raises:
            ValueError: If it cannot be read; the message says why, without a file's name.
        """
        ...

    def update(self, digest: Any, hash_file: Callable[[Path], bytes]) -> None:
        """Add everything that decides the mask to a digest."""
        ...


class Regions(Mapping[str, RegionSource]):
    """Masks by region, in less memory than a dictionary of one or a few.

    Args:
        names: The regions; a tuple that images share.
        sources: The mask of each.
    """

    __slots__ = ("_names", "_sources")

    def __init__(self, names: tuple[str, ...], sources: tuple[RegionSource, ...]) -> None:
        self._names, self._sources = names, sources

    def __getitem__(self, name: str) -> RegionSource:
        if name not in self._names:
            raise KeyError(name)
        return self._sources[self._names.index(name)]

    def __iter__(self) -> Iterator[str]:
        return iter(self._names)

    def __len__(self) -> int:
        return len(self._names)


class ImageFiles(NamedTuple):
    """The part of an entry that reading the image takes, which is kept as long as the data set.

    Attributes:
        where: As of the entry.
        folder: As of the entry.
        file: As of the entry.
        regions: As of the entry.
    """

    where: str
    folder: Path
    file: str
    regions: Mapping[str, RegionSource]

    @property
    def image(self) -> Path:
        """The image's file."""
        return self.folder / self.file


@dataclass(frozen=True, slots=True, repr=False)
class Entry(Discreet):
    """One image as its list names it.

    Attributes:
        row: Line of the list, as an editor counts.
        where: Row and column that name the image file, for messages.
        file: Path of the image's file, below ``folder`` or whole. It is text, as a `Path` would
            take more memory than all else here.
        id: Unique in the data set.
        patient: The patient's id.
        labels: 0 or 1 by target; a target that the image has no label of is missing.
        metadata: Declared tags.
        regions: Masks by region; a region may be missing.
        quality: Quality of the masks, 0 to 1; None where unknown.
        split: Part of the data set it belongs to; empty where there is none.
        burned_in: Whether text is burned into the image; None to ask the file itself.
        ruled: By target ``missing`` or ``uncertain``, where a rule of the card decided on it.
        columns: The row of the list, by column; empty where masks may not be found by it.
        folder: The folder that ``file`` lies below, if it is not whole.
    """

    row: int
    where: str
    file: str = field(repr=False)
    id: str = field(repr=False)
    patient: str = field(repr=False)
    labels: Mapping[str, int]
    metadata: Mapping[str, str]
    regions: Mapping[str, RegionSource] = field(default_factory=nothing)
    quality: float | None = None
    split: str = ""
    burned_in: bool | None = None
    ruled: Mapping[str, str] = field(default_factory=nothing)
    columns: Mapping[str, str] = field(default_factory=nothing, repr=False)
    folder: Path = Path()

    @property
    def image(self) -> Path:
        """The image's file."""
        return self.folder / self.file
