"""Maskings that are not applicable because the region is too large or its place varies too much."""

from __future__ import annotations

from audit_suite.maskings.masking import Masking
from audit_suite.verdict import NotApplicable

LARGEST_ROI = 0.9  # share of the frame beyond which hiding the ROI hides the image (C4)
LARGEST_ELSEWHERE = 0.45  # share of the frame beyond which no area of equal size is left (C5)


def sized_by(masking: Masking) -> Masking:
    """The masking whose hidden share measures the size of the region.

    For an area off the region it is the masking of the region itself, because that area is never
    larger than the space left.
    """
    return masking.of_own_region() if masking.whose == "elsewhere" else masking


def refuse_large(masking: Masking, hidden: float, largest: float = LARGEST_ROI) -> None:
    """Refuse a masking that has no meaning because of the size of the region.

    Args:
        masking: What was shown.
        hidden: Share of the frame that `sized_by` hides, median over the images, 0 to 1.
        largest: Share of the frame beyond which hiding or keeping the region is not informative.

    Raises:
        NotApplicable: If the region is too large; the message holds the share and the limit.
    """
    if not masking.hides:
        return
    share = hidden if masking.keep == "outside" else 1 - hidden
    if masking.whose == "window":
        if hidden > LARGEST_ROI:
            raise NotApplicable(
                f"regions lie so far apart that moving them to one place leaves {1 - hidden:.0%} "
                f"of the frame in common"
            )
    elif masking.whose == "elsewhere" and share > LARGEST_ELSEWHERE:
        raise NotApplicable(
            f"the region fills a median {share:.0%} of the image (limit "
            f"{LARGEST_ELSEWHERE:.0%}): there is no room for an area of its size outside it"
        )
    elif share > largest:
        raise NotApplicable(
            f"the masked region fills a median {share:.0%} of the image (limit "
            f"{largest:.0%}): hiding or keeping it is not informative"
        )
