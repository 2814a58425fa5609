"""Watch: do scores and images of new cases lie where the audited ones lay? (D1, D2).

New cases need no labels. Each is compared with those of the audited data set, which its card names
under ``audited``: the chance that the number of a new case is the larger, .5 if nothing drifts.
Patients are clustered, and those of both data sets left out. `audit-suite watch` asks this suite,
and the required checks where labels have come.
"""

from audit_suite import (
    Every,
    Margin,
    check,
    each_property_drift,
    property_drift_by,
    score_drift,
    score_drift_by,
)

ON_REQUEST = "audit-suite watch"
PROPOSED = "proposed default of audit-suite; pre-register your own in a card"


@check(
    "D1",
    risk="drift",
    section="drift",
    drift=[score_drift("level"), score_drift("spread")],
    margin=Margin(0.10, source=PROPOSED),
)
def test_scores_lie_as_in_the_audit(drift, margin):
    """Do the scores of new cases lie where those of the audited cases lie?

    If it fails: Scores are higher or lower, or surer or less sure, than in the audit. The audit's
    sensitivity and specificity need not hold for these cases.
    What to do: Look which properties of the images drift (D2), and whether patients do: a ward with
    more disease moves scores rightly. Label some of these cases and watch again: then the required
    checks are asked.
    """
    assert drift.distance_to(0.5) < margin


@check(
    "D1-groups",
    risk="drift",
    section="drift",
    drifts=score_drift_by(),
    margin=Margin(0.10, source=PROPOSED),
)
def test_scores_lie_as_in_the_audit_in_each_group(drifts, margin):
    """Do they in each group, such as each site?

    If it fails: The scores of one group drift, which the whole may hide.
    What to do: As for D1, for that group.
    """
    assert Every([drift.distance_to(0.5) for drift in drifts]) < margin


@check(
    "D2",
    risk="drift",
    section="drift",
    drift=[each_property_drift()],
    margin=Margin(0.10, source=PROPOSED),
)
def test_images_look_as_in_the_audit(drift, margin):
    """Do the images of new cases have the properties that the audited images have?

    If it fails: Images are made in another way than those of the audit: another device, exposure,
    export or format.
    What to do: Ask what changed where they are taken. If it is to stay, audit on images of that
    kind.
    """
    assert drift.distance_to(0.5) < margin


@check(
    "D2-groups",
    risk="drift",
    section="drift",
    drifts=property_drift_by(),
    margin=Margin(0.10, source=PROPOSED),
)
def test_images_look_as_in_the_audit_in_each_group(drifts, margin):
    """Do they in each group, such as each site?

    If it fails: The images of one group drift, which the whole may hide.
    What to do: As for D2, for that group.
    """
    assert Every([drift.distance_to(0.5) for drift in drifts]) < margin
