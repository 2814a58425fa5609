"""The masking study: models trained under one masking and tested under each (R7 and R9).

After Sourget et al. 2024, "Mask of Truth", figure 3. Only models whose card names the masking they
were trained on (key ``trained_on``) take part; `audit-suite train` writes such cards. Retraining
shows what the data offer, masking at test time shows what a model uses: keep the two apart.
"""

from audit_suite import (
    MASKINGS,
    Margin,
    NotApplicable,
    WithoutROI,
    auroc,
    check,
    report_only,
)

BACKGROUND = WithoutROI(shape="box")
PROPOSED = "proposed default of audit-suite; pre-register your own in a card"


@check("R7", risk="data", background=auroc(BACKGROUND), margin=Margin(0.10, source=PROPOSED))
def test_the_background_offers_nothing_to_learn(background, margin, audit):
    """Is a model that was trained without ever seeing the region's bounding box at chance?

    If it fails: A model that never saw the region learned the finding all the same, so the data
    hold a cue in the background. This speaks of the data set, not of the model that ships.
    What to do: Find the cue (M3, C10) and collect or balance data without it before training again.
    """
    trained_on = audit.cell.model.trained_on
    if trained_on != BACKGROUND.id:
        raise NotApplicable(
            f"asked of models trained on '{BACKGROUND.id}'; this one's card names "
            f"{'no training masking' if trained_on is None else repr(trained_on)}"
        )
    assert background.distance_to(0.5) < margin


@check("R9", risk="data", section="matrix", row=(auroc(MASKINGS),))
def test_matrix_of_training_and_test_maskings(row, audit):
    """How well does a model trained under one masking perform under each of the others?

    How to read it: Each row is a model trained under one masking, each column a masking at test
    time; high values where the region was hidden mean that the data hold other cues.
    """
    if audit.cell.model.trained_on is None:
        raise NotApplicable("the model card names no training masking (key trained_on)")
    report_only(*row, because="a row of the matrix of training and test maskings")
