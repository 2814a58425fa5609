"""Image files: what they show white, or the pixels of some values."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Annotated, ClassVar

from audit_suite.cards.common import Once
from audit_suite.datasets.files.entry import Mask
from audit_suite.datasets.files.mask_files import FileFormat, FileSpec
from audit_suite.datasets.files.mask_format import register_mask_format
from audit_suite.datasets.masks import read_mask


class ValuesSpec(FileSpec):
    """Files of pixels, which may number several regions."""

    written: ClassVar[frozenset[str]] = frozenset({"column", "value"})

    value: int | Annotated[tuple[int, ...], Once] | None = None
    """The value, or values, of the region's pixels as stored: in a picture with a palette, its
    indices. Without it, the file must hold one region and nothing else."""

    @property
    def values(self) -> tuple[int, ...]:
        """The values that belong to the region; none where the file holds nothing else."""
        if self.value is None:
            return ()
        return (self.value,) if isinstance(self.value, int) else self.value


@dataclass(frozen=True)
class ImageMask(FileFormat):
    """PNG, JPEG, TIFF, BMP or GIF."""

    name: str = "image"
    keys: type[ValuesSpec] = ValuesSpec

    def decoder(self, spec: FileSpec) -> Callable[[Path], Mask]:
        """What reads the values of the region."""
        assert isinstance(spec, ValuesSpec)
        return partial(read_mask, values=spec.values)


register_mask_format(ImageMask())
