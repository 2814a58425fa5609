"""What a masking is: which region, which side of it is kept, its shape, dilation and fill."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from typing import Literal, get_args

from audit_suite.cards import canonical_digest
from audit_suite.errors import AuditError

Keep = Literal["all", "inside", "outside"]
Shape = Literal["contour", "box"]
Fill = Literal["black", "mean", "blur", "noise"]

_SIDES = {"inside": "only", "outside": "without"}
_ID = re.compile(
    r"(?P<side>only|without)-(?P<region>[a-z0-9._+-]+?)"
    r"(?P<box>-box)?(?:-(?P<sign>[de])(?P<pixels>[0-9]+))?(?:-(?P<fill>mean|blur|noise))?"
)
_RESERVED = re.compile(r"^roi$|(?:^|-)(?:box|[de][0-9]+|mean|blur|noise)$")


@dataclass(frozen=True)
class Masking:
    """What the model is shown of an image.

    Attributes:
        keep: ``all`` of the image, only what is ``inside`` the region, or what is ``outside``.
        region: Names whose union is the region; empty means the target's declared ROI.
        shape: The region's ``contour``, or its bounding ``box`` (all rows and columns inclusive).
        dilation: Iterations of dilation with the 3x3 cross before masking; negative erodes.
        fill: What replaces hidden pixels: ``black`` (0), the data set's ``mean``, a ``blur`` of
            the visible pixels, or ``noise`` like the ring around the hidden area.
    """

    keep: Keep
    region: tuple[str, ...] = ()
    shape: Shape = "contour"
    dilation: int = 0
    fill: Fill = "black"

    def __post_init__(self) -> None:
        for value, kind, name in (
            (self.keep, Keep, "keep"),
            (self.shape, Shape, "shape"),
            (self.fill, Fill, "fill"),
        ):
            if value not in get_args(kind):
                raise ValueError(f"{name}={value!r}: must be one of {get_args(kind)}")
        for region in self.region:
            if not re.fullmatch(r"[a-z0-9][a-z0-9._-]*", region) or _RESERVED.search(region):
                raise ValueError(
                    f"region {region!r}: use lower-case letters, digits, '.', '_' and '-', and "
                    f"none of the endings of a masking's id (-box, -d5, -e5, -mean, -blur, -noise)"
                )

    @property
    def id(self) -> str:
        """Stable ASCII slug, for example ``without-roi-box-d25-mean``; `parse` reads it."""
        if self.keep == "all":
            return "full"
        parts = [_SIDES[self.keep], "+".join(self.region) or "roi"]
        if self.shape == "box":
            parts.append("box")
        if self.dilation:
            parts.append(f"{'d' if self.dilation > 0 else 'e'}{abs(self.dilation)}")
        if self.fill != "black":
            parts.append(self.fill)
        return "-".join(parts)

    @property
    def label(self) -> str:
        """The masking in words, for example ``without ROI box (mean fill)``; empty for full."""
        if self.keep == "all":
            return ""
        words = [_SIDES[self.keep], " + ".join(self.region) or "ROI"]
        if self.shape == "box":
            words.append("box")
        more = []
        if self.dilation:
            more.append(f"{'dilated' if self.dilation > 0 else 'eroded'} {abs(self.dilation)} px")
        if self.fill != "black":
            more.append(f"{self.fill} fill")
        return " ".join(words) + (f" ({', '.join(more)})" if more else "")

    @property
    def draws_region(self) -> bool:
        """Whether it hides exactly the region's contour, in black: the plainest of maskings."""
        return (self.keep, self.shape, self.dilation, self.fill) == (
            "outside",
            "contour",
            0,
            "black",
        )

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
        return Masking(
            keep="inside" if found["side"] == "only" else "outside",
            region=() if found["region"] == "roi" else tuple(found["region"].split("+")),
            shape="box" if found["box"] else "contour",
            dilation=-pixels if found["sign"] == "e" else pixels,
            fill=found["fill"] or "black",  # type: ignore[arg-type]  # the pattern allows no other
        )


def Full() -> Masking:  # noqa: N802 - reads like a masking's name
    """The whole image."""
    return Masking("all")


def WithoutROI(  # noqa: N802
    region: str | Sequence[str] = (),
    *,
    shape: Shape = "contour",
    dilation: int = 0,
    fill: Fill = "black",
) -> Masking:
    """Everything but the region (the paper's NoROI, with ``shape="box"`` NoROIBB)."""
    return Masking("outside", _names(region), shape, dilation, fill)


def OnlyROI(  # noqa: N802
    region: str | Sequence[str] = (),
    *,
    shape: Shape = "contour",
    dilation: int = 0,
    fill: Fill = "black",
) -> Masking:
    """Nothing but the region (the paper's OnlyROI, with ``shape="box"`` OnlyROIBB)."""
    return Masking("inside", _names(region), shape, dilation, fill)


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
