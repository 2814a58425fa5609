"""Controls: what else could explain that a model has skill without the region? (C1 to C13, C18).

Each asks whether something other than the background predicts the label (the mask itself, the
region's position in the frame, another finding, a tag), or whether masking disturbs the model or
the audit errs. `audit_suite.causes` derives the named causes from their findings.
"""

from audit_suite import (
    Family,
    Margin,
    OnlyROI,
    WithoutROI,
    at_margin,
    auroc,
    auroc_in_file,
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
    risk="data",
    outline=[outline_auroc("geometry"), outline_auroc("pixels"), outline_auroc("position")],
    margin=Margin(0.05, source=PROPOSED),
)
def test_the_mask_alone_is_uninformative(outline, margin):
    """Does a classifier that sees only the region's outline, not the image, stay at chance?

    If it fails: The shape, size or place of the mask alone tells who has the finding, so checks
    that hide the mask's shape may be misled.
    What to do: Use masks drawn without knowledge of the finding, boxes, or one region for all
    images. Look at how these masks were drawn, and read R3, R8-box, C3 and C4.
    """
    # One-sided: an AUROC below one half on unseen patients is noise, not information.
    assert outline - 0.5 < margin


@check(
    "C2",
    risk="masking",
    section="curves",
    changes=tuple(
        selective(OnlyROI(), factor, grown)
        for grown in ("positive", "negative")
        for factor in CLASS_FACTORS
    ),
)
def test_masks_dilated_in_one_class(changes):
    """How does the AUROC change when only the masks of one class are dilated?

    How to read it: A large change at a small step means that the model responds to the rim that a
    dilated mask uncovers; whether masks tell the label is C1's question.
    """
    report_only(
        *changes,
        because="a dilated mask also uncovers a rim that the model responds to: on phantoms whose "
        "masks are uninformative an honest model lost .16 at the smallest step. Whether the masks "
        "predict the label is tested on the masks themselves (C1)",
    )


@check(
    "C3",
    risk="outside",
    question="Does the model fall to chance when another patient's region is hidden as well, so "
    "that the hole's shape is uninformative?",
    full=auroc(),
    own=own,
    foreign=foreign,
    margin=Margin(0.05, source=PROPOSED),
)
def test_chance_without_another_region_too(full, own, foreign, margin):
    """The hole has the shape of two patients' regions.

    If it fails: With a second patient's region hidden too, the model still detects the finding, so
    the shape of the hole is not what it reads.
    What to do: Look for a cue in the background, as for R2.
    """
    for mine, both in zip(own, foreign, strict=True):
        side = 1 if mine.value > 0.5 else -1  # a leak may also push the AUROC below one half
        fall = ((mine - both) * side).named(f"loss of the signal of {mine.label}")
        observe(mine, fall.placed(masking=mine.at["masking"], fall="by another's region"))
    assert foreign.distance_to(0.5) < margin
    require_skill(full)


@check(
    "C4",
    risk="outside",
    question="Does the model fall to chance when every image hides the same area (pixels that are "
    "region in at least 1 % of patients)?",
    full=auroc(),
    hidden=population,
    margin=Margin(0.05, source=PROPOSED),
)
def test_chance_without_a_common_area(full, hidden, margin):
    """No hole has a shape of its own.

    If it fails: With the same area hidden in every image, the model still detects the finding, so
    neither shape nor place of a hole explains it.
    What to do: Look for a cue in the background, as for R2.
    """
    observe(*hidden)
    assert hidden.distance_to(0.5) < margin
    require_skill(full)


@check(
    "C5",
    risk="masking",
    full=auroc(),
    hidden=auroc(WithoutROI()),
    elsewhere=auroc(WithoutROI(whose="elsewhere")),
    margin=Margin(0.05, source=PROPOSED),
)
def test_a_hole_elsewhere_costs_less(full, hidden, elsewhere, margin):
    """Does hiding the region cost at least as much skill as hiding an area of its size elsewhere?

    If it fails: Hiding the region costs less skill than hiding as large an area elsewhere: the
    model looks elsewhere, or is upset by any hole.
    What to do: Compare the fills in C6. If these agree, look for the cue where the other area was
    hidden.
    """
    require_skill(full)
    observe(full - elsewhere)
    assert elsewhere - hidden > Margin(-margin, source=margin.source)


@check(
    "C6",
    risk="masking",
    full=auroc(),
    plain=contrast(auroc(WithoutROI()), auroc(WithoutROI(fill="mean"))),
    others=tuple(
        contrast(auroc(WithoutROI()), auroc(WithoutROI(fill=fill)))
        for fill in ("blur", "inpaint", "noise")
    ),
    margin=Margin(0.05, source=PROPOSED),
)
def test_the_fill_makes_no_difference(full, plain, others, margin):
    """Is the AUROC without the region the same whichever fill replaces the region?

    If it fails: The answer depends on what is put in the region's place, so hiding itself disturbs
    the model.
    What to do: Trust none of the fills alone: use the checks that need no hole (R14 and the maps),
    or train with masked images.
    """
    # Judged between the two fills that are the same in all images. The others are made of what lies
    # around the region, and so carry a shortcut into it that a model of the region would read.
    observe(*others)
    assert plain.distance_to(0) < margin
    require_skill(full)


@check(
    "C7",
    risk="masking",
    section="noticing.embedding",
    departures=(departure(WithoutROI()), departure(WithoutROI(fill="blur")), departure(OnlyROI())),
    domains=(domain(WithoutROI()), domain(WithoutROI(fill="blur"))),
)
def test_masked_images_in_the_embedding(departures, domains):
    """How far does masking move images from unmasked ones in the model's embedding?

    How to read it: A model that tells masked images from whole ones may react to masking itself; C6
    says whether that changes its skill.
    """
    report_only(
        *departures,
        *domains,
        because="a classifier distinguishes most maskings from full images; that is not a cause",
    )


@check(
    "C8",
    risk="masking",
    full=auroc(),
    hidden=own,
    fails=permuted_fails(tuple(WithoutROI(fill=fill) for fill in FILLS), 0.05),
    margin=Margin(0.05, source="at most one in twenty should fail"),
)
def test_permuted_labels_do_not_fail(full, hidden, fails, margin):
    """How often would R2 fail by chance, with the labels permuted among the patients?

    If it fails: With labels drawn at random R2 would fail too often, so the intervals are too
    narrow for these data.
    What to do: Check that `columns.patient` names real patients; audit more of them.
    """
    observe(*hidden)
    assert fails <= margin
    require_skill(full)


@check(
    "C9",
    risk="masking",
    section="noticing.unmasked",
    full=auroc(),
    inside=planted("inside"),
    outside=planted("outside"),
    margin=Margin(0.05, source="the margin of R2, which these controls validate"),
)
def test_planted_signals_are_detected_only_outside(full, inside, outside, margin):
    """With the region hidden, is a pattern outside it still detected, and one inside it not?

    If it fails: A pattern that was planted outside the region is not detected, or one inside still
    is: the audit would miss a real cue here.
    What to do: Look at the masks (C14) and the masked images; do not rely on R2 and R3 on these
    data.
    """
    assert inside.distance_to(0.5) < margin
    assert outside - 0.5 > margin
    require_skill(full)


@check(
    "C10",
    risk="making",
    full=auroc(),
    hidden=[each_stratum(WithoutROI())],
    margin=Margin(0.05, source=PROPOSED),
)
def test_chance_within_strata(full, hidden, margin, audit):
    """Among patients alike in a tag or other finding, is the model at chance without the region?

    If it fails: Even among patients alike in view, site or another finding, the model detects the
    finding without the region, so these do not explain it.
    What to do: Look for another cue, as for R2.
    """
    stratum = hidden.at["stratum"]
    others = [audit(within(WithoutROI(fill=fill), stratum)) for fill in FILLS[1:]]
    assert Family([hidden, *others]).distance_to(0.5) < margin
    require_skill(full)


@check(
    "C11",
    risk="masking",
    full=auroc(),
    change=contrast(auroc(window), auroc(OnlyROI(whose="window", first="centre"))),
    margin=Margin(0.05, source=PROPOSED),
)
def test_the_place_in_the_frame_makes_no_difference(full, change, margin):
    """Does the AUROC stay the same when every region is moved to the same place in the frame?

    If it fails: Moving the region to the same place in every frame changes the model's skill, so it
    reads how the picture was framed.
    What to do: Look at how patients with and without the finding are positioned and cropped; crop
    all images alike and train again.
    """
    assert change.distance_to(0) < margin
    require_skill(full)


@check(
    "C12",
    risk="outside",
    full=auroc(),
    hidden=tuple(at_margin(WithoutROI(fill=fill)) for fill in FILLS),
    margin=Margin(0.05, source=PROPOSED),
)
def test_chance_without_the_region_and_its_margin(full, hidden, margin):
    """Does the model fall to chance when the region and its declared margin are hidden?

    If it fails: With the region and its declared margin hidden, the model still detects the
    finding, so disease at the rim of the mask does not explain it.
    What to do: Look for a cue in the background, as for R2.
    """
    assert hidden.distance_to(0.5) < margin
    require_skill(full)


@check(
    "C13",
    risk="data",
    measure=[outline_property("area"), outline_property("quality")],
    margin=Margin(0.05, source=PROPOSED),
)
def test_mask_area_and_quality_are_uninformative(measure, margin):
    """Do patients with and without the finding have masks of the same area and quality?

    If it fails: Patients with the finding have masks of another size or quality than those without,
    so a mask can tell who has it.
    What to do: Use masks drawn without knowledge of the finding, boxes, or one region for all
    images. Look at how these masks were made.
    """
    assert measure.distance_to(0.5) < margin


@check(
    "C18",
    risk="masking",
    full=auroc(),
    in_input=auroc(WithoutROI(shape="box")),
    in_file=auroc_in_file(),
    margin=Margin(0.05, source=PROPOSED),
)
def test_it_makes_no_difference_where_the_box_is_hidden(full, in_input, in_file, margin):
    """Is the AUROC without the box the same if it is hidden in the file, before preprocessing?

    If it fails: Preprocessing measures or mixes pixels of the region (an image's own range, its
    equalisation, pixels between pixels), so that what the model does without the region depends on
    where it is hidden.
    What to do: See what `[input]` measures on each image (`scale`, `clahe`). Believe R3 and R8-box
    only where both ways agree; scaling by the file type's range makes them alike.
    """
    assert (in_file - in_input).distance_to(0) < margin
    require_skill(full)
