"""NIfTI files (.nii, .nii.gz) that hold a slice; the extra ``nifti`` brings the library.

NIfTI stores the first axis as x, from column to column, and the second as y, from row to row. The
voxels are taken in the order in which they are stored: the file's affine places them in the
patient, which says nothing of the picture's pixels.
"""

from __future__ import annotations

import gzip
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Literal

import numpy as np

from audit_suite.datasets.files.entry import Mask
from audit_suite.datasets.files.mask_files import FileFormat, FileSpec
from audit_suite.datasets.files.mask_format import register_mask_format
from audit_suite.datasets.mask_arrays import plane, region_of
from audit_suite.datasets.mask_formats.image import ValuesSpec
from audit_suite.datasets.pictures import MOST_PIXELS
from audit_suite.errors import AuditError


class NiftiSpec(ValuesSpec):
    """NIfTI files of one slice."""

    axes: Literal["xy", "yx"] = "xy"
    """The order of the axes: ``xy`` as NIfTI defines it and SimpleITK and ITK-SNAP write it;
    ``yx`` for arrays of rows and columns that were saved as they are with nibabel."""


@dataclass(frozen=True)
class NiftiMask(FileFormat):
    """A slice, or a volume of one slice."""

    name: str = "nifti"
    keys: type[NiftiSpec] = NiftiSpec

    def decoder(self, spec: FileSpec) -> Callable[[Path], Mask]:
        """What reads the region's values in the slice.

        Raises:
            AuditError: If nibabel is not installed.
        """
        assert isinstance(spec, NiftiSpec)
        try:
            import nibabel  # noqa: F401
        except ImportError:
            raise AuditError(
                "masks of format 'nifti' need nibabel, which is not installed",
                'pip install "audit-suite[nifti]"',
            ) from None
        return partial(read_nifti, values=spec.values, axes=spec.axes)


def read_nifti(path: Path, values: tuple[int, ...] = (), axes: str = "xy") -> Mask:
    """Decode a mask in a NIfTI file.

    Args:
        path: The file.
        values: The values of the region; none where it is all but 0.
        axes: What the first two axes are.

    Returns:
        Shape (H, W).

    Raises:
        ValueError: If it is not NIfTI, holds several slices, or other values.
    """
    import nibabel

    try:
        image = nibabel.Nifti1Image.from_bytes(_unpacked(path))
        if np.prod(image.shape, dtype=object) > MOST_PIXELS:
            raise ValueError("claims to be unreasonably large")
        array = np.asanyarray(image.dataobj)
    except ValueError:
        raise
    except Exception as error:  # the library raises anything on a damaged file
        if isinstance(error, OSError) and error.strerror:
            raise
        raise ValueError(f"cannot be read as NIfTI ({type(error).__name__})") from None
    stored = plane(array)
    return region_of(stored.T if axes == "xy" else stored, values)


def _unpacked(path: Path) -> bytes:
    """The content of a file, packed or not, up to what a mask may hold."""
    most = 9 * MOST_PIXELS
    with path.open("rb") as file:
        packed = file.read(2) == b"\x1f\x8b"
        file.seek(0)
        content: bytes = (gzip.GzipFile(fileobj=file) if packed else file).read(most)
    if len(content) == most:
        raise ValueError("claims to be unreasonably large")
    return content


register_mask_format(NiftiMask())
