"""Counterfactual edits by an editor of your own: what does the score say to them? (X4).

An editor adds or removes a finding or a device in the image file. None is shipped. Edits count if
they change what is inside their box, by the answer of the editor's own judge where it has one, and
leave the picture alone outside it. Asked by name only (``--audit-suite edits``).
"""

from audit_suite import (
    Margin,
    auroc,
    check,
    each_edit,
    edited,
    observe,
    report_only,
    require_skill,
)

ON_REQUEST = True
PROPOSED = "proposed default of audit-suite; pre-register your own in a card"

UNJUDGED = (
    "the editor has no judge of its own (answer), so that nothing says that a reader would call "
    "what it makes the finding"
)


@check(
    "X4",
    risk="source",
    section="edits",
    full=auroc(),
    response=[each_edit("finding")],
    margin=Margin(0.05, source=PROPOSED),
)
def test_scores_follow_an_edited_finding(full, response, margin, audit):
    """Does the score follow a finding that an editor adds or removes, beyond the edit as such?

    If it fails: The finding was put in or taken out, and the score moved no more than by the same
    edit at a place where it means nothing: the model does not read the finding, or answers to any
    edit.
    What to do: Look at the pictures: an editor that leaves the finding half visible proves nothing.
    Then look for what else predicts the label.
    """
    require_skill(full)
    _both_arms(response, audit)
    if response.at["judge"] == "no":
        report_only(response, because=UNJUDGED)
    assert response > margin


@check(
    "X4-device",
    risk="changes",
    section="edits",
    moved=[each_edit("device")],
    margin=Margin(0.05, source=PROPOSED),
)
def test_scores_bear_an_edited_device(moved, margin, audit):
    """Does the score stay where it is when an editor adds or removes a device?

    If it fails: Half of the images or more move by more than the margin among all scores, only
    because of a device.
    What to do: Compare with the same device elsewhere: where that moves the score as far, the model
    answers to any edit; else it reads the device at its place. Train with and without it.
    """
    _both_arms(moved, audit)
    assert moved < margin


def _both_arms(response, audit):
    for arm in ("edit", "elsewhere"):
        observe(audit(edited(response.at["editor"], arm)))
