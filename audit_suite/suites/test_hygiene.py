"""Hygiene of the test set: does a picture count twice, or was the model trained on it? (C17).

Equal files are found when data are read. This looks at pictures that only look the same: stored
again, resized, windowed. It decodes every image once more, and those of the training data, so it
runs only where it is named. No model is asked.
"""

from audit_suite import Margin, check, near_duplicate_share

ON_REQUEST = True
FEW = Margin(0.01, source="one image in a hundred; proposed default of audit-suite")


@check("C17", risk="data", section="duplicates", share=near_duplicate_share("patients"), margin=FEW)
def test_no_picture_is_two_patients(share, margin):
    """Does hardly any picture look the same as one of another patient?

    If it fails: Patients share pictures, so there are fewer than it seems: one person under two
    ids, or copies.
    What to do: Take the copies out, or give their patients one id. Look at the pairs in the report
    first; `near_duplicates = "exclude"` in the data set's card lets each picture count once.
    """
    assert share <= margin


@check(
    "C17-training",
    risk="data",
    section="duplicates",
    share=near_duplicate_share("training"),
    margin=FEW,
)
def test_no_picture_was_trained_on(share, margin):
    """Does hardly any picture look the same as one of the training data?

    If it fails: The model has seen pictures of this test set, so its skill on new patients is lower
    than this audit says.
    What to do: Take out what the model was trained on, and ask how the split was made.
    `near_duplicates = "exclude"` in the data set's card leaves those pictures out.
    """
    assert share <= margin
