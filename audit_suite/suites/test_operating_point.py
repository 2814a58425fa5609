"""Operating point: what the model decides where it is used, with and without the region (R15).

An AUROC covers all thresholds, and a model is used at one. The model's card declares it:
``[operating_points.TARGET]`` with ``probability`` or ``score``, and ``source``.
"""

from audit_suite import (
    Full,
    Margin,
    WithoutROI,
    check,
    observe,
    require_skill,
    sensitivity,
    specificity,
    youden,
)

BOXES = tuple(WithoutROI(shape="box", fill=fill) for fill in ("black", "mean", "blur"))
# Of decisions that are 0 or 1 the AUROC is (J + 1) / 2, so .10 of J is the .05 of R3.
SOURCE = "twice the margin of R3, as J is twice an AUROC less 1; pre-register your own in a card"


@check(
    "R15",
    risk="outside",
    full=youden(),
    sensitivities=tuple(sensitivity(shown) for shown in (Full(), *BOXES)),
    specificities=tuple(specificity(shown) for shown in (Full(), *BOXES)),
    hidden=tuple(youden(box) for box in BOXES),
    margin=Margin(0.10, source=SOURCE),
)
def test_nothing_is_decided_without_the_box(full, sensitivities, specificities, hidden, margin):
    """At its operating point, does the model decide by chance with the region's box hidden?

    If it fails: With the box around the region hidden, the model still calls more images with the
    finding positive than images without it, at the threshold at which it is used (or fewer).
    What to do: As for R3. Sensitivity and specificity, with and without the box, are shown beside.
    """
    observe(*sensitivities, *specificities)
    assert hidden.distance_to(0) < margin
    require_skill(0.5 * (full + 1))  # the AUROC of the decisions themselves
