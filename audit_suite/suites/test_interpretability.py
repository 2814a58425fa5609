"""Interpretability: where in the image does the model's output come from, and can a map show it?

Shapley values of named regions (R14) are the model's own outputs on masked images. Attribution maps
are persuasive and often wrong (Adebayo et al. 2018, Arun et al. 2021): where a map points (I1, I2)
is judged only if the method has passed its own tests on this very model (I3, I5). Otherwise it is
shown without a verdict.
"""

from audit_suite import (
    Inconclusive,
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
SHUFFLED = Margin(0.10, source=PROPOSED)  # 0 is as similar as the maps of two patients
COMPLETE = Margin(0.05, source=PROPOSED)


@check(
    "R14",
    risk="source",
    section="attributions.regions",
    full=auroc(),
    outside=outside_shapley(),
    margin=Margin(0.5, source=PROPOSED),
)
def test_the_region_carries_the_output(full, outside, margin, audit):
    """Does most of the model's output come from the region of interest?

    If it fails: Most of what the model says comes from outside the region.
    What to do: Look at the parts with the largest share in the report, and at R2 and R3.
    """
    require_skill(full)  # a model without skill has nothing to locate
    try:
        assert outside < margin
    except Inconclusive as undecided:
        raise Inconclusive(f"{undecided}; {audit.more_to_explain(outside, margin)}") from None


@check(
    "I1",
    risk="explanations",
    section="attributions.maps",
    full=auroc(),
    lift=[mass_lift(method) for method in METHODS],
)
def test_maps_lie_in_the_region(full, lift, audit):
    """Do maps attribute more to the region than its share of the image?

    If it fails: Maps of a method that passed its tests on this model attribute less to the region
    than its share of the image.
    What to do: Look at the maps in the report, and at R14 and R2: they measure the same without a
    map.
    """
    require_skill(full)
    only_if_method_passed(audit, lift)
    assert lift > Margin(1.0, source="an uninformative map")


@check(
    "I2",
    risk="explanations",
    full=auroc(),
    excess=[localisation(method, kind) for method in METHODS for kind in ("pointing", "rank")],
)
def test_maps_point_at_the_region(full, excess, audit):
    """Do the pixels with the strongest attribution lie in the region more often than by chance?

    If it fails: The strongest points of the maps lie in the region less often than by chance.
    What to do: Look at the maps in the report, and at R14 and R2: they measure the same without a
    map.
    """
    require_skill(full)
    only_if_method_passed(audit, excess)
    assert excess > Margin(0.0, source="an uninformative map")


@check(
    "I3",
    risk="explanations",
    section="attributions.tests",
    similarity=[randomisation(method) for method in METHODS],
    margin=SHUFFLED,
)
def test_maps_change_with_the_model(similarity, margin, audit):
    """Do the maps change as much when the model's weights are shuffled as between two patients?

    How to read it: Maps that stay alike when the model's weights are shuffled do not show this
    model; then I1 and I2 give no verdict for that method.
    """
    stages = [audit(randomisation(similarity.at["method"], stage)) for stage in (0, 1)]
    _, result = tested(similarity, margin)
    report_only(*stages, similarity, because=f"a test of the method, {result}")


@check("I4", risk="explanations", ahead=[repeatability(method) for method in METHODS])
def test_maps_agree_between_folds(ahead):
    """Do the maps of the model's folds agree for the same image?

    How to read it: Low agreement means that a map shows one training run, not what all of them
    learned.
    """
    report_only(ahead, because="a property of training, not of the model that ships")


@check(
    "I5",
    risk="explanations",
    section="attributions.tests",
    gap=[incompleteness(method) for method in METHODS],
    margin=COMPLETE,
)
def test_attributions_add_up(gap, margin):
    """Do the attributions add up to the model's output?

    How to read it: Where parts do not add up to the output, the method leaves something out; then
    I1 and I2 give no verdict for it.
    """
    _, result = tested(gap, margin)
    report_only(gap, because=f"a test of the method, {result}")


@check("I6", risk="explanations", ahead=[faithfulness(method) for method in METHODS])
def test_the_output_follows_the_map(ahead):
    """Does the output change sooner when pixels are removed in the map's order than at random?

    How to read it: A value at or below 0 means that the pixels which the map marks matter to the
    model no more than others.
    """
    report_only(ahead, because="a property of the method on this model")


@check("I7", risk="explanations", agreement=outline_agreement(METHODS))
def test_maps_lie_where_readers_look(agreement):
    """Do maps and the declared region lie where readers outlined the finding?

    How to read it: High agreement is reassuring only for a method that passed I3 and I5.
    """
    report_only(
        *agreement,
        because="an outline is a reader's judgement; I3 and I5 test whether the map is right",
    )


@check("I8", risk="explanations", information=[each_cluster("gradient")])
def test_clusters_of_maps(information):
    """Do clusters of similar maps go with a site, a device or the label?

    How to read it: A cluster with one site or device shows where to look for a cue.
    """
    report_only(information, because="a reason to look at the maps, not a fault of the model")


def tested(estimate, margin):
    """Whether a method passed one of its own tests, and in words; not a verdict on the model."""
    verdict = estimate.compare("<", margin).verdict
    words = {Verdict.PASS: "passed", Verdict.FAIL: "not passed"}
    result = words.get(verdict, "undecided")
    return verdict is Verdict.PASS, f"{result} (limit {margin:g})"


def only_if_method_passed(audit, estimate):
    """Show an estimate without a verdict unless its method passed its own tests on this model."""
    method = estimate.at["method"]
    tests = {"I3": (randomisation(method), SHUFFLED), "I5": (incompleteness(method), COMPLETE)}
    not_passed = []
    for name, (need, margin) in tests.items():
        try:
            passed, result = tested(audit(need), margin_for(audit.cell, name, margin))
        except NotApplicable as reason:
            passed, result = False, f"not applicable, as {reason}"
        if not passed:
            not_passed.append(f"{name}: {result}")
    if not_passed:
        report_only(
            estimate,
            because=f"maps by {method} did not pass their own tests on this model "
            f"({'; '.join(not_passed)})",
        )
