"""Interpretability: where in the image does the model's output come from, and can a map say so?

Shapley values of named regions (R14) speak of what the model does with the pixels. Maps are
persuasive and often wrong (Adebayo et al. 2018, Arun et al. 2021): a check of where a map points
(I1, I2) is judged only where the method has passed its own tests on this very model (I3, I5), and
is else shown without a verdict.
"""

from audit_suite import (
    Margin,
    NotApplicable,
    Verdict,
    auroc,
    check,
    each_cluster,
    faithfulness,
    incompleteness,
    localisation,
    margin_for,
    mass_lift,
    outline_agreement,
    outside_shapley,
    randomisation,
    repeatability,
    report_only,
    require_skill,
)

METHODS = ("gradient", "deep", "grad-cam")
PROPOSED = "proposed default of audit-suite; pre-register your own in a card"
SHUFFLED = Margin(0.10, source=PROPOSED)  # 0 is as alike as two patients'
COMPLETE = Margin(0.05, source=PROPOSED)


@check(
    "R14",
    section="attributions.regions",
    full=auroc(),
    outside=outside_shapley(),
    margin=Margin(0.5, source=PROPOSED),
)
def test_the_region_carries_the_output(full, outside, margin):
    """Does most of the model's output come from the region of interest?"""
    require_skill(full)  # what tells nothing has no place either
    assert outside < margin


@check(
    "I1", section="attributions.maps", full=auroc(), lift=[mass_lift(method) for method in METHODS]
)
def test_maps_lie_in_the_region(full, lift, audit):
    """Is there more attribution in the region than its share of the image?"""
    require_skill(full)
    only_if_trusted(audit, lift)
    assert lift > Margin(1.0, source="a map that knows nothing")


@check(
    "I2",
    full=auroc(),
    excess=[localisation(method, kind) for method in METHODS for kind in ("pointing", "rank")],
)
def test_maps_point_at_the_region(full, excess, audit):
    """Do the strongest pixels lie in the region more often than by chance?"""
    require_skill(full)
    only_if_trusted(audit, excess)
    assert excess > Margin(0.0, source="a map that knows nothing")


@check(
    "I3",
    section="attributions.tests",
    likeness=[randomisation(method) for method in METHODS],
    margin=SHUFFLED,
)
def test_maps_change_with_the_model(likeness, margin, audit):
    """Are the maps of a shuffled model no more like the model's than two patients' maps are?"""
    stages = [audit(randomisation(likeness.at["method"], stage)) for stage in (0, 1)]
    _, said = tested(likeness, margin)
    report_only(*stages, likeness, because=f"a test of the method, {said}")


@check("I4", ahead=[repeatability(method) for method in METHODS])
def test_folds_are_explained_alike(ahead):
    """Do the folds of the model agree on where they look?"""
    report_only(ahead, because="a property of training, not of the model that ships")


@check(
    "I5",
    section="attributions.tests",
    gap=[incompleteness(method) for method in METHODS],
    margin=COMPLETE,
)
def test_attributions_add_up(gap, margin):
    """Do the attributions add up to the model's output?"""
    _, said = tested(gap, margin)
    report_only(gap, because=f"a test of the method, {said}")


@check("I6", ahead=[faithfulness(method) for method in METHODS])
def test_the_output_follows_the_map(ahead):
    """Does the output fall sooner when pixels go by the map's order than by a random one?"""
    report_only(ahead, because="a property of the method on this model")


@check("I7", agreement=outline_agreement(METHODS))
def test_maps_lie_where_readers_look(agreement):
    """Do maps, and the declared region, lie where readers outlined the finding?"""
    report_only(
        *agreement,
        because="an outline is one person's; whether the map is right is asked by I3 and I5",
    )


@check("I8", information=[each_cluster("gradient")])
def test_kinds_of_maps(information):
    """Do some kinds of maps go with a site, a device or the label?"""
    report_only(information, because="a reason to look at the maps, not a fault of the model")


def tested(estimate, margin):
    """Whether a method passed a test of its own, and in words: none on the model."""
    verdict = estimate.compare("<", margin).verdict
    words = {Verdict.PASS: "passed", Verdict.FAIL: "not passed"}
    said = words.get(verdict, "neither passed nor failed")
    return verdict is Verdict.PASS, f"{said} (limit {margin:g})"


def only_if_trusted(audit, estimate):
    """Show an estimate without a verdict unless its method passed its tests on this model."""
    method = estimate.at["method"]
    tests = {"I3": (randomisation(method), SHUFFLED), "I5": (incompleteness(method), COMPLETE)}
    wanting = []
    for name, (need, margin) in tests.items():
        try:
            good, said = tested(audit(need), margin_for(audit.cell, name, margin))
        except NotApplicable as reason:
            good, said = False, f"not applicable, as {reason}"
        if not good:
            wanting.append(f"{name}: {said}")
    if wanting:
        report_only(
            estimate,
            because=f"maps by {method} have not earned it on this model ({'; '.join(wanting)})",
        )
