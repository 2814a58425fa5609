"""Dilation: what is told when the region is grown before it is hidden or kept (R10, C2, C12).

After Sourget et al. 2024, figures 4 and 5. Factors are pixels of a frame of 512; one distance
transform of the region serves them all.
"""

from audit_suite import (
    FACTORS,
    Margin,
    NotApplicable,
    OnlyROI,
    WithoutROI,
    at_margin,
    auroc,
    check,
    dilated,
    observe,
    report_only,
    selective,
)

FILLS = ("black", "mean", "blur")
PROPOSED = "proposed default of audit-suite; pre-register your own in a card"
ALMOST_ALL = 0.05  # of the image: what may be visible where 95 % of it is hidden
CLASS_FACTORS = (5, 10, 25, 50, 100)


@check(
    "R10",
    full=auroc(),
    without=tuple(dilated(WithoutROI(), factor) for factor in FACTORS),
    only=tuple(dilated(OnlyROI(), factor) for factor in FACTORS),
    margin=Margin(0.05, source=PROPOSED),
)
def test_skill_falls_as_the_region_is_grown_and_hidden(full, without, only, margin):
    """With 95 % of the image hidden, the region in their midst, does the model lose its skill?"""
    observe(*without, *only)
    low, _ = full.interval(0.90)
    if low <= 0.60:
        raise NotApplicable(
            f"skill on full images is not shown to exceed AUROC 0.60 (lower bound {low:.3f}): "
            f"there is too little to lose"
        )
    nearly = [estimate for estimate in without if 0 < estimate.at["visible"] <= ALMOST_ALL]
    if not nearly:
        raise NotApplicable(
            "no factor of the paper hides 95 % of this data set's images without hiding them all"
        )
    assert full - nearly[0] > margin


@check(
    "C12",
    hidden=tuple(at_margin(WithoutROI(fill=fill)) for fill in FILLS),
    margin=Margin(0.05, source=PROPOSED),
)
def test_chance_without_the_region_and_its_margin(hidden, margin):
    """With the region and the margin its card declares hidden, does the model fall to chance?"""
    assert hidden.distance_to(0.5) < margin


@check(
    "C2",
    changes=tuple(
        selective(OnlyROI(), factor, grown)
        for grown in ("positive", "negative")
        for factor in CLASS_FACTORS
    ),
)
def test_masks_grown_in_one_class(changes):
    """How does the AUROC change when the masks of one class alone are grown?"""
    report_only(
        *changes,
        because="a model also answers to the rim that a grown mask shows for the first time: on "
        "phantoms whose masks tell nothing an honest model lost .16 at the smallest step. Whether "
        "the masks tell the label is asked of the masks themselves (C1)",
    )
