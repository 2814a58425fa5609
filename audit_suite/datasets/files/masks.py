"""Masks that are image files of the user's own."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from audit_suite.datasets.files.digest import hash_content
from audit_suite.datasets.files.entry import Mask
from audit_suite.datasets.masks import read_mask


@dataclass(frozen=True)
class MaskFile:
    """A mask in an image file: what it shows white, or the pixels of some values."""

    path: Path
    values: tuple[int, ...]
    where: str

    def read(self) -> Mask:
        """The mask."""
        return read_mask(self.path, self.values)

    def update(self, digest: Any, hash_file: Callable[[Path], bytes]) -> None:
        """Add the file's content: users draw masks themselves, even for a published data set."""
        digest.update(hash_content(self.path))
