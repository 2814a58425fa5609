"""Checks that need no mask: parts of the frame, and images without their order (P3, M5).

They find cues at the edge of the picture (markers, text, collimation) and cues of how the picture
was made (exposure, noise). A cue on or in the body they cannot find: that takes a region.
"""

from audit_suite import (
    Inconclusive,
    Margin,
    OnlyROI,
    Shuffled,
    Verdict,
    WithoutROI,
    acquisition_auroc,
    appearance_auroc,
    auroc,
    check,
    contrast,
    edge_shapley,
    observe,
    report_only,
    require_skill,
)

EDGE = ("frame.corners", "frame.rim")
FILLS = ("blur", "inpaint")  # that continue the picture: black corners alone upset honest models
PROPOSED = "proposed default of audit-suite; pre-register your own in a card"
WHOLE = (
    "a finding that is bright, or that fits into a patch, is still there when the order is gone: "
    "on phantoms without any shortcut it was .84 (pixels) and .96 (patches)"
)
DATA = "it is a property of the data; whether the model follows it is asked by M7"
EDGE_SHARE = Margin(0.10, source=PROPOSED)


@check(
    "P3",
    risk="source",
    section="frame.cells",
    full=auroc(),
    share=edge_shapley(),
    absolute=edge_shapley("output"),
    margin=EDGE_SHARE,
)
def test_the_edge_of_the_frame_separates_little(full, share, absolute, margin):
    """Do the rim and corners of the frame contribute little to telling the classes apart?

    If it fails: More of the model's skill comes from rim and corners of the frame than a reader
    would take from there.
    What to do: Look for markers, text, collimation and borders; crop or cover them in training and
    in use.
    """
    require_skill(full)  # a model without skill has nothing to locate
    # The share of all that moves the output is shown only: it counts noise, which is never 0.
    observe(absolute)
    assert share < margin


@check(
    "P3-alone",
    risk="source",
    section="frame.edge",
    full=auroc(),
    alone=[auroc(OnlyROI(part, fill="swap")) for part in EDGE],
    margin=Margin(0.05, source=PROPOSED),
)
def test_chance_on_the_edge_alone(full, alone, margin):
    """Is the model at chance where only the corners, or the rim, are the patient's own?

    If it fails: On corners or rim alone the model detects the finding.
    What to do: Look for markers, text, collimation and borders; crop or cover them in training and
    in use.
    """
    assert alone.distance_to(0.5) < margin
    require_skill(full)


@check(
    "P3-hidden",
    risk="source",
    section="frame.edge",
    full=auroc(),
    corners=tuple(contrast(auroc(), auroc(WithoutROI(EDGE[0], fill=fill))) for fill in FILLS),
    rim=tuple(contrast(auroc(), auroc(WithoutROI(EDGE[1], fill=fill))) for fill in FILLS),
    edge=edge_shapley(),
    margin=Margin(0.05, source=PROPOSED),
)
def test_the_model_does_not_need_the_edge(full, corners, rim, edge, margin):
    """Does the AUROC stay the same when the corners, or the rim, are hidden?

    If it fails: Hiding the corners or the rim changes the model's skill, and they contribute to
    telling the classes apart, so it uses them.
    What to do: Look for markers, text, collimation and borders; crop or cover them in training and
    in use.
    """
    for hidden in (corners, rim):
        if hidden.distance_to(0).compare("<", margin).verdict is Verdict.FAIL:
            only_if_the_edge_contributes(edge)
    assert corners.distance_to(0) < margin
    assert rim.distance_to(0) < margin
    require_skill(full)


def only_if_the_edge_contributes(edge):
    """A hole along the edge, alike in all images, upsets some honest networks."""
    observe(edge)
    if edge.compare("<", EDGE_SHARE).verdict is not Verdict.FAIL:
        raise Inconclusive(
            "hiding the edge of the frame changes the model's skill. It may use the edge, or be "
            "upset by the hole: that the edge contributes more than a tenth of what separates the "
            "classes (P3) is not shown"
        )


@check(
    "M5",
    risk="making",
    section="frame.shuffled",
    left=[
        appearance_auroc("pixels"),
        appearance_auroc("patches"),
        acquisition_auroc("edge"),
        acquisition_auroc("outside"),
    ],
)
def test_what_shuffled_images_tell_of_the_label(left):
    """Does a classifier predict the label from images whose pixels or patches are shuffled?

    How to read it: Skill without the order of pixels comes from brightness, contrast or noise. On
    whole images it may be the disease; on the edge of the frame, or on all that lies outside the
    region's box, it is how the picture was made. M7 tells whether the model follows it.
    """
    report_only(left, because=WHOLE if left.at["masking"].startswith("shuffled") else DATA)


@check(
    "M5-score",
    risk="making",
    section="frame.shuffled",
    full=auroc(),
    pixels=auroc(Shuffled("pixels")),
    patches=auroc(Shuffled("patches")),
    edge=edge_shapley(),
    margin=Margin(0.5, source=PROPOSED),
)
def test_the_skill_needs_the_order_of_the_pixels(full, pixels, patches, edge, margin):
    """Does the model lose at least half of its skill when the pixels of each image are shuffled?

    If it fails: On images whose pixels are shuffled the model keeps half of its skill or more, and
    the edge of the frame tells the finding too: it reads how the picture was made.
    What to do: Compare devices, exposure and processing of patients with and without the finding;
    balance them and train again.
    """
    require_skill(full)
    # Patches are shown only: a finding that fits into one is still there. Nor does a score that
    # turns round fail, as with R8: noise upsets honest models (.38 where the full skill was .99).
    observe(pixels, patches, edge)
    kept = pixels - 0.5 - margin * (full - 0.5)
    if kept.compare("<", 0).verdict is Verdict.FAIL:
        only_if_the_edge_tells_it_too(kept, edge)
    assert kept < Margin(0.0, source=f"{margin:.0%} of the skill on full images, {margin.source}")


def only_if_the_edge_tells_it_too(kept, edge):
    """How an image was made shows everywhere; what the finding adds to the histogram does not."""
    if edge.compare("<", EDGE_SHARE).verdict is not Verdict.FAIL:
        raise Inconclusive(
            f"{kept!r}: the model keeps much of its skill on shuffled pixels. It may read how the "
            f"image was made, or a finding that is bright wherever it lies: the edge of the frame, "
            f"where only the former shows, does not decide"
        )
