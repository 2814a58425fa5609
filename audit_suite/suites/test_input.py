"""The input: are the masks what they seem? (C14).

A mask that is inverted, of another image or a copy makes every answer about the region one about
something else, and most of them reassuring. No model is asked.
"""

from audit_suite import Inconclusive, Margin, check, mask_fault, mask_fit

PROPOSED = "proposed default of audit-suite; pre-register your own in a card"
OWN = Margin(0.5, source="a mask should fit its own image better than other patients' masks do")
UPRIGHT = Margin(0.6, source="one half is what turning a mask without a visible edge gives")
CLEAR = 0.15  # real lungs and optic discs stay below .03


@check(
    "C14",
    risk="data",
    question="Are the masks of a plausible size, the right way round, on their own image, and no "
    "copies?",
    area=mask_fault("area"),
    polarity=mask_fault("polarity"),
    content=mask_fault("content"),
    repeated=mask_fault("repeated"),
    images=mask_fault("images"),
    fit=mask_fit(),
    margin=Margin(0.05, source=PROPOSED),
)
def test_the_masks_are_sane(area, polarity, content, repeated, images, fit, margin):
    """At most one mask in twenty looks wrong.

    If it fails: Too many masks look wrong: inverted, empty, of another image, copied, or turned.
    Every answer about the region would be about something else.
    What to do: Correct the masks that the report lists, or the keys of `[regions]`, and audit
    again. What is odd by design belongs under `[masks]`.
    """
    for share in (area, polarity, content, repeated, images):
        assert share <= margin
    for turned in fit[:1]:
        assert turned < UPRIGHT
    for share in fit[1:]:
        assert share < OWN
    for share in fit:
        if share.value > CLEAR:
            raise Inconclusive(
                f"{share!r}: the region has no visible edge, or some masks do not belong to their "
                f"images"
            )
