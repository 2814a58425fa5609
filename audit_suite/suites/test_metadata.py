"""Metadata and image properties: what they predict, and what the model adds (M1 to M4).

After Sourget et al. 2024, table 3: a logistic regression on the metadata that the data set's card
declares, cross-validated by patient and compared with the image model on the same images. In
addition each tag and each property of the image files (size, brightness, border, marks ...) alone.
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

SOURCE = "an image model should outperform its metadata (Sourget et al. 2024)"


@check("M1", full=auroc(), metadata=baseline(), margin=Margin(0.0, source=SOURCE))
def test_the_image_model_outperforms_the_metadata(full, metadata, margin):
    """Does the image model outperform a regression on the declared metadata?

    If it fails: A regression on the declared metadata, such as age, sex or view, does better than
    the model.
    What to do: Audit on patients among whom these do not differ, or balance them; ask what the
    model is for.
    """
    assert full - metadata > margin


@check("M2", both=baseline(with_score=True), metadata=baseline(), margin=Margin(0.0, source=SOURCE))
def test_the_score_adds_to_the_metadata(both, metadata, margin):
    """Does the model's score add information to the declared metadata?

    If it fails: With the model's score the regression on the metadata does no better than without.
    What to do: Audit on patients among whom the metadata do not differ, as for M1.
    """
    assert both - metadata > margin


@check("M4", positives=agreement("positive"), negatives=agreement("negative"))
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


@check("M3", section="associations", predictor=[each_property()])
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
