"""Clinical plausibility: what a clinician expects, and what readers see.

A model card says for a target in which regions a clinician would look, what must not matter, and
who says so (``[expectations.TARGET]`` with ``expected``, ``never`` and ``source``). Region Shapley
values and images of single regions are held against it (P1, P2), before a reader is found. Regions
are the data set's; ``border``, the rim of the frame, is one of every data set.

Where readings are given (``--audit-readings``), what people see in the same masked images stands
beside what the model tells from them (H1 to H5).
"""

from audit_suite import (
    FEWEST_READERS,
    Margin,
    WithoutROI,
    ahead_of_readers,
    auroc,
    check,
    each_never,
    expected_excess,
    map_plausibility,
    reader_agreement,
    reader_skill,
    report_only,
    require_skill,
    unanswered,
)

PROPOSED = "proposed default of audit-suite; pre-register your own in a card"


@check(
    "P1",
    full=auroc(),
    excess=expected_excess(),
    margin=Margin(0.0, source="the share of a model that looks nowhere in particular"),
)
def test_the_expected_regions_carry_the_answer(full, excess, margin, audit):
    """Does more of the answer come from where a clinician would look than the area explains?"""
    require_skill(full)
    assert excess > as_named(margin, audit)


@check("P2", full=auroc(), share=each_never("share"), margin=Margin(0.10, source=PROPOSED))
def test_what_must_not_matter_carries_no_answer(full, share, margin, audit):
    """Does next to nothing of the answer come from a region that must not matter?"""
    require_skill(full)
    assert share < as_named(margin, audit)


@check("P2-alone", full=auroc(), alone=each_never("alone"), margin=Margin(0.05, source=PROPOSED))
def test_what_must_not_matter_tells_nothing_alone(full, alone, margin, audit):
    """Put before another patient's image, does a region that must not matter tell nothing?"""
    require_skill(full)
    assert alone.distance_to(0.5) < as_named(margin, audit)


@check("H1", missing=unanswered())
def test_every_item_was_read(missing):
    """Has every reader answered every item of the pack?"""
    assert missing <= Margin(0, source="a pack is read to its end")


@check(
    "H2",
    section="readers.comparison",
    ahead=[ahead_of_readers(WithoutROI()), ahead_of_readers(WithoutROI(shape="box"))],
    margin=Margin(0.05, source=PROPOSED),
)
def test_no_signal_that_no_reader_sees(ahead, margin):
    """With the region hidden, does the model tell the finding no better than readers do?"""
    if ahead.at["readers"] < FEWEST_READERS:
        report_only(
            ahead,
            because="one or two readers speak for themselves: a description, not a verdict on "
            "readers like them",
        )
    assert ahead < margin


@check("H3", section="readers.skill", skill=reader_skill())
def test_what_readers_see(skill):
    """How well do readers tell the finding under each masking, and the model on the same images?"""
    report_only(
        *skill,
        because="how well people read masked images is no property of the model",
    )


@check("H4", section="readers.agreement", agreement=reader_agreement())
def test_readers_agree(agreement):
    """Do readers agree with each other, and each with themself on images shown twice?"""
    report_only(
        *agreement,
        because="a property of the readers, and a bound to what can be asked of the model",
    )


@check("H5", section="readers.plausibility", ratings=map_plausibility())
def test_maps_are_plausible_to_readers(ratings):
    """How plausible do readers find the maps that explain the model?"""
    report_only(
        *ratings,
        because="a map may be plausible and wrong; whether it is right is asked by I3 and I5",
    )


def as_named(margin, audit):
    """The margin, with who says which regions matter."""
    named = audit.cell.model.expectations[audit.cell.target]
    return Margin(margin, source=f"{margin.source}; regions after {named.source}")
