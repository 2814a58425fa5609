"""Robustness: what must not move a score, what must, and how skill falls as pictures get worse.

Metamorphic relations (X1): a marker, a window or a small turn says nothing of the patient, and the
finding itself does. Corruptions (X2), after Hendrycks and Dietterich 2019. All change the picture
as it is in the file, before the model's preprocessing. The suite runs only where it is named, as it
takes about sixty forward passes per image.
"""

from audit_suite import Margin, auroc, check, corruptions, each_change, observe, require_skill

ON_REQUEST = True
PROPOSED = "proposed default of audit-suite; pre-register your own in a card"


@check(
    "X1",
    risk="changes",
    section="robustness.shift",
    moved=[each_change()],
    margin=Margin(0.05, source=PROPOSED),
)
def test_scores_stay_under_harmless_changes(moved, margin):
    """Does a change that says nothing of the patient leave the scores where they are?

    If it fails: Half of the images or more move by more than the margin among all scores, only
    because of a marker, a window, a small turn or the like.
    What to do: Train with such changes (augmentation), or fix the step of preprocessing that lets
    them through. Of a marker, read R3 and the causes: the model may read it.
    """
    assert moved < margin


@check(
    "X1-flips",
    risk="changes",
    section="robustness.flips",
    flipped=[each_change(asked="flips")],
    margin=Margin(0.10, source=PROPOSED),
)
def test_decisions_stay_under_harmless_changes(flipped, margin):
    """Are decisions at the operating point the same after a change that says nothing?

    If it fails: More decisions than the margin allows depend on how a picture was taken or stored.
    What to do: As for X1; a threshold where many scores lie flips more of them.
    """
    assert flipped < margin


@check(
    "X1-finding",
    risk="changes",
    section="robustness.response",
    full=auroc(),
    response=[each_change(effects=("less", "more"))],
    margin=Margin(0.05, source=PROPOSED),
)
def test_scores_move_with_the_finding(full, response, margin):
    """Does the score fall when the finding is taken away, and rise when it is put in?

    If it fails: With the finding inpainted, or another patient's pasted in, half of the scores or
    more stay where they were: the model does not read the finding.
    What to do: Look at the changed pictures: an outline that leaves a part of the finding out
    leaves it in the picture. Then look for what else predicts the label.
    """
    require_skill(full)
    assert response > margin


@check(
    "X2",
    risk="changes",
    section="robustness.corruption",
    full=auroc(),
    curve=corruptions(),
    margin=Margin(0.05, source=PROPOSED),
)
def test_skill_bears_slight_corruptions(full, curve, margin):
    """Does the AUROC fall by less than the margin under the slightest of five corruptions?

    If it fails: A corruption that is hardly seen costs the model skill.
    What to do: Look at the curve: where pictures of that kind occur, train with them, or check the
    quality of a picture before the model sees it.
    """
    require_skill(full)
    observe(full.placed(severity=0.0), *curve)
    assert full - curve[0] < margin
