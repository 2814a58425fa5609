"""Searched counterexamples: which small change outside the region moves the score? (X3).

Asked by name only (``--audit-suite search``): a search takes as many passes as all other checks.
"""

from audit_suite import Margin, auroc, check, counterexample, require_skill
from audit_suite.strategies import (
    areas,
    borders,
    glyphs,
    gradients,
    lines,
    noises,
    one_of,
    outside_roi,
    patches,
    swapped,
    texts,
)

ON_REQUEST = True
PROPOSED = "proposed default of audit-suite; pre-register your own in a card"
PAINT = one_of(
    (patches(), glyphs(), texts(), lines(), borders(), gradients(), noises()),
)


@check(
    "X3",
    risk="source",
    section="counterexamples",
    full=auroc(),
    found=counterexample(outside_roi(swapped(areas())), limit=0.10, tries=200),
    margin=Margin(0.05, source=PROPOSED),
)
def test_no_place_outside_carries_the_label(full, found, margin):
    """Is there a place outside the region whose content moves the score with the label?

    If it fails: The same pixels outside the region raise the score when they come from a patient
    with the finding, and not when they come from one without. The place was found on some patients
    and confirmed on others.
    What to do: Look at the pictures: what lies there goes with the label, and the model reads it.
    Remove it from the training data, or make it as frequent in both classes. A search that finds
    nothing is not an all-clear: see R3, R8-box and R13.
    """
    require_skill(full)
    assert found < margin


@check(
    "X3-painted",
    risk="source",
    section="counterexamples",
    found=[
        counterexample(outside_roi(PAINT), limit=0.15, tries=200, toward="positive"),
        counterexample(outside_roi(PAINT), limit=0.15, tries=200, toward="negative"),
    ],
)
def test_paint_outside_changes_no_decision(found):
    """Which small mark, line, rim or noise painted outside the region moves the score most?

    How to read it: Networks that read the right thing may answer to paint that they never saw, so a
    find is no shortcut. It shows how far the score of a case that was decided rightly can be moved
    by something that a reader would not notice or would ignore.
    """
    found.report(
        because="a network may answer to paint that it never saw, which is no shortcut", margin=0.05
    )
