"""Generalisation: external data, and the same preprocessing as in the release (O1 to O3).

O1 compares an external data set with the internal one that its card names (key ``internal``). O2 is
the region-sensitivity suite on the external card, where it runs as on any other. A good external
AUROC does not clear a model: external data may hold the same shortcut.
"""

from audit_suite import Margin, auroc, check, internal, parity

PROPOSED = "proposed default of audit-suite; pre-register your own in a card"


@check(
    "O1",
    risk="skill",
    internal=internal(auroc()),
    external=auroc(),
    margin=Margin(0.05, source=PROPOSED),
)
def test_skill_holds_on_external_data(internal, external, margin):
    """Does the model keep its skill on external data?

    If it fails: On patients from elsewhere the model is worse than on the data it was developed
    with.
    What to do: Compare patients, devices and preprocessing of both sets; use the model only where
    it has been shown to hold.
    """
    assert internal - external < margin


@check("O3", risk="masking", difference=parity())
def test_preprocessing_matches_the_release(difference, audit):
    """Does the audit preprocess images as the release pipeline does?

    If it fails: The audit gives the model other pixels than the release does, so every other answer
    is about another model.
    What to do: Correct `[input]` of the model card; `audit-suite parity record` shows the
    difference and what would remove it.
    """
    tolerance = audit.cell.model.parity.tolerance
    assert difference <= Margin(tolerance, source="the model card's parity.tolerance")
