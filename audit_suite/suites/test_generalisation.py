"""Other data, same preprocessing (O1 to O3).

O1 compares an external data set, whose card names the one it is external to (`internal`), with
that one. O2 is the region-sensitivity suite on the external card: it runs there as on any other.
A good external AUROC is no acquittal: a shortcut may travel.
"""

from audit_suite import Margin, auroc, check, internal, parity

PROPOSED = "proposed default of audit-suite; pre-register your own in a card"


@check("O1", internal=internal(auroc()), external=auroc(), margin=Margin(0.05, source=PROPOSED))
def test_skill_holds_on_external_data(internal, external, margin):
    """Does the model keep its skill on data from elsewhere?"""
    assert internal - external < margin


@check("O3", difference=parity())
def test_preprocessing_is_the_releases_own(difference, audit):
    """Does the audit prepare images as the release pipeline does?"""
    tolerance = audit.cell.model.parity.tolerance
    assert difference <= Margin(tolerance, source="the model card's parity.tolerance")
