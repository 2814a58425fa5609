"""The masks themselves: do they tell the label without any image? (C1, C13).

Where they do, an AUROC without the region may come from the hole's shape: no cause is drawn from
such masks. The checks ask about the data set; the model's scores are not looked at.
"""

from audit_suite import Margin, check, outline_auroc, outline_property

PROPOSED = "proposed default of audit-suite; pre-register your own in a card"


@check(
    "C1",
    told=[outline_auroc("geometry"), outline_auroc("pixels"), outline_auroc("position")],
    margin=Margin(0.05, source=PROPOSED),
)
def test_the_mask_alone_tells_nothing(told, margin):
    """Does a classifier that sees the region's outline and no image stay at chance?"""
    assert told.distance_to(0.5) < margin


@check(
    "C13",
    told=[outline_property("area"), outline_property("quality")],
    margin=Margin(0.05, source=PROPOSED),
)
def test_the_masks_quality_tells_nothing(told, margin):
    """Are the masks of sick and healthy patients alike in area and in quality?"""
    assert told.distance_to(0.5) < margin
