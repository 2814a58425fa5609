"""Whether how images were made predicts the label, measured where no finding can show (M5)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from audit_suite.evidence import Cell, EvidenceSource
from audit_suite.evidence.scores.request import ScoreRequest
from audit_suite.maskings import Full
from audit_suite.needs.classifier import cross_validated_auroc
from audit_suite.needs.scores.cell_scores import cell_scores
from audit_suite.needs.tabular.cues import acquisition_classifier
from audit_suite.statistics import Estimate


@dataclass(frozen=True)
class AcquisitionAuroc:
    """Cross-validated AUROC of a classifier on what shuffling leaves of an area without finding.

    Attributes:
        area: ``outside`` the region's bounding box, or the ``edge`` of the frame: its rim and
            corners, as far as they lie outside the box.
    """

    area: Literal["outside", "edge"]

    @property
    def id(self) -> str:
        """The area."""
        return self.area

    def requests(self, cell: Cell) -> tuple[ScoreRequest, ...]:
        """Full images, with which the measurements are stored; scores show which are usable."""
        return cell.requests(Full())

    def estimate(self, cell: Cell, source: EvidenceSource) -> Estimate:
        """AUROC averaged over test folds and repeats.

        Raises:
            NotApplicable: If nothing of the area is known, or there are too few patients of a
                class.
        """
        scores = cell_scores(cell, source, Full())
        features, make = acquisition_classifier((self.area,), cell, source, scores)
        where = "everything outside the box" if self.area == "outside" else "rim and corners"
        return cross_validated_auroc(
            features,
            scores.labels,
            scores.patients,
            scores.dataset,
            make,
            source.profile.seed,
            f"AUROC of a classifier on {where}, shuffled",
        ).placed(masking=self.id)
