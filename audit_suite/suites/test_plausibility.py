"""Clinical plausibility: what a clinician expects, and what readers see.

A model card declares for a target which regions should matter, which must not, and on whose
authority (``[expectations.TARGET]`` with ``expected``, ``never`` and ``source``). Region Shapley
values and images of single regions are compared with it (P1, P2), without any reader. Regions are
those of the data set; ``border``, the rim of the frame, exists in every data set.

With readings (``--audit-readings``), what readers detect in the same masked images is compared with
what the model detects (H1 to H5).
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
    risk="source",
    full=auroc(),
    excess=expected_excess(),
    margin=Margin(0.0, source="a model without preference for any region"),
)
def test_the_expected_regions_carry_the_output(full, excess, margin, audit):
    """Does more of the model's output come from the expected regions than their area explains?

    If it fails: The regions where a clinician would look carry less of the output than their area
    explains.
    What to do: Compare with the regions that do carry it (R14), and ask a clinician whether these
    are plausible.
    """
    require_skill(full)
    assert excess > with_source(margin, audit)


@check(
    "P2",
    risk="source",
    full=auroc(),
    share=each_never("share"),
    margin=Margin(0.10, source=PROPOSED),
)
def test_what_must_not_matter_carries_no_output(full, share, margin, audit):
    """Does almost none of the model's output come from a region that must not matter?

    If it fails: A region that must not matter carries part of the model's output.
    What to do: Look at these images; remove or cover that region in training, and train again.
    """
    require_skill(full)
    assert share < with_source(margin, audit)


@check(
    "P2-alone",
    risk="source",
    full=auroc(),
    alone=each_never("alone"),
    margin=Margin(0.05, source=PROPOSED),
)
def test_what_must_not_matter_is_uninformative_alone(full, alone, margin, audit):
    """Is the model at chance when only a region that must not matter is the patient's own?

    If it fails: A region that must not matter is enough for the model to detect the finding.
    What to do: Look at these images; remove or cover that region in training, and train again.
    """
    require_skill(full)
    assert alone.distance_to(0.5) < with_source(margin, audit)


@check("H1", risk="people", missing=unanswered())
def test_every_item_was_read(missing):
    """Has every reader answered every item of the pack?

    If it fails: A reader left items of the pack without an answer, so readers and model are not
    compared on the same images.
    What to do: Ask the reader to finish, and import the answers again with `audit-suite readers
    import`.
    """
    assert missing <= Margin(0, source="every item of a pack must be answered")


@check(
    "H2",
    risk="people",
    section="readers.comparison",
    ahead=[ahead_of_readers(WithoutROI()), ahead_of_readers(WithoutROI(shape="box"))],
    margin=Margin(0.05, source=PROPOSED),
)
def test_no_signal_that_no_reader_sees(ahead, margin):
    """With the region hidden, does the model detect the finding no better than readers do?

    If it fails: In images without the region the model detects what three or more readers do not:
    it uses a signal that these readers do not see. They are no ceiling, since nobody reads masked
    films: what they miss there may still be the disease.
    What to do: Look for the cause that the report names; where none is, do not take the signal for
    disease before somebody has shown it.
    """
    if ahead.at["readers"] < FEWEST_READERS:
        report_only(
            ahead,
            because="one or two readers do not stand for others: a description, not a verdict",
        )
    assert ahead < margin


@check("H3", risk="people", section="readers.skill", skill=reader_skill())
def test_skill_of_readers(skill):
    """How well do readers and the model detect the finding in the same masked images?

    How to read it: Readers show what can be seen in a masked image; only H2 compares them with the
    model for a verdict.
    """
    report_only(
        *skill,
        because="how well people read masked images is not a property of the model",
    )


@check("H4", risk="people", section="readers.agreement", agreement=reader_agreement())
def test_readers_agree(agreement):
    """Do readers agree with each other, and with themselves on images shown twice?

    How to read it: Where readers do not agree with each other, or with themselves, a comparison
    with them says little.
    """
    report_only(
        *agreement,
        because="a property of the readers, which limits what can be expected of the model",
    )


@check("H5", risk="people", section="readers.plausibility", ratings=map_plausibility())
def test_maps_are_plausible_to_readers(ratings):
    """How plausible do readers find the model's attribution maps?

    How to read it: Ratings show whether a map persuades, not whether it is right.
    """
    report_only(
        *ratings,
        because="a map may be plausible and wrong; I3 and I5 test whether it is right",
    )


def with_source(margin, audit):
    """The margin, and the source of which regions matter."""
    expectation = audit.cell.model.expectations[audit.cell.target]
    return Margin(margin, source=f"{margin.source}; regions after {expectation.source}")
