"""Decode DICOM as a workstation would show it, with pydicom, without identifying content."""

from __future__ import annotations

import logging
import math
import threading
import warnings
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from audit_suite.datasets.dicom_tags import (
    COLOUR,
    METADATA,
    MONOCHROME,
    PHOTOMETRIC,
    first_of,
    term,
    text_of,
    value_of,
)
from audit_suite.datasets.pictures import MOST_PIXELS
from audit_suite.discreet import Discreet

if TYPE_CHECKING:
    from pydicom import Dataset as Header

Floats = NDArray[np.float64]

_TOP = 65_535
_DIRECTORY = "1.2.840.10008.1.3.10"  # class of a DICOMDIR


def is_dicom(path: Path) -> bool:
    """Whether a file is DICOM, by its ending or its magic word.

    Raises:
        OSError: If it cannot be opened.
    """
    if path.suffix.lower() in (".dcm", ".dicom"):
        return True
    with path.open("rb") as file:
        return file.read(132)[128:] == b"DICM"


def read_dicom(path: Path, frame: int | None = None) -> NDArray[Any]:
    """Decode one image: modality LUT or rescale, then VOI LUT or window, then MONOCHROME1 inverted.

    The first window counts, with the function that the header names (PS3.3 C.11.2.1); without a
    window the full range of the stored bits is kept. So the same anatomy is bright in every file.

    Args:
        path: The file.
        frame: Which frame of a file with several, from 0; such files are refused without it.

    Returns:
        Shape (H, W) uint16 over the full range, or (H, W, 3) uint8 for colour images.

    Raises:
        ValueError: If it cannot be decoded; the message says why, without the file's name and
            without anything that identifies.
    """
    with quietly():
        header = _read(path, pixels=True)
        kind = term("PhotometricInterpretation", *PHOTOMETRIC)(header)
        if kind not in (*MONOCHROME, *COLOUR):
            raise ValueError(f"has the photometric interpretation '{kind}', which is not supported")
        frames = int(first_of(value_of(header, "NumberOfFrames")) or 1)
        if frames > 1 and frame is None:
            raise ValueError(f"holds {frames} frames; choose one with the card's key dicom_frame")
        if frames > 1 and not 0 <= (frame or 0) < frames:
            raise ValueError(f"holds {frames} frames, numbered from 0; there is no frame {frame}")
        pixels = _decode(header, frames)
        if frames > 1:
            pixels = pixels[frame]
        if kind in MONOCHROME and pixels.ndim == 2:
            return _grey(pixels, header, invert=kind == "MONOCHROME1")
        if kind in COLOUR and pixels.ndim == 3 and pixels.dtype == np.uint8:
            return pixels
        raise ValueError(f"holds pixels of another form or depth than '{kind}' should have")


def read_metadata(path: Path) -> dict[str, str]:
    """The tags of an allow-list, which describe how the image was taken; blank where unknown.

    Never a name, id, date, place or free text: a value that does not look like its tag's kind is
    left blank, and so is a number that no radiograph has. Ages above 90 are given as 90.

    Raises:
        ValueError: If it is not a DICOM file.
    """
    with quietly():
        header = _read(path, pixels=False)
        return {name: read(header) for name, read in METADATA.items()}


@dataclass(frozen=True, repr=False)
class Identity(Discreet):
    """What a DICOM file is: to join and to group by, never to show or store.

    Attributes:
        uid: SOP instance UID.
        patient: Patient id.
        is_directory: Whether it is a DICOMDIR, the table of contents of a medium.
        is_image: Whether it holds an image; presentation states and reports do not.
        burned_in: Whether it says that text is burned into the image.
    """

    uid: str = field(repr=False)
    patient: str = field(repr=False)
    is_directory: bool
    is_image: bool
    burned_in: bool


def read_identity(path: Path) -> Identity:
    """What a DICOM file is.

    Raises:
        ValueError: If it is not a DICOM file.
    """
    with quietly():
        header = _read(path, pixels=False)
        meta = getattr(header, "file_meta", None)
        return Identity(
            uid=text_of(header, "SOPInstanceUID"),
            patient=text_of(header, "PatientID"),
            is_directory=meta is not None
            and text_of(meta, "MediaStorageSOPClassUID") == _DIRECTORY,
            is_image=all(key in header for key in ("Rows", "Columns")),
            burned_in=METADATA["burned_in_annotation"](header) == "YES",
        )


def read_dicom_shape(path: Path) -> tuple[int, int]:
    """Height and width of a DICOM image, from its header.

    Raises:
        ValueError: If it is not a DICOM image.
    """
    with quietly():
        header = _read(path, pixels=False)
        sides = [first_of(value_of(header, key)) for key in ("Rows", "Columns")]
    try:
        height, width = (int(side) for side in sides)  # type: ignore[arg-type]
    except (TypeError, ValueError):
        raise ValueError("does not say how many rows and columns it has") from None
    return height, width


def shows_burned_in(path: Path) -> bool:
    """Whether a file is DICOM and says that text is burned into the image."""
    try:
        return is_dicom(path) and read_identity(path).burned_in
    except (ValueError, OSError):  # what is wrong with it is said where it is read
        return False


_lock = threading.Lock()
_silence = ExitStack()
_silent = 0


@contextmanager
def quietly() -> Iterator[None]:
    """Silence warnings: pydicom quotes offending values, which may identify, as tags are read.

    Python's own context manager is not safe for threads, so the last thread to leave restores.
    """
    global _silent  # noqa: PLW0603
    with _lock:
        if not _silent:
            _silence.enter_context(warnings.catch_warnings())
            warnings.simplefilter("ignore")
        _silent += 1
    try:
        yield
    finally:
        with _lock:
            _silent -= 1
            if not _silent:
                _silence.close()


@cache
def _pydicom() -> Any:
    """pydicom, imported with the first file; its log quotes values, which may identify."""
    import pydicom

    logging.getLogger("pydicom").setLevel(logging.CRITICAL)  # importing it sets another level
    return pydicom


def _read(path: Path, pixels: bool) -> Header:
    pydicom = _pydicom()
    try:
        header: Header = pydicom.dcmread(path, stop_before_pixels=not pixels)
    except pydicom.errors.InvalidDicomError:
        raise ValueError("is not a DICOM file") from None
    except Exception as error:
        raise ValueError(f"cannot be read as DICOM ({type(error).__name__})") from None
    if pixels and "PixelData" not in header:
        raise ValueError("holds no pixels")
    return header


def _fault_of_size(header: Header, frames: int, native: bool) -> str:
    """Whether a file claims too much, or holds more pixels than its header tells of.

    pydicom would decode what the header tells of, the first frame, and pass over the rest.
    """
    pixels = int(header.Rows) * int(header.Columns) * frames
    if pixels > MOST_PIXELS:
        return "claims to be unreasonably large"
    whole = pixels * int(header.SamplesPerPixel) * int(header.BitsAllocated) // 8
    if native and len(header.PixelData) >= 2 * whole:
        return "holds more pixels than its header tells of"
    return ""


def _decode(header: Header, frames: int) -> NDArray[Any]:
    syntax: Any = getattr(getattr(header, "file_meta", None), "TransferSyntaxUID", None)
    name = syntax.name if syntax in _pydicom().uid.AllTransferSyntaxes else "unknown"
    try:
        native = syntax is not None and not syntax.is_encapsulated
        if native and header.get("HighBit", header.BitsStored - 1) != header.BitsStored - 1:
            raise NotImplementedError  # forbidden by PS3.5 8.1.1; pydicom would cut off high bits
        fault = _fault_of_size(header, frames, native)
        if not fault:
            return header.pixel_array
    except Exception as error:
        if any(text in str(error) for text in ("missing dependencies", "does not support")):
            raise ValueError(
                f"is compressed as '{name}', and no decoder for it is installed; "
                f"`pip install pylibjpeg pylibjpeg-openjpeg` reads JPEG 2000, "
                f"`pip install python-gdcm` most others"
            ) from None
        raise ValueError(f"cannot be decoded from '{name}' ({type(error).__name__})") from None
    raise ValueError(fault)


def _grey(stored: NDArray[Any], header: Header, invert: bool) -> NDArray[np.uint16]:
    try:
        values, low, high = _rescale(stored.astype(np.float64), header)
        share = _window(values, header)
        if share is None:
            share = (values - low) / (high - low)
    except Exception as error:
        raise ValueError(
            f"has a rescale, window or look-up table that cannot be used ({type(error).__name__})"
        ) from None
    share = np.clip(share, 0, 1)
    return np.round((1 - share if invert else share) * _TOP).astype(np.uint16)


def _rescale(stored: Floats, header: Header) -> tuple[Floats, float, float]:
    """Stored pixels through the modality LUT or rescale, and the least and greatest output."""
    if header.get("ModalityLUTSequence"):
        values, top = _look_up(stored, header.ModalityLUTSequence[0], header)
        return values, 0, top
    given = (
        header.get("RescaleSlope"),
        header.get("RescaleIntercept"),
    )  # text raises here
    slope, intercept = (
        default if value in (None, "") else float(value)
        for value, default in zip(given, (1, 0), strict=True)
    )
    if slope == 0 or not math.isfinite(slope * intercept):
        raise ValueError
    ends = [slope * end + intercept for end in _range(header)]
    return slope * stored + intercept, min(ends), max(ends)


def _window(values: Floats, header: Header) -> Floats | None:
    """The header's VOI LUT or first window, as a share of its output; None if there is none."""
    if header.get("VOILUTSequence"):
        looked_up, top = _look_up(values, header.VOILUTSequence[0], header)
        return looked_up / top
    centre, width = (first_of(value_of(header, key)) for key in ("WindowCenter", "WindowWidth"))
    function = str(value_of(header, "VOILUTFunction") or "LINEAR").upper()
    exact = function in ("SIGMOID", "LINEAR_EXACT")
    if centre is None or width is None or width <= 0 or (width < 1 and not exact):
        return None
    if function == "SIGMOID":
        share: Floats = 1 / (1 + np.exp(np.clip(-4 * (values - centre) / width, -700, 700)))
    elif function == "LINEAR_EXACT":
        share = (values - centre) / width + 0.5
    elif width == 1:
        share = (values > centre - 0.5).astype(np.float64)
    else:
        share = (values - (centre - 0.5)) / (width - 1) + 0.5
    return share


def _look_up(values: Floats, item: Header, header: Header) -> tuple[Floats, int]:
    """Values through a table (PS3.3 C.11.1.1), and its top; values beyond its ends take its ends.

    Not by pydicom, which wraps around in tables of 8 bits and fails on depths but 8 and 16.
    """
    entries, first, bits = (int(number) for number in item.LUTDescriptor)
    entries = entries or 2**16
    table = item.LUTData
    if isinstance(table, bytes):
        order = "<" if header.original_encoding[1] else ">"
        table = np.frombuffer(table, f"{order}u2" if len(table) >= 2 * entries else "u1")
    table = np.asarray(table, np.float64)[:entries]
    if len(table) < entries or not 8 <= bits <= 16:
        raise ValueError
    index = np.clip(np.rint(values) - first, 0, entries - 1).astype(np.int64)
    return table[index], 2**bits - 1


def _range(header: Header) -> tuple[int, int]:
    bits = int(header.BitsStored)
    if header.PixelRepresentation:
        return -(2 ** (bits - 1)), 2 ** (bits - 1) - 1
    return 0, 2**bits - 1
