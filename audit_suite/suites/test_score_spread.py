"""Score spread: does a masked image tell the finding by how far its score lies out? (R16).

An AUROC of one half says that scores of either class lie equally often above the others. It does
not say that they are alike: scores of one class may lie on both sides of all others.
"""

from audit_suite import (
    Margin,
    NotApplicable,
    Verdict,
    WithoutROI,
    auroc,
    check,
    folded_auroc,
    require_skill,
)

PROPOSED = "proposed default of audit-suite; pre-register your own in a card"
AT_CHANCE = 0.05  # margin of R3
BOXES = tuple(WithoutROI(shape="box", fill=fill) for fill in ("black", "mean", "blur"))


@check(
    "R16",
    risk="outside",
    full=auroc(),
    hidden=tuple(auroc(box) for box in BOXES),
    folded=tuple(folded_auroc(box) for box in BOXES),
    margin=Margin(0.10, source=PROPOSED),
)
def test_scores_are_equally_spread_without_the_box(full, hidden, folded, margin):
    """With the region's bounding box hidden, are scores as spread with the finding as without?

    If it fails: With the box hidden the AUROC may be near one half, but scores of one class lie
    further out than those of the other, so something outside the box still tells the finding.
    What to do: As for R3: look at the masked images with the highest and the lowest scores, and for
    a cue outside the box that moves scores both ways.
    """
    require_skill(full)
    # Where scores of one class are higher they also lie further out: R3 has said so already.
    if hidden.distance_to(0.5).compare("<", AT_CHANCE).verdict is Verdict.FAIL:
        raise NotApplicable(
            "without the box the AUROC itself is not at chance (R3): where scores lie higher in "
            "one class, their spread tells nothing more"
        )
    assert folded.distance_to(0.5) < margin
