"""What a masking is: which region, which side of it is kept, its shape, dilation and fill."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import asdict, astuple, dataclass, replace
from functools import cache, cached_property
from typing import Literal, get_args

from audit_suite.cards import canonical_digest
from audit_suite.cards.names import WHOSE, fault_of_region
from audit_suite.errors import AuditError
from audit_suite.registry import FILLS

Keep = Literal["all", "inside", "outside"]
Shape = Literal["contour", "box"]
Whose = Literal["own", "foreign", "population", "elsewhere", "window"]
First = Literal[
    "nothing", "centre", "plant-inside", "plant-outside", "shuffled-pixels", "shuffled-patches"
]

Names = tuple[str, ...]
"""Names of regions whose union is masked."""
Area = tuple[Names, Whose]
"""What may be hidden of an image: a region, and whose."""
UNMOVED = ("population", "window")
"""Whose areas are the same for all images, and stay where they are when an image is moved."""

_SIDES = {"inside": "only", "outside": "without"}
_FIRST = "centre|plant-inside|plant-outside"
_NOTHING = ((), "contour", 0, "black", "own")
_WHOLE = ("nothing", "shuffled-pixels", "shuffled-patches")  # what happens to a whole image
_WORDS = {
    "foreign": "with another patient's",
    "population": "of the population",
    "elsewhere": "moved off itself",
    "window": "common window",
    "centre": "ROI centred",
    "plant-inside": "pattern planted inside",
    "plant-outside": "pattern planted outside",
    "shuffled-pixels": "pixels shuffled",
    "shuffled-patches": "patches shuffled",
}


@dataclass(frozen=True)
class Masking:
    """What the model is shown of an image.

    Attributes:
        keep: ``all`` of the image, only the ``inside`` of the region, or only its ``outside``.
        region: Names whose union is the region; empty means the target's declared ROI.
        shape: The region's ``contour``, or its bounding ``box`` (all rows and columns inclusive).
        dilation: Iterations of dilation with the 3x3 cross before masking; negative erodes.
        fill: Name of the fill that replaces hidden pixels (``maskings/fills``): ``black``, the data
            set's ``mean``, a ``blur`` of the visible pixels, ``noise`` like the ring around the
            hidden area, ``inpaint`` (a smooth continuation of the visible pixels), ``swap``
            (another patient's image with its region inpainted), or an extension's.
        whose: The image's ``own`` region; its own and another patient's (``foreign``); the pixels
            that are region in at least 1 % of patients (``population``), the same for all images;
            an area of equal size off the region (``elsewhere``); or the ``window`` that images
            still fill when their region is moved to the mean centroid.
        first: What happens to the image before: ``nothing``, its region is moved to the mean
            centroid (``centre``), or a pattern is planted inside or outside the region. Of a whole
            image the pixels or the patches may be shuffled, so that no anatomy is left.
    """

    keep: Keep
    region: Names = ()
    shape: Shape = "contour"
    dilation: int = 0
    fill: str = "black"
    whose: Whose = "own"
    first: First = "nothing"

    def __post_init__(self) -> None:
        for value, known, name in (
            (self.keep, get_args(Keep), "keep"),
            (self.shape, get_args(Shape), "shape"),
            (self.fill, FILLS, "fill"),
            (self.whose, get_args(Whose), "whose"),
            (self.first, get_args(First), "first"),
        ):
            if value not in known:
                raise ValueError(f"{name}={value!r}: must be one of {tuple(known)}")
        if not self.hides and astuple(self)[1:-1] != _NOTHING:
            raise ValueError("keep='all' hides nothing: leave the other attributes unset")
        if not self.hides and self.first not in _WHOLE:
            raise ValueError(
                f"first={self.first!r}: must be one of {_WHOLE} where keep='all' hides nothing"
            )
        if self.hides and self.shuffles:
            raise ValueError(f"first={self.first!r} shuffles the whole image: needs keep='all'")
        if self.first == "centre" and self.whose not in UNMOVED:
            raise ValueError(
                f"first='centre' moves the image off the area whose={self.whose!r}: must be one of "
                f"{UNMOVED}, which are the same for all images"
            )
        for region in self.region:
            if fault := fault_of_region(region):
                raise ValueError(fault)

    @property
    def is_full(self) -> bool:
        """Whether the whole image is shown as it is."""
        return not self.hides and self.first == "nothing"

    @property
    def hides(self) -> bool:
        """Whether it hides a part of the image, and so needs a region."""
        return self.keep != "all"

    @property
    def shuffles(self) -> bool:
        """Whether it shuffles the image's pixels or patches."""
        return self.first.startswith("shuffled")

    @property
    def rank(self) -> tuple[bool, str]:
        """Sort key: the full image first, then by id."""
        return not self.is_full, self.id

    @property
    def area(self) -> Area:
        """The area that is hidden or kept, before dilation."""
        return self.region, self.whose

    @property
    def own_area(self) -> Area:
        """The image's own region."""
        return self.region, "own"

    @property
    def names_region(self) -> bool:
        """Whether it names its region itself instead of taking the target's ROI."""
        return bool(self.region)

    @property
    def needs_survey(self) -> bool:
        """Whether what is shown depends on more than the image and its own region."""
        return self.fill != "black" or self.area != self.own_area or self.needs_typical

    @property
    def needs_typical(self) -> bool:
        """Whether it depends on where the region lies in the whole data set."""
        return self.whose in UNMOVED or self.first == "centre"

    @property
    def needs_donor(self) -> bool:
        """Whether another patient's image fills the hidden pixels."""
        return bool(FILLS[self.fill].needs_donor)

    @property
    def stays_in_place(self) -> bool:
        """Whether it masks the image's own region in an otherwise unchanged image."""
        return self.area == self.own_area and self.first == "nothing"

    @property
    def stands_alone(self) -> bool:
        """Whether it needs only the image and its own region, at any resolution."""
        fill = FILLS[self.fill]
        return self.stays_in_place and not fill.needs_donor and not fill.needs_mean

    @property
    def covers_partly(self) -> bool:
        """Whether the hidden area may leave a part of the image's own region visible."""
        return self.whose in ("foreign", "population", "elsewhere")

    def of(self, region: Sequence[str]) -> Masking:
        """The same masking for another region; a whole image has none."""
        return self if not self.hides else replace(self, region=tuple(region))

    def dilated(self, pixels: int) -> Masking:
        """The same masking with the region dilated by ``pixels`` instead of its own dilation."""
        return replace(self, dilation=pixels)

    def scaled(self, factor: float) -> Masking:
        """The same masking at a resolution with ``factor`` times as many pixels per side."""
        return replace(self, dilation=round(self.dilation * factor))

    def of_own_region(self) -> Masking:
        """The same masking for the image's own region."""
        return replace(self, whose="own")

    @property
    def id(self) -> str:
        """Stable ASCII slug, for example ``without-roi-box-d25-mean``; `parse` reads it."""
        if not self.hides:
            return "full" if self.is_full else self.first
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
        if not self.hides:
            return "" if self.is_full else f"with {_WORDS[self.first]}"
        words = [_SIDES[self.keep], " + ".join(self.region) or "ROI"]
        if self.shape == "box":
            words.append("box")
        if self.whose != "own":
            words.append(_WORDS[self.whose])
        more = []
        if self.dilation:
            more.append(f"{'dilated' if self.dilation > 0 else 'eroded'} {abs(self.dilation)} px")
        if self.fill != "black":
            more.append(str(FILLS[self.fill].words))
        if self.first != "nothing":
            more.append(_WORDS[self.first])
        return " ".join(words) + (f" ({', '.join(more)})" if more else "")

    @property
    def draws_region(self) -> bool:
        """Whether it hides exactly the region's contour, in black."""
        return self == Masking("outside", self.region)

    @cached_property
    def digest(self) -> str:
        """SHA-256 of the masking's attributes."""
        return canonical_digest(asdict(self))

    @staticmethod
    def parse(id: str) -> Masking:
        """The masking with this id.

        Raises:
            AuditError: If the id is not that of a masking.
        """
        if id in ("full", *_WHOLE[1:]):
            return Masking("all", first="nothing" if id == "full" else id)  # type: ignore[arg-type]
        part = _pattern(_named_fills()).fullmatch(id)
        if part is None:
            raise AuditError(
                f"'{id}' is not a masking",
                f"examples: full, without-roi-box-mean, only-roi-d25; fills: {', '.join(FILLS)}",
            )
        pixels = int(part["pixels"] or 0)
        try:
            return Masking(
                keep="inside" if part["side"] == "only" else "outside",
                region=() if part["region"] == "roi" else tuple(part["region"].split("+")),
                shape="box" if part["box"] else "contour",
                dilation=-pixels if part["sign"] == "e" else pixels,
                fill=part["fill"] or "black",
                whose=part["whose"] or "own",  # type: ignore[arg-type]  # no other is matched
                first=part["first"] or "nothing",  # type: ignore[arg-type]
            )
        except ValueError as error:
            raise AuditError(f"'{id}' is not a masking: {error}", "correct its parts") from None


def _named_fills() -> tuple[str, ...]:
    """Fills that an id names; an id without a fill means black."""
    return tuple(name for name in FILLS if name != "black")


@cache
def _pattern(fills: tuple[str, ...]) -> re.Pattern[str]:
    """Ids of maskings that hide something."""
    return re.compile(
        r"(?P<side>only|without)-(?P<region>roi|(?!roi-)[a-z0-9._+-]+?)"
        rf"(?P<box>-box)?(?:-(?P<whose>{'|'.join(WHOSE)}))?(?:-(?P<sign>[de])(?P<pixels>[0-9]+))?"
        rf"(?:-(?P<fill>{'|'.join(fills)}))?(?:-(?P<first>{_FIRST}))?"
    )


def Full() -> Masking:  # noqa: N802 - reads like a masking's name
    """The whole image."""
    return Masking("all")


def Shuffled(parts: Literal["pixels", "patches"]) -> Masking:  # noqa: N802
    """The whole image with its pixels, or square patches of it, in random order."""
    return Masking("all", first="shuffled-pixels" if parts == "pixels" else "shuffled-patches")


def WithoutROI(  # noqa: N802
    region: str | Sequence[str] = (),
    *,
    shape: Shape = "contour",
    dilation: int = 0,
    fill: str = "black",
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
    fill: str = "black",
    whose: Whose = "own",
    first: First = "nothing",
) -> Masking:
    """Nothing but the region (the paper's OnlyROI, with ``shape="box"`` OnlyROIBB)."""
    return Masking("inside", _names(region), shape, dilation, fill, whose, first)


def _names(region: str | Sequence[str]) -> Names:
    return (region,) if isinstance(region, str) else tuple(region)


PAPER = (
    WithoutROI(shape="box"),
    WithoutROI(),
    Full(),
    OnlyROI(shape="box"),
    OnlyROI(),
)
"""The five maskings of Sourget et al. 2024, in the order of their figures."""
