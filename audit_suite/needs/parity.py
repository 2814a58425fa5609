"""Parity of the audit's preprocessing with the release pipeline's (O3): measured, not estimated."""

from __future__ import annotations

from audit_suite.cards import ModelCard
from audit_suite.statistics import Exact
from audit_suite.verdict import NotApplicable


def parity(card: ModelCard) -> Exact:
    """Largest difference between the audit's input and the release pipeline's on golden files.

    Args:
        card: Its ``parity`` names images and the arrays the release pipeline made of them.

    Raises:
        NotApplicable: If the card names none.
        AuditError: If a file is missing or does not fit.
    """
    from audit_suite.evidence.parity import preprocessing_difference

    if card.parity is None:
        raise NotApplicable("the model card names no golden files of its release pipeline (parity)")
    return Exact(
        "largest difference of the input to the release pipeline's",
        preprocessing_difference(card, card.parity),
        len(card.parity.images),
    )
