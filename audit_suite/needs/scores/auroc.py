"""The area under the ROC curve on images under a masking."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, overload

from audit_suite.evidence import Cell, EvidenceSource
from audit_suite.evidence.scores.request import ScoreRequest
from audit_suite.maskings import Full, Masking
from audit_suite.needs.scores.cell_scores import auroc_of, cell_scores, score_requests
from audit_suite.needs.scores.swap import clustered_by_donor, donors_of
from audit_suite.needs.scores.ties import refuse_ties, tied_pairs
from audit_suite.statistics import Estimate


@dataclass(frozen=True)
class Auroc:
    """AUROC of the cell's model for its target, with every image under ``masking``.

    Attributes:
        masking: What the model is shown.
        any_ties: Whether it is given however many pairs of images are tied, to be shown only.
    """

    masking: Masking
    any_ties: bool = False

    @property
    def id(self) -> str:
        """The masking's id."""
        return self.masking.id

    def requests(self, cell: Cell) -> tuple[ScoreRequest, ...]:
        """Scores under the masking."""
        return score_requests(cell, self.masking)

    def estimate(self, cell: Cell, source: EvidenceSource) -> Estimate:
        """AUROC with a patient-clustered interval (DeLong 1988, Obuchowski 1997).

        Images with another patient's background are clustered by that donor as well.

        Raises:
            NotApplicable: As `cell_scores`.
            Inconclusive: If too many pairs of images are tied (`refuse_ties`).
        """
        scores = cell_scores(cell, source, self.masking)
        if not self.any_ties:
            refuse_ties(cell.model, scores, self.masking)
        label = f"AUROC {self.masking.label}".rstrip()
        if self.masking.needs_donor:
            donors, name = donors_of(cell, source, scores), f"{cell.model.name}/{self.id}"
            estimate = clustered_by_donor(lambda s: auroc_of(s, label), scores, donors, name)
        else:
            estimate = auroc_of(scores, label)
        ties = round(tied_pairs(scores), 6)
        placed = estimate.placed(masking=self.masking.id, visible=scores.visible, ties=ties)
        return placed if scores.covered is None else placed.placed(covered=scores.covered)


class _Maskings:
    """The type of `MASKINGS`."""


MASKINGS: Final = _Maskings()
"""The maskings named by ``--audit-masking`` or the data set's card."""


@dataclass(frozen=True)
class EachMasking:
    """`Auroc` under each masking named by ``--audit-masking`` or the data set's card."""

    def expand(self, cell: Cell, maskings: Sequence[Masking]) -> tuple[Auroc, ...]:
        """One need per masking."""
        return tuple(Auroc(masking) for masking in maskings)


@overload
def auroc(masking: Masking | None = None) -> Auroc: ...
@overload
def auroc(masking: _Maskings) -> EachMasking: ...
def auroc(masking: Masking | _Maskings | None = None) -> Auroc | EachMasking:
    """Need: AUROC on full images, or on images under ``masking``.

    Args:
        masking: For example ``WithoutROI(shape="box", fill="mean")``; None for the full image;
            `MASKINGS` for all that ``--audit-masking`` or the data set's card names, one case each.
    """
    if isinstance(masking, _Maskings):
        return EachMasking()
    return Auroc(Full() if masking is None else masking)
