"""Region sensitivity: does the model need the anatomy, and does it get by without it?

After Sourget et al. 2024, "Mask of Truth" (R1 to R6, R8, R11), Moayeri et al. 2022 (R12) and Xiao
et al. 2021 (R13). The ROI is what the data set card declares for the target, for example the lungs.
Margins marked as proposed can be pre-registered in a card: ``[margins.R2]`` with ``value`` and
``source``.
"""

from audit_suite import (
    Family,
    Inconclusive,
    Margin,
    OnlyROI,
    Verdict,
    WithoutROI,
    auroc,
    background_gap,
    check,
    flip_rate,
    from_chance,
    margin_for,
    numbers,
    observe,
    report_only,
    require_skill,
    score_shift,
    share_kept,
)

FILLS = ("black", "mean", "blur")
LEAST_SKILL, CLAIM_ROOM = 0.60, 0.05
PROPOSED = "proposed default of audit-suite; pre-register your own in a card"
QUARTER = Margin(0.25, source="a quarter of the skill on full images; " + PROPOSED)

hidden_contour = tuple(auroc(WithoutROI(fill=fill)) for fill in FILLS)
hidden_box = tuple(auroc(WithoutROI(shape="box", fill=fill)) for fill in FILLS)

# A blurred surround still shows a marker, so blur cannot say what the region alone tells.
OPAQUE = ("black", "mean")
only_contour = tuple(auroc(OnlyROI(fill=fill)) for fill in OPAQUE)
only_box = tuple(auroc(OnlyROI(shape="box", fill=fill)) for fill in OPAQUE)


@check("R0", risk="skill", section="skill", found=numbers())
def test_skill_on_everything_that_is_shown(found):
    """How well does the model separate the classes on the whole image, and on its parts?

    How to read it: One half is chance. A model that needs the anatomy is as good on the region or
    its box alone as on the whole image, and at chance where they are hidden, with every fill.
    """
    report_only(*found, because="these are the numbers that the other checks judge")


@check("R1", risk="skill", full=auroc())
def test_skill_is_shown(full, audit):
    """Does the model separate patients with and without the finding, as well as it claims?

    If it fails: On these patients the model separates those with and without the finding less well
    than required, or than its maker claims.
    What to do: Run `audit-suite doctor`: wrong preprocessing or swapped outputs look the same. If
    the cards are right, do not use the model on such patients.
    """
    # Against the claim itself a true claim would pass in one audit of twenty, at any size.
    claim = audit.cell.model.claims.get(audit.cell.target)
    least = Margin(LEAST_SKILL, source="least skill of a model that can be audited; " + PROPOSED)
    if claim is not None and claim.auroc - CLAIM_ROOM > LEAST_SKILL:
        source = f"claim of the model card ({claim.auroc:g}) less {CLAIM_ROOM:g}: {claim.source}"
        least = Margin(claim.auroc - CLAIM_ROOM, source=source)
    if full.interval(0.90)[1] < 0.5:
        observe((1 - full).named("AUROC if the classes are swapped"))
        assert full > least, (
            "it ranks patients without the finding above those with it: the outputs in the model's "
            "card or the labels of the data look swapped"
        )
    assert full > least


@check(
    "R2", risk="outside", full=auroc(), hidden=hidden_contour, margin=Margin(0.05, source=PROPOSED)
)
def test_chance_without_the_region(full, hidden, margin, audit):
    """With the region of interest hidden, does the model fall to chance?

    If it fails: With the region hidden the model still detects the finding, so it reads something
    else: background, the outline of the hidden area, or another finding.
    What to do: Read the cause that the report names and the checks C1 to C13 behind it; look at the
    masked images.
    """
    falls_to_chance(full, hidden, margin, margin_for(audit.cell, "R8", QUARTER))


@check("R3", risk="outside", full=auroc(), hidden=hidden_box, margin=Margin(0.05, source=PROPOSED))
def test_chance_without_the_box(full, hidden, margin, audit):
    """With the region's bounding box hidden, and so its shape, does the model fall to chance?

    If it fails: With the whole box around the region hidden, and so the region's outline too, the
    model still detects the finding.
    What to do: Read the cause that the report names; look for markers, devices, borders and
    differences between hospitals outside the box.
    """
    falls_to_chance(full, hidden, margin, margin_for(audit.cell, "R8-box", QUARTER))


@check("R4", risk="outside", full=auroc(), hidden=hidden_box, margin=Margin(0.10, source=PROPOSED))
def test_skill_is_lost_without_the_box(full, hidden, margin):
    """Does hiding the region's bounding box cost the model its skill?

    If it fails: Hiding the box costs the model little of its skill, so it hardly needs the anatomy.
    What to do: As for R3: find the cue outside the box, remove it from training data or balance it,
    and train again.
    """
    require_skill(full)
    assert Family([full - from_chance(each) for each in hidden]) > margin


@check(
    "R5",
    risk="source",
    full=auroc(),
    only=(*only_box, auroc(OnlyROI(shape="box", fill="swap"))),
    margin=Margin(0.75, source="three quarters of the skill on full images; " + PROPOSED),
)
def test_the_box_is_enough(full, only, margin):
    """Does the region's bounding box alone carry at least three quarters of the model's skill?

    If it fails: On the box alone the model loses more than a quarter of its skill, so it needs what
    lies around the region.
    What to do: Ask whether the finding may show outside the region; if so, name that region too. If
    not, look for a cue in the surroundings.
    """
    # A model that never saw a black surround may fail on it. Before another patient's background,
    # too, nothing but the box is the patient's own.
    require_skill(full)
    shares = [share_kept(from_chance(alone), full) for alone in only]
    assert Family(shares, enough="one") > margin


@check("R6", risk="outside", full=auroc(), hidden=hidden_contour, only=only_contour)
def test_the_region_beats_its_background(full, hidden, only):
    """Is the model better on the region alone than on everything but the region?

    If it fails: The model does better on everything but the region than on the region.
    What to do: Do not use it: its skill comes from the background. R2 and the named cause say more.
    """
    beats_background(full, hidden, only)


@check("R6-box", risk="outside", full=auroc(), hidden=hidden_box, only=only_box)
def test_the_box_beats_its_background(full, hidden, only):
    """Is the model better on the region's bounding box alone than on everything but the box?

    If it fails: The model does better on everything but the box around the region than on that box.
    What to do: Do not use it: its skill comes from the background. R3 and the named cause say more.
    """
    beats_background(full, hidden, only)


@check("R8", risk="outside", full=auroc(), hidden=hidden_contour, margin=QUARTER)
def test_at_most_a_quarter_of_the_skill_stays(full, hidden, margin):
    """Without the region, is at most a quarter of the model's skill left, in either direction?

    If it fails: With the region hidden, more than a quarter of the model's skill is left.
    What to do: Read the cause that the report names; if the outline of the hidden area may tell the
    finding, see C1 and C3.
    """
    require_skill(full)
    assert kept(full, hidden).distance_to(0) < margin


@check("R8-box", risk="outside", full=auroc(), hidden=hidden_box, margin=QUARTER)
def test_at_most_a_quarter_of_the_skill_stays_without_the_box(full, hidden, margin):
    """Without the region's box, is at most a quarter of the skill left, in either direction?

    If it fails: With the box around the region hidden, more than a quarter of the model's skill is
    left: it rests on something a reader would not look at.
    What to do: Do not release the model for this use. Read the cause that the report names, remove
    that cue from the data, and train again.
    """
    require_skill(full)
    observe(*hidden)
    assert kept(full, hidden).distance_to(0) < margin


@check(
    "R12",
    risk="source",
    full=auroc(),
    inside=auroc(WithoutROI(fill="noise")),
    outside=auroc(WithoutROI(whose="elsewhere", fill="noise")),
    margin=Margin(0.05, source="Moayeri et al. 2022: the foreground should matter; " + PROPOSED),
)
def test_noise_in_the_region_costs_more(full, inside, outside, margin):
    """Does noise in the region cost at least as much skill as the same noise elsewhere?

    If it fails: Noise on the region disturbs the model less than as much noise elsewhere, so it
    looks elsewhere more.
    What to do: Compare with R14 and the maps of the report, and look for the cue outside the
    region.
    """
    require_skill(full)
    mean = (inside.value + outside.value) / 2
    room = 2 * min(mean, 1 - mean)
    if room > 0:
        relative = (outside - inside) * (1 / room)
        observe(relative.named("relative foreground sensitivity"))
    assert inside - outside < margin


@check(
    "R13",
    risk="source",
    section="noticing.unmasked",
    full=auroc(),
    gap=background_gap(),
    margin=Margin(0.05, source=PROPOSED),
)
def test_another_background_makes_no_difference(full, gap, margin):
    """Is the AUROC the same on swapped backgrounds of the image's own class as on random ones?

    If it fails: The model's skill changes with the class of the patient whose background is put
    around the region, so the background tells it the finding.
    What to do: Look for a cue in the background, as for R2.
    """
    assert gap.distance_to(0) < margin
    require_skill(full)


@check(
    "R11",
    risk="outside",
    shift=score_shift(WithoutROI(shape="box")),
    flips=flip_rate(WithoutROI(shape="box")),
)
def test_scores_shift_without_the_box(shift, flips):
    """How far do the scores move when the region's bounding box is hidden?

    How to read it: A large shift with little loss of AUROC means that the threshold, not the
    ranking, depends on what was hidden.
    """
    report_only(shift, flips, because="a shift of the scores may be a shift of calibration")


def kept(full, hidden):
    """The share of the skill that each fill leaves; negative where it turns the scores round."""
    return Family([share_kept(each, full) for each in hidden])


def falls_to_chance(full, hidden, margin, allowed):
    """Fail where more is left than the margin, unless it is shown to be no more than is allowed.

    So there are three zones: up to the margin a model is not blamed; from there to the share that
    R8 allows (a quarter) it is blamed only while that share is not shown; above, R8 blames it.
    """
    if hidden.distance_to(0.5).compare("<", margin).verdict is Verdict.FAIL:
        share = kept(full, hidden).distance_to(0)
        if share.compare("<", allowed).verdict is Verdict.PASS:
            observe(*hidden)
            assert share < allowed
            raise Inconclusive(
                f"some skill is left: the AUROC differs from 0.5 by more than {margin:g}; but less "
                f"than {allowed:.0%} of the skill on full images, which is allowed"
            )
    assert hidden.distance_to(0.5) < margin
    require_skill(full)


def beats_background(full, hidden, only):
    """Fail only where R2 or R3 fails too: an image of the ROI alone may just be unfamiliar."""
    require_skill(full)
    # Pairs of the opaque fills, which come first.
    gaps = Family(
        [from_chance(back) - from_chance(own) for back, own in zip(hidden, only, strict=False)]
    )
    loses = gaps.compare("<", 0).verdict is Verdict.FAIL
    background = hidden.distance_to(0.5).compare("<", 0.05).verdict
    if loses and background is not Verdict.FAIL:
        observe(*hidden, *only)
        raise Inconclusive(
            "the region alone does worse than its background, but the background alone is not "
            "shown to carry the target: images of the region alone may only be unfamiliar to the "
            "model"
        )
    source = "the region should outperform its background (Sourget et al. 2024)"
    assert gaps < Margin(0.0, source=source)
