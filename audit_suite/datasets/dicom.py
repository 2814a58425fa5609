"""Decode DICOM through pydicom, as a workstation would show it; no identity leaves."""

from __future__ import annotations

import math
import re
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydicom import Dataset as Header
from pydicom import dcmread
from pydicom.errors import InvalidDicomError
from pydicom.pixels.processing import apply_modality_lut, apply_voi_lut, convert_color_space

Floats = NDArray[np.float64]

_MONOCHROME = ("MONOCHROME1", "MONOCHROME2")
_TOP = 65_535
_MM = 0.01, 10.0  # plausible spacing of a radiograph's pixels
_OLDEST = 90  # ages above are pooled: they identify


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

    The first window counts, by the function the header names (PS3.3 C.11.2.1); without one the
    full range of the stored bits is kept. So equal anatomy is bright in every file.

    Args:
        path: The file.
        frame: Which frame of a file with several, from 0; None refuses such files.

    Returns:
        Shape (H, W) uint16 over the full range, or (H, W, 3) uint8 for colour.

    Raises:
        ValueError: If it cannot be decoded; the message says why, without name or identity.
    """
    header = _read(path, pixels=True)
    frames = int(header.get("NumberOfFrames") or 1)
    if frames > 1 and frame is None:
        raise ValueError(f"holds {frames} frames; choose one with the card's key dicom_frame")
    if frames > 1 and not 0 <= (frame or 0) < frames:
        raise ValueError(f"holds {frames} frames, numbered from 0; there is no frame {frame}")
    pixels = _decode(header)
    if frames > 1:
        pixels = pixels[frame]
    kind = str(header.get("PhotometricInterpretation", ""))
    if kind in _MONOCHROME and pixels.ndim == 2:
        return _grey(pixels, header, invert=kind == "MONOCHROME1")
    if pixels.ndim == 3 and pixels.dtype == np.uint8 and kind.startswith(("RGB", "YBR")):
        return pixels if kind == "RGB" else convert_color_space(pixels, kind, "RGB")
    raise ValueError(f"has the photometric interpretation '{kind[:16]}', which is not read")


def read_metadata(path: Path) -> dict[str, str]:
    """The tags of a file that say how it was taken, by an allow-list; blank where unknown.

    Never a name, id, date, place or free text. Ages above 90 are given as 90, and a pixel spacing
    that no radiograph has is left blank.

    Raises:
        ValueError: If it is no DICOM file.
    """
    header = _read(path, pixels=False)
    return {name: read(header) for name, read in METADATA.items()}


def read_identity(path: Path) -> tuple[str, str]:
    """SOP instance UID and patient id: to join and to group by, never to be shown or stored.

    Raises:
        ValueError: If it is no DICOM file.
    """
    header = _read(path, pixels=False)
    return str(header.get("SOPInstanceUID") or ""), str(header.get("PatientID") or "").strip()


def _read(path: Path, pixels: bool) -> Header:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # pydicom quotes offending values, which may identify
            header = dcmread(path, stop_before_pixels=not pixels)
    except InvalidDicomError:
        raise ValueError("is no DICOM file") from None
    except Exception as error:
        raise ValueError(f"cannot be read as DICOM ({type(error).__name__})") from None
    if pixels and "PixelData" not in header:
        raise ValueError("holds no pixels")
    return header


def _decode(header: Header) -> NDArray[Any]:
    syntax = getattr(getattr(header, "file_meta", None), "TransferSyntaxUID", None)
    name = syntax.name if syntax is not None else "unknown"
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return header.pixel_array
    except (RuntimeError, NotImplementedError, ImportError) as error:
        if "missing dependencies" in str(error) or isinstance(error, ImportError):
            raise ValueError(
                f"is compressed as '{name}', and no decoder for it is installed; "
                f"`pip install pylibjpeg pylibjpeg-openjpeg` reads JPEG 2000, "
                f"`pip install python-gdcm` most others"
            ) from None
        raise ValueError(f"cannot be decoded from '{name}' ({type(error).__name__})") from None
    except Exception as error:
        raise ValueError(f"cannot be decoded from '{name}' ({type(error).__name__})") from None


def _grey(stored: NDArray[Any], header: Header, invert: bool) -> NDArray[np.uint16]:
    values: Floats = apply_modality_lut(stored, header).astype(np.float64)
    share = _window(values, header)
    if share is None:
        low, high = _range(header)
        ends = apply_modality_lut(np.array([low, high]), header).astype(np.float64)
        share = (values - ends.min()) / max(float(np.ptp(ends)), 1.0)
    share = np.clip(share, 0, 1)
    return np.round((1 - share if invert else share) * _TOP).astype(np.uint16)


def _window(values: Floats, header: Header) -> Floats | None:
    """The header's VOI LUT or first window, as a share of its output; None if there is none."""
    if "VOILUTSequence" in header:
        bits = int(header.VOILUTSequence[0].LUTDescriptor[2])
        looked_up = apply_voi_lut(values.round().astype(np.int64), header).astype(np.float64)
        table: Floats = looked_up / (2**bits - 1)
        return table
    centre, width = (_first(header.get(key)) for key in ("WindowCenter", "WindowWidth"))
    function = str(header.get("VOILUTFunction") or "LINEAR").upper()
    if centre is None or width is None or width < 1:
        return None
    if function == "SIGMOID":
        share: Floats = 1 / (1 + np.exp(np.clip(-4 * (values - centre) / width, -700, 700)))
    elif function == "LINEAR_EXACT":
        share = (values - centre) / width + 0.5
    else:
        share = (values - (centre - 0.5)) / max(width - 1, 1e-9) + 0.5
    return share


def _range(header: Header) -> tuple[int, int]:
    bits = int(header.get("BitsStored") or header.get("BitsAllocated") or 16)
    if header.get("PixelRepresentation"):
        return -(2 ** (bits - 1)), 2 ** (bits - 1) - 1
    return 0, 2**bits - 1


def _first(value: Any) -> float | None:
    """The first number of a tag that may hold several, none, or nonsense."""
    try:
        found = float(
            value[0] if isinstance(value, list | tuple) or hasattr(value, "append") else value
        )
    except (TypeError, ValueError, IndexError):
        return None
    return found if math.isfinite(found) else None


def _code(*keywords: str) -> Callable[[Header], str]:
    """A coded value (capital letters, digits, blanks), of the first tag that has one."""

    def read(header: Header) -> str:
        for keyword in keywords:
            found = str(header.get(keyword) or "").strip().upper()
            if re.fullmatch(r"[A-Z0-9 _/-]{1,16}", found):
                return found
        return ""

    return read


def _maker(keyword: str) -> Callable[[Header], str]:
    """A maker's or machine type's name: printable, short, no digits-only serials."""

    def read(header: Header) -> str:
        found = str(header.get(keyword) or "").strip()
        good = re.fullmatch(r"[A-Za-z][A-Za-z0-9 .,&+/_-]{0,39}", found)
        return found if good else ""

    return read


def _number(keyword: str) -> Callable[[Header], str]:
    def read(header: Header) -> str:
        found = _first(header.get(keyword))
        return "" if found is None else f"{found:g}"

    return read


def _age(header: Header) -> str:
    found = re.fullmatch(r"(\d{3})([YMWD])", str(header.get("PatientAge") or "").strip())
    if found is None:
        return ""
    years = int(found[1]) / {"Y": 1, "M": 12, "W": 52.18, "D": 365.25}[found[2]]
    return str(min(int(years), _OLDEST))


def _spacing(header: Header) -> str:
    for keyword in ("PixelSpacing", "ImagerPixelSpacing"):
        found = _first(header.get(keyword))
        if found is not None and _MM[0] <= found <= _MM[1]:
            return f"{found:g}"
    return ""


METADATA: dict[str, Callable[[Header], str]] = {
    "modality": _code("Modality"),
    "view_position": _code("ViewPosition"),
    "laterality": _code("ImageLaterality", "Laterality"),
    "sex": _code("PatientSex"),
    "age": _age,
    "body_part": _code("BodyPartExamined"),
    "manufacturer": _maker("Manufacturer"),
    "model": _maker("ManufacturerModelName"),
    "photometric": _code("PhotometricInterpretation"),
    "bits_stored": _number("BitsStored"),
    "kvp": _number("KVP"),
    "exposure": _number("Exposure"),
    "pixel_spacing": _spacing,
    "burned_in_annotation": _code("BurnedInAnnotation"),
}
"""What a card may name under ``metadata`` as ``dicom.NAME``; the allow-list."""
