"""Metadata and image properties: what they predict, and what the model takes of it (M1 to M7).

After Sourget et al. 2024, table 3: a logistic regression on the metadata that the data set's card
declares, cross-validated by patient and compared with the image model on the same images. In
addition each tag and each property of the image files (size, brightness, border, marks ...) alone.
"""

from contextlib import suppress

from audit_suite import (
    Margin,
    NotApplicable,
    OnlyROI,
    agreement,
    auroc,
    baseline,
    check,
    each_property,
    each_share,
    following,
    observe,
    report_only,
    require_skill,
    share_of_separation,
)

QUARTER = Margin(0.25, source="a quarter of the skill, as for R8-box")
SOURCE = "an image model should outperform its metadata (Sourget et al. 2024)"


@check("M1", risk="making", full=auroc(), metadata=baseline(), margin=Margin(0.0, source=SOURCE))
def test_the_image_model_outperforms_the_metadata(full, metadata, margin):
    """Does the image model outperform a regression on the declared metadata?

    If it fails: A regression on the declared metadata, such as age, sex or view, does better than
    the model.
    What to do: Audit on patients among whom these do not differ, or balance them; ask what the
    model is for.
    """
    assert full - metadata > margin


@check(
    "M2",
    risk="making",
    both=baseline(with_score=True),
    metadata=baseline(),
    margin=Margin(0.0, source=SOURCE),
)
def test_the_score_adds_to_the_metadata(both, metadata, margin):
    """Does the model's score add information to the declared metadata?

    If it fails: With the model's score the regression on the metadata does no better than without.
    What to do: Audit on patients among whom the metadata do not differ, as for M1.
    """
    assert both - metadata > margin


@check("M4", risk="making", positives=agreement("positive"), negatives=agreement("negative"))
def test_agreement_with_the_metadata(positives, negatives):
    """Within each class, does the model rank images as a regression on their metadata would?

    How to read it: A correlation near 1 means that the model ranks patients as their metadata
    would; it is a hint, and M1 and M2 judge.
    """
    report_only(
        positives,
        negatives,
        because="a correlation has no agreed limit; near 1 the model reads what the metadata say",
    )


@check("M3", risk="making", section="associations", predictor=[each_property()])
def test_what_else_predicts_the_label(predictor, audit):
    """Does a tag or image property predict the label, and does the score follow it?

    How to read it: A tag or property that predicts the label is a cue which a model could use; one
    that the score follows within each class is the first to look at.
    """
    observe(predictor)
    name = predictor.at["property"]
    report_only(
        *(audit(following(name, among)) for among in ("positive", "negative")),
        because="an association in the data is not a fault of the model",
    )


@check(
    "M6",
    risk="making",
    section="associations",
    full=auroc(),
    share=[each_share("tag")],
    margin=QUARTER,
)
def test_no_tag_explains_a_quarter(full, share, margin):
    """Does each declared tag explain less than a quarter of what separates the classes?

    If it fails: A tag differs between patients with and without the finding, and among patients of
    one class the score follows it: more than a quarter of the skill may come from it.
    What to do: Audit on patients among whom the tag does not differ, or balance them and train
    again. A tag that reports the disease itself, such as its severity, belongs under `legitimate`
    in the data set's card, with the reason.
    """
    require_skill(full)
    if "only_shown" in share.at:
        report_only(share, because=share.at["only_shown"])
    assert share < margin


@check(
    "M7",
    risk="making",
    section="associations",
    full=auroc(),
    share=[each_share("image")],
    margin=QUARTER,
)
def test_no_image_property_explains_a_quarter(full, share, margin, audit):
    """Does each property of the image explain less than a quarter of what separates the classes?

    Properties are measured outside the region's box, where no finding shows. The acquisition is
    what a classifier makes of all that shows there once its order is gone; the position is where
    the region lies in the frame.

    If it fails: How the pictures were made differs between patients with and without the finding,
    and the score follows it: more than a quarter of the skill may come from it.
    What to do: Compare devices, exposure and processing of patients with and without the finding;
    balance them and train again.
    """
    require_skill(full)
    if "only_shown" in share.at:
        report_only(share, because=share.at["only_shown"])
    with suppress(NotApplicable):  # no region, or one too large: then nothing can be shown alone
        observe(audit(share_of_separation(share.at["cue"], OnlyROI(shape="box"))))
    assert share < margin
