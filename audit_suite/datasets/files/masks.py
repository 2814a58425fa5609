"""Masks of files of the user's own, and masks of several parts."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from audit_suite.datasets.files.entry import Mask, RegionSource
from audit_suite.datasets.files.hashing import hash_content
from audit_suite.datasets.masks import read_mask


@dataclass(frozen=True, slots=True)
class MaskFile(RegionSource):
    """A mask in a file of its own: by default in an image file, what that shows white.

    Attributes:
        file: Path of the file, below ``folder`` or whole; text, as that of an `Entry`.
        where: Row and column that name it, for messages.
        decode: What decodes it.
        folder: The folder that ``file`` lies below, if it is not whole.
    """

    file: str
    where: str
    decode: Callable[[Path], Mask] = read_mask
    folder: Path = Path()

    @property
    def path(self) -> Path:
        """The file."""
        return self.folder / self.file

    @property
    def files(self) -> tuple[Path, ...]:
        """The file."""
        return (self.path,)

    def read(self, shape: tuple[int, int]) -> Mask:
        """The mask, of the file's own shape."""
        return self.decode(self.path)

    def update(self, digest: Any, hash_file: Callable[[Path], bytes]) -> None:
        """Add the file's content: users draw masks themselves, even for a published data set."""
        digest.update(hash_content(self.path))


@dataclass(frozen=True)
class United(RegionSource):
    """A mask of several parts: files, or rows and annotations of a file that all images share.

    Attributes:
        where: The image's row, for messages; ``where`` of a part names it within the mask.
        parts: At least one.
    """

    where: str
    parts: tuple[RegionSource, ...]

    @property
    def files(self) -> tuple[Path, ...]:
        """The files of all parts."""
        return tuple(path for part in self.parts for path in part.files)

    def read(self, shape: tuple[int, int]) -> Mask:
        """The pixels that belong to any part."""
        masks = [self._part(part, shape) for part in self.parts]
        if len({mask.shape for mask in masks}) > 1:
            raise ValueError("has parts of different sizes")
        joined: Mask = np.logical_or.reduce(masks)
        return joined

    def update(self, digest: Any, hash_file: Callable[[Path], bytes]) -> None:
        """Add every part."""
        digest.update(f"{len(self.parts)} parts".encode())
        for part in self.parts:
            part.update(digest, hash_file)

    @staticmethod
    def _part(part: RegionSource, shape: tuple[int, int]) -> Mask:
        try:
            return part.read(shape)
        except ValueError as error:
            raise ValueError(f"of {part.where} {error}") from None


def united(where: str, parts: Sequence[RegionSource]) -> RegionSource:
    """The union of some parts; a part that is alone and named like the image stays as it is."""
    if len(parts) == 1 and parts[0].where == where:
        return parts[0]
    return United(where, tuple(parts))
