"""NumPy files: one array of one plane, or one array of an archive."""

from __future__ import annotations

import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import IO

import numpy as np

from audit_suite.datasets.files.entry import Mask
from audit_suite.datasets.files.mask_files import FileFormat, FileSpec
from audit_suite.datasets.files.mask_format import register_mask_format
from audit_suite.datasets.mask_arrays import plane, region_of
from audit_suite.datasets.mask_formats.image import ValuesSpec
from audit_suite.datasets.pictures import MOST_PIXELS

_WIDEST = 8  # bytes of a number


class NumpySpec(ValuesSpec):
    """Files of NumPy (.npy, .npz) that hold a plane of rows and columns."""

    array: str | None = None
    """The array's name in an archive (.npz); without it, the archive must hold one array."""


@dataclass(frozen=True)
class NumpyMask(FileFormat):
    """Arrays as NumPy saves them; nothing in them is run."""

    name: str = "npy"
    keys: type[NumpySpec] = NumpySpec

    def decoder(self, spec: FileSpec) -> Callable[[Path], Mask]:
        """What reads the region's values in the array."""
        assert isinstance(spec, NumpySpec)
        return partial(read_numpy, values=spec.values, name=spec.array)


def read_numpy(path: Path, values: tuple[int, ...] = (), name: str | None = None) -> Mask:
    """Decode a mask that NumPy saved.

    Args:
        path: The file.
        values: The values of the region; none where it is all but 0.
        name: The array of an archive; None for its only one.

    Returns:
        Shape (H, W).

    Raises:
        ValueError: If it is damaged, holds objects, several arrays or planes, or other values.
    """
    with path.open("rb") as file:
        if not zipfile.is_zipfile(file):
            file.seek(0)
            return region_of(plane(_array(file)), values)
    try:
        with zipfile.ZipFile(path) as archive:
            names = {member.filename.removesuffix(".npy"): member for member in archive.infolist()}
            if name is None and len(names) == 1:
                name = next(iter(names))
            if name not in names:
                raise ValueError(
                    f"holds the arrays {', '.join(names)}: name one of them with array"
                )
            with archive.open(names[name]) as member:
                return region_of(plane(_array(member)), values)
    except ValueError:
        raise
    except Exception as error:  # unpacking raises anything on a damaged archive
        raise ValueError(f"is a damaged archive ({type(error).__name__})") from None


def _array(file: IO[bytes]) -> np.ndarray[tuple[int, ...], np.dtype[np.generic]]:
    """One array, after its header has told that it is of plain numbers and not too large."""
    try:
        version = np.lib.format.read_magic(file)
        read = {(1, 0): np.lib.format.read_array_header_1_0}.get(
            version, np.lib.format.read_array_header_2_0
        )
        shape, by_columns, kind = read(file)
    except Exception:  # the header is read as Python's own text, which raises anything
        raise ValueError("is not a file of NumPy") from None
    count = int(np.prod(shape, dtype=object)) if shape else 1
    if kind.hasobject or kind.itemsize > _WIDEST:
        raise ValueError("does not hold plain numbers")
    if not 0 <= count <= MOST_PIXELS or min(shape, default=0) < 0:
        raise ValueError("claims to be unreasonably large")
    content = file.read(count * kind.itemsize)
    if len(content) < count * kind.itemsize:
        raise ValueError("is cut off")
    return np.frombuffer(content, kind).reshape(shape, order="F" if by_columns else "C")


register_mask_format(NumpyMask())
