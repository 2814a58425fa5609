"""Metadata and image properties: what they tell, and what the model adds (M1 to M4).

After Sourget et al. 2024, table 3: a logistic regression on the metadata that the data set's card
declares, cross-validated by patient and paired with the image model by image. And, one by one, each
tag and each property of the image files (size, brightness, border, marks ...).
"""

from audit_suite import (
    Margin,
    agreement,
    auroc,
    baseline,
    check,
    each_property,
    following,
    observe,
    report_only,
)

NOTHING = "an image model should outdo its metadata (Sourget et al. 2024)"


@check("M1", full=auroc(), metadata=baseline(), margin=Margin(0.0, source=NOTHING))
def test_the_image_beats_the_metadata(full, metadata, margin):
    """Is the image model better than a regression on the declared metadata?"""
    assert full - metadata > margin


@check(
    "M2", both=baseline(with_score=True), metadata=baseline(), margin=Margin(0.0, source=NOTHING)
)
def test_the_score_adds_to_the_metadata(both, metadata, margin):
    """Does the model's score add anything to the declared metadata?"""
    assert both - metadata > margin


@check("M4", sick=agreement("positive"), well=agreement("negative"))
def test_agreement_with_the_metadata(sick, well):
    """Within one class, does the model rank images as their metadata would?"""
    report_only(sick, well, because="a correlation is no verdict; near 1 the model reads metadata")


@check("M3", section="associations", told=[each_property()])
def test_what_tells_the_label_besides(told, audit):
    """Does a tag or a property of the image file tell the label, and does the score follow it?"""
    observe(told)
    name = told.at["property"]
    report_only(
        *(audit(following(name, among)) for among in ("positive", "negative")),
        because="an association of the data is no fault of the model; ranked over all of them",
    )
