"""Names that regions may have: they become parts of maskings' ids (``without-lungs-d25``)."""

from __future__ import annotations

import re
from functools import cache
from typing import Annotated

from pydantic import AfterValidator

from audit_suite.cards.common import Name
from audit_suite.registry import FILLS

WHOSE = ("foreign", "population", "elsewhere", "window")
ID_WORDS = ("box", *WHOSE, "centre", "plant", "inside", "outside")
"""Words of an id that must not be the name of a fill or the last part of a region's name."""


def fault_of_region(name: str) -> str:
    """Why a region cannot have a name; empty if it can."""
    fills = tuple(fill for fill in FILLS if fill != "black")  # an id without a fill means black
    if re.fullmatch(r"[a-z0-9][a-z0-9._-]*", name) and not _reserved(fills).search(name):
        return ""
    return (
        f"region {name!r}: use lower-case letters, digits, '.', '_' and '-'; do not start with "
        f"'roi', or end like a masking's id (-box, -d5, -e5, -mean, -window ...)"
    )


@cache
def _reserved(fills: tuple[str, ...]) -> re.Pattern[str]:
    """Names of regions that could be mistaken for other parts of an id."""
    return re.compile(rf"^roi(?:-|$)|(?:^|-)(?:[de][0-9]+|{'|'.join((*ID_WORDS, *fills))})$")


def _possible(name: str) -> str:
    if fault := fault_of_region(name):
        raise ValueError(fault)
    return name


RegionName = Annotated[Name, AfterValidator(_possible)]
