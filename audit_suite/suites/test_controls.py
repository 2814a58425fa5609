"""Controls: what else could explain that a model scores without the region? (C1 to C13).

Each asks whether something other than the background tells the label (the mask itself, the place of
the region in the frame, another finding, a tag), or whether masking disturbs the model or the
instrument errs. `audit_suite.causes` draws the named causes from what they find.
"""

from audit_suite import (
    Family,
    Margin,
    OnlyROI,
    WithoutROI,
    at_margin,
    auroc,
    check,
    contrast,
    departure,
    domain,
    each_stratum,
    observe,
    outline_auroc,
    outline_property,
    permuted_fails,
    planted,
    report_only,
    require_skill,
    selective,
    within,
)

FILLS = ("black", "mean", "blur")
PROPOSED = "proposed default of audit-suite; pre-register your own in a card"
CLASS_FACTORS = (5, 10, 25, 50, 100)

own = tuple(auroc(WithoutROI(fill=fill)) for fill in FILLS)
foreign = tuple(auroc(WithoutROI(whose="foreign", fill=fill)) for fill in FILLS)
population = tuple(auroc(WithoutROI(whose="population", fill=fill)) for fill in FILLS)
window = OnlyROI(whose="window")


@check(
    "C1",
    told=[outline_auroc("geometry"), outline_auroc("pixels"), outline_auroc("position")],
    margin=Margin(0.05, source=PROPOSED),
)
def test_the_mask_alone_tells_nothing(told, margin):
    """Does a classifier that sees the region's outline and no image stay at chance?"""
    # One-sided: below one half a classifier tested on strangers shows noise, not knowledge.
    assert told - 0.5 < margin


@check(
    "C2",
    section="curves",
    changes=tuple(
        selective(OnlyROI(), factor, grown)
        for grown in ("positive", "negative")
        for factor in CLASS_FACTORS
    ),
)
def test_masks_grown_in_one_class(changes):
    """How does the AUROC change when the masks of one class alone are grown?"""
    report_only(
        *changes,
        because="a model also answers to the rim that a grown mask shows for the first time: on "
        "phantoms whose masks tell nothing an honest model lost .16 at the smallest step. Whether "
        "the masks tell the label is asked of the masks themselves (C1)",
    )


@check("C3", own=own, foreign=foreign, margin=Margin(0.05, source=PROPOSED))
def test_chance_without_another_region_too(own, foreign, margin):
    """With another patient's region hidden too, so that the hole's shape tells nothing?"""
    for mine, both in zip(own, foreign, strict=True):
        side = 1 if mine.value > 0.5 else -1  # a leak may turn the AUROC round
        fall = ((mine - both) * side).named(f"fall of the signal of {mine.label}")
        observe(mine, fall.placed(masking=mine.at["masking"], fall="by another's region"))
    assert foreign.distance_to(0.5) < margin


@check("C4", hidden=population, margin=Margin(0.05, source=PROPOSED))
def test_chance_without_the_populations_region(hidden, margin):
    """With one and the same area hidden in all, all that is region in 1 % of patients or more?"""
    observe(*hidden)
    assert hidden.distance_to(0.5) < margin


@check(
    "C5",
    full=auroc(),
    hidden=auroc(WithoutROI()),
    elsewhere=auroc(WithoutROI(whose="elsewhere")),
    margin=Margin(0.0, source="hiding the region should cost more than hiding as much elsewhere"),
)
def test_a_hole_elsewhere_costs_less(full, hidden, elsewhere, margin):
    """Does hiding the region cost more skill than hiding an area of its size off the region?"""
    require_skill(full)
    observe(full - elsewhere)
    assert elsewhere - hidden > margin


@check(
    "C6",
    plain=contrast(auroc(WithoutROI()), auroc(WithoutROI(fill="mean"))),
    others=tuple(
        contrast(auroc(WithoutROI()), auroc(WithoutROI(fill=fill)))
        for fill in ("blur", "inpaint", "noise")
    ),
    margin=Margin(0.05, source=PROPOSED),
)
def test_the_fill_makes_no_difference(plain, others, margin):
    """Does what is put in the region's place leave the AUROC as it is?"""
    # Judged between the fills that are the same in all images: the others carry what lies around
    # the region into it, and with it a shortcut that a model of the region alone then reads.
    observe(*others)
    assert plain.distance_to(0) < margin


@check(
    "C7",
    departures=(departure(WithoutROI()), departure(WithoutROI(fill="blur")), departure(OnlyROI())),
    domains=(domain(WithoutROI()), domain(WithoutROI(fill="blur"))),
)
def test_masked_images_in_the_models_eyes(departures, domains):
    """How far does masking take an image off those the model knows?"""
    report_only(
        *departures,
        *domains,
        because="a classifier tells most maskings from full images; that is no cause",
    )


@check(
    "C8",
    hidden=own,
    fails=permuted_fails(tuple(WithoutROI(fill=fill) for fill in FILLS), 0.05),
    margin=Margin(0.05, source="no more than one in twenty should fail"),
)
def test_permuted_labels_do_not_fail(hidden, fails, margin):
    """With labels dealt out anew among the patients, how often would R2 fail?"""
    observe(*hidden)
    assert fails <= margin


@check(
    "C9",
    inside=planted("inside"),
    outside=planted("outside"),
    margin=Margin(0.05, source="the margin of R2, which these controls stand for"),
)
def test_planted_signals_are_found_and_lost(inside, outside, margin):
    """Is a pattern planted outside the region found without it, and one planted inside lost?"""
    assert inside.distance_to(0.5) < margin
    assert outside - 0.5 > margin


@check("C10", hidden=[each_stratum(WithoutROI())], margin=Margin(0.05, source=PROPOSED))
def test_chance_among_equals(hidden, margin, audit):
    """Among patients equal in a tag or another finding, is anything told without the region?"""
    stratum = hidden.at["stratum"]
    others = [audit(within(WithoutROI(fill=fill), stratum)) for fill in FILLS[1:]]
    assert Family([hidden, *others]).distance_to(0.5) < margin


@check(
    "C11",
    change=contrast(auroc(window), auroc(OnlyROI(whose="window", first="centre"))),
    margin=Margin(0.05, source=PROPOSED),
)
def test_the_place_in_the_frame_makes_no_difference(change, margin):
    """With every region moved to one place in the frame, does the AUROC stay as it is?"""
    assert change.distance_to(0) < margin


@check(
    "C12",
    hidden=tuple(at_margin(WithoutROI(fill=fill)) for fill in FILLS),
    margin=Margin(0.05, source=PROPOSED),
)
def test_chance_without_the_region_and_its_margin(hidden, margin):
    """With the region and the margin its card declares hidden, does the model fall to chance?"""
    assert hidden.distance_to(0.5) < margin


@check(
    "C13",
    told=[outline_property("area"), outline_property("quality")],
    margin=Margin(0.05, source=PROPOSED),
)
def test_the_masks_quality_tells_nothing(told, margin):
    """Are the masks of sick and healthy patients alike in area and in quality?"""
    assert told.distance_to(0.5) < margin
