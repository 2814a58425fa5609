"""Dilation: the model's skill when the region is dilated before it is hidden or kept (R10).

After Sourget et al. 2024, figure 4. Factors are pixels of a frame of 512. One distance
transform of the region serves them all.
"""

from audit_suite import (
    FACTORS,
    Margin,
    NotApplicable,
    OnlyROI,
    WithoutROI,
    auroc,
    check,
    dilated,
    observe,
    require_skill,
)

PROPOSED = "proposed default of audit-suite; pre-register your own in a card"
ALMOST_ALL = 0.05  # of the image: what may be visible where 95 % of it is hidden


@check(
    "R10",
    risk="outside",
    section="curves",
    full=auroc(),
    without=tuple(dilated(WithoutROI(), factor) for factor in FACTORS),
    only=tuple(dilated(OnlyROI(), factor) for factor in FACTORS),
    margin=Margin(0.05, source=PROPOSED),
)
def test_skill_falls_as_the_hidden_region_grows(full, without, only, margin):
    """Does the model lose its skill when the dilated region hides 95 % of the image?

    If it fails: Even with the region grown until 95 % of the image is hidden, the model keeps its
    skill.
    What to do: Look at what is still visible then: corners and rim of the frame, and the outline of
    the hole (C1, P3).
    """
    observe(*without, *only)
    require_skill(full)
    nearly = [estimate for estimate in without if 0 < estimate.at["visible"] <= ALMOST_ALL]
    if not nearly:
        raise NotApplicable(
            "no dilation factor of the paper hides 95 % of this data set's images and leaves some "
            "of them visible"
        )
    assert full - nearly[0] > margin
