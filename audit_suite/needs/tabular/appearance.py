"""Whether what shuffling leaves of an image predicts the label (M5)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from audit_suite.evidence import Cell, EvidenceSource
from audit_suite.evidence.scores.request import ScoreRequest
from audit_suite.maskings import Masking, Shuffled
from audit_suite.needs.classifier import cross_validated_auroc, logistic, scaler
from audit_suite.needs.scores.cell_scores import cell_scores
from audit_suite.statistics import Estimate


@dataclass(frozen=True)
class AppearanceAuroc:
    """Cross-validated AUROC of a classifier that sees only what shuffling leaves of an image.

    Attributes:
        parts: What is shuffled: ``pixels`` leave intensities, ``patches`` also their texture.
    """

    parts: Literal["pixels", "patches"]

    @property
    def id(self) -> str:
        """The masking's id."""
        return self.masking.id

    @property
    def masking(self) -> Masking:
        """The masking that shuffles."""
        return Shuffled(self.parts)

    def requests(self, cell: Cell) -> tuple[ScoreRequest, ...]:
        """Shuffled images; the model's scores on them are not used."""
        return cell.requests(self.masking)

    def estimate(self, cell: Cell, source: EvidenceSource) -> Estimate:
        """AUROC averaged over test folds and repeats.

        Raises:
            NotApplicable: If there are too few patients of a class.
        """
        scores = cell_scores(cell, source, self.masking)
        appearance = source.read(self.requests(cell)[0]).appearance
        assert appearance is not None, "this masking shuffles"
        return cross_validated_auroc(
            appearance[scores.used].astype(float),
            scores.labels,
            scores.patients,
            scores.dataset,
            logistic(self.id, scaler),
            source.profile.seed,
            f"AUROC of a classifier on images with shuffled {self.parts}",
        ).placed(masking=self.id)
