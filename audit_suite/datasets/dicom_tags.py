"""The DICOM tags that describe how an image was taken, read so that nothing identifies."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pydicom import Dataset as Header

MONOCHROME = ("MONOCHROME1", "MONOCHROME2")
COLOUR = ("RGB", "YBR_FULL", "YBR_FULL_422", "YBR_ICT", "YBR_RCT")  # pydicom gives all as RGB
PHOTOMETRIC = (*MONOCHROME, *COLOUR, "PALETTE COLOR", "YBR_PARTIAL_420", "XYB")
_MM = 0.01, 10.0  # plausible pixel spacing of a radiograph, mm
_OLDEST = 90  # years; ages above are pooled, because they identify
_NONSENSE = 130  # years
_SERIAL = re.compile(  # a number or date that may identify: six digits, a year, 1-2-50
    r"\d{6}|(?<!\d)(19|20)\d\d(?!\d)|\d[-./]\d+[-./]\d"
)


def value_of(header: Header, keyword: str) -> Any:
    """A tag's value; None where it is missing or cannot be parsed (pydicom parses only now)."""
    try:
        return header.get(keyword)
    except Exception:
        return None


def first_of(value: Any) -> float | None:
    """The first number of a tag that may hold several, none, or something else."""
    try:
        number = float(value[0] if hasattr(value, "append") else value)
    except (TypeError, ValueError, IndexError):
        return None
    return number if math.isfinite(number) else None


def text_of(header: Header, keyword: str) -> str:
    """A tag's value as text; empty where it is missing."""
    return str(value_of(header, keyword) or "").strip()


def term(keyword: str, *terms: str) -> Callable[[Header], str]:
    """One of the standard's terms."""

    def read(header: Header) -> str:
        text = text_of(header, keyword).upper()
        return text if text in terms else ""

    return read


def _code(keyword: str) -> Callable[[Header], str]:
    """A code for which manufacturers have their own terms: capitals, at most two digits."""

    def read(header: Header) -> str:
        text = text_of(header, keyword).upper()
        good = re.fullmatch(r"[A-Z][A-Z0-9 _/-]{0,15}", text)
        return text if good and sum(map(str.isdigit, text)) <= 2 else ""

    return read


def _manufacturer(keyword: str, digits: str) -> Callable[[Header], str]:
    """A manufacturer, or with digits a model: short, and not like a date or a serial number."""

    def read(header: Header) -> str:
        text = text_of(header, keyword)
        good = re.fullmatch(rf"[A-Za-z][A-Za-z{digits} .,&+/_-]{{0,39}}", text)
        return text if good and not _SERIAL.search(text) else ""

    return read


def _number(keyword: str, most: float) -> Callable[[Header], str]:
    def read(header: Header) -> str:
        number = first_of(value_of(header, keyword))
        return f"{number:g}" if number is not None and 0 <= number <= most else ""

    return read


def _laterality(header: Header) -> str:
    sides = (term(key, "L", "R", "B", "U")(header) for key in ("ImageLaterality", "Laterality"))
    return next(filter(None, sides), "")


def _age(header: Header) -> str:
    """Age in whole years; a number without a unit is in years, as in the images of RSNA 2018."""
    age = re.fullmatch(r"([0-9]{1,3})([YMWD]?)", text_of(header, "PatientAge"))
    if age is None:
        return ""
    years = int(age[1]) / {"Y": 1, "": 1, "M": 12, "W": 52.18, "D": 365.25}[age[2]]
    return str(min(int(years), _OLDEST)) if years <= _NONSENSE else ""


def _spacing(header: Header) -> str:
    for keyword in ("PixelSpacing", "ImagerPixelSpacing"):
        spacing = first_of(value_of(header, keyword))
        if spacing is not None and _MM[0] <= spacing <= _MM[1]:
            return f"{spacing:g}"
    return ""


METADATA: dict[str, Callable[[Header], str]] = {
    "modality": _code("Modality"),
    "view_position": _code("ViewPosition"),
    "laterality": _laterality,
    "sex": term("PatientSex", "F", "M", "O"),
    "age": _age,
    "body_part": _code("BodyPartExamined"),
    "manufacturer": _manufacturer("Manufacturer", digits=""),
    "model": _manufacturer("ManufacturerModelName", digits="0-9"),
    "photometric": term("PhotometricInterpretation", *PHOTOMETRIC),
    "bits_stored": _number("BitsStored", most=64),
    "kvp": _number("KVP", most=1000),
    "exposure": _number("Exposure", most=10_000),
    "pixel_spacing": _spacing,
    "burned_in_annotation": term("BurnedInAnnotation", "YES", "NO"),
}
"""The allow-list: tags that a card may name under ``metadata`` as ``dicom.NAME``."""
