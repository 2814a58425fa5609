"""What a masking is: which region, which side of it is kept, its shape, dilation and fill."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import asdict, astuple, dataclass
from functools import cached_property
from typing import Literal, get_args

from audit_suite.cards import canonical_digest
from audit_suite.errors import AuditError

Keep = Literal["all", "inside", "outside"]
Shape = Literal["contour", "box"]
Fill = Literal["black", "mean", "blur", "noise", "inpaint", "swap"]
Whose = Literal["own", "foreign", "population", "elsewhere", "window"]
First = Literal["nothing", "centre", "plant-inside", "plant-outside"]

_SIDES = {"inside": "only", "outside": "without"}
_WHOSE = "foreign|population|elsewhere|window"
_FILLS = "mean|blur|noise|inpaint|swap"
_FIRST = "centre|plant-inside|plant-outside"
_ID = re.compile(
    r"(?P<side>only|without)-(?P<region>[a-z0-9._+-]+?)"
    rf"(?P<box>-box)?(?:-(?P<whose>{_WHOSE}))?(?:-(?P<sign>[de])(?P<pixels>[0-9]+))?"
    rf"(?:-(?P<fill>{_FILLS}))?(?:-(?P<first>{_FIRST}))?"
)
_RESERVED = re.compile(
    rf"^roi$|(?:^|-)(?:box|[de][0-9]+|{_WHOSE}|{_FILLS}|centre|plant|inside|outside)$"
)
_UNMOVED = ("population", "window")
_NOTHING = ((), "contour", 0, "black", "own", "nothing")
_WORDS = {
    "foreign": "with another patient's",
    "population": "of the population",
    "elsewhere": "moved off itself",
    "window": "common window",
    "centre": "ROI centred",
    "plant-inside": "pattern planted inside",
    "plant-outside": "pattern planted outside",
}


@dataclass(frozen=True)
class Masking:
    """What the model is shown of an image.

    Attributes:
        keep: ``all`` of the image, only what is ``inside`` the region, or what is ``outside``.
        region: Names whose union is the region; empty means the target's declared ROI.
        shape: The region's ``contour``, or its bounding ``box`` (all rows and columns inclusive).
        dilation: Iterations of dilation with the 3x3 cross before masking; negative erodes.
        fill: What replaces hidden pixels: ``black`` (0), the data set's ``mean``, a ``blur`` of
            the visible pixels, ``noise`` like the ring around the hidden area, ``inpaint`` (a
            smooth continuation of the visible pixels), or ``swap``: another patient's image,
            the region in it painted over.
        whose: The image's ``own`` region; that and another patient's (``foreign``); what belongs
            to the region in 1 % of patients or more (``population``), the same for all images; an
            area of equal size off the region (``elsewhere``); or the ``window`` that every image
            still fills when its region is moved to the mean place.
        first: What is done to the image before: ``nothing``, its region moved to the mean place
            (``centre``), or a pattern planted inside or outside the region.
    """

    keep: Keep
    region: tuple[str, ...] = ()
    shape: Shape = "contour"
    dilation: int = 0
    fill: Fill = "black"
    whose: Whose = "own"
    first: First = "nothing"

    def __post_init__(self) -> None:
        for value, kind, name in (
            (self.keep, Keep, "keep"),
            (self.shape, Shape, "shape"),
            (self.fill, Fill, "fill"),
            (self.whose, Whose, "whose"),
            (self.first, First, "first"),
        ):
            if value not in get_args(kind):
                raise ValueError(f"{name}={value!r}: must be one of {get_args(kind)}")
        if self.keep == "all" and astuple(self)[1:] != _NOTHING:
            raise ValueError("keep='all' hides nothing: leave the other attributes alone")
        if self.first == "centre" and self.whose not in _UNMOVED:
            raise ValueError(
                f"first='centre' moves the image off the area whose={self.whose!r}: must be one of "
                f"{_UNMOVED}, which lie where they lie for all images"
            )
        for region in self.region:
            if not re.fullmatch(r"[a-z0-9][a-z0-9._-]*", region) or _RESERVED.search(region):
                raise ValueError(
                    f"region {region!r}: use lower-case letters, digits, '.', '_' and '-', and "
                    f"none of the endings of a masking's id (-box, -d5, -e5, -mean, -window ...)"
                )

    @property
    def id(self) -> str:
        """Stable ASCII slug, for example ``without-roi-box-d25-mean``; `parse` reads it."""
        if self.keep == "all":
            return "full"
        parts = [_SIDES[self.keep], "+".join(self.region) or "roi"]
        if self.shape == "box":
            parts.append("box")
        if self.whose != "own":
            parts.append(self.whose)
        if self.dilation:
            parts.append(f"{'d' if self.dilation > 0 else 'e'}{abs(self.dilation)}")
        if self.fill != "black":
            parts.append(self.fill)
        if self.first != "nothing":
            parts.append(self.first)
        return "-".join(parts)

    @property
    def label(self) -> str:
        """The masking in words, for example ``without ROI box (mean fill)``; empty for full."""
        if self.keep == "all":
            return ""
        words = [_SIDES[self.keep], " + ".join(self.region) or "ROI"]
        if self.shape == "box":
            words.append("box")
        if self.whose != "own":
            words.append(_WORDS[self.whose])
        more = []
        if self.dilation:
            more.append(f"{'dilated' if self.dilation > 0 else 'eroded'} {abs(self.dilation)} px")
        if self.fill != "black":
            more.append(f"{self.fill} fill")
        if self.first != "nothing":
            more.append(_WORDS[self.first])
        return " ".join(words) + (f" ({', '.join(more)})" if more else "")

    @property
    def draws_region(self) -> bool:
        """Whether it hides exactly the region's contour, in black: the plainest of maskings."""
        return self == Masking("outside", self.region)

    @cached_property
    def digest(self) -> str:
        """SHA-256 of the masking's attributes."""
        return canonical_digest(asdict(self))

    @staticmethod
    def parse(id: str) -> Masking:
        """The masking with this id.

        Raises:
            AuditError: If it is no masking's id.
        """
        if id == "full":
            return Full()
        found = _ID.fullmatch(id)
        if found is None:
            raise AuditError(
                f"'{id}' is no masking", "examples: full, without-roi-box-mean, only-roi-d25"
            )
        pixels = int(found["pixels"] or 0)
        try:
            return Masking(
                keep="inside" if found["side"] == "only" else "outside",
                region=() if found["region"] == "roi" else tuple(found["region"].split("+")),
                shape="box" if found["box"] else "contour",
                dilation=-pixels if found["sign"] == "e" else pixels,
                fill=found["fill"] or "black",  # type: ignore[arg-type]  # no other is matched
                whose=found["whose"] or "own",  # type: ignore[arg-type]
                first=found["first"] or "nothing",  # type: ignore[arg-type]
            )
        except ValueError as error:
            raise AuditError(f"'{id}' is no masking: {error}", "correct its parts") from None


def Full() -> Masking:  # noqa: N802 - reads like a masking's name
    """The whole image."""
    return Masking("all")


def WithoutROI(  # noqa: N802
    region: str | Sequence[str] = (),
    *,
    shape: Shape = "contour",
    dilation: int = 0,
    fill: Fill = "black",
    whose: Whose = "own",
    first: First = "nothing",
) -> Masking:
    """Everything but the region (the paper's NoROI, with ``shape="box"`` NoROIBB)."""
    return Masking("outside", _names(region), shape, dilation, fill, whose, first)


def OnlyROI(  # noqa: N802
    region: str | Sequence[str] = (),
    *,
    shape: Shape = "contour",
    dilation: int = 0,
    fill: Fill = "black",
    whose: Whose = "own",
    first: First = "nothing",
) -> Masking:
    """Nothing but the region (the paper's OnlyROI, with ``shape="box"`` OnlyROIBB)."""
    return Masking("inside", _names(region), shape, dilation, fill, whose, first)


def _names(region: str | Sequence[str]) -> tuple[str, ...]:
    return (region,) if isinstance(region, str) else tuple(region)


PAPER = (
    WithoutROI(shape="box"),
    WithoutROI(),
    Full(),
    OnlyROI(shape="box"),
    OnlyROI(),
)
"""The five maskings of Sourget et al. 2024, in the order of their figures."""
