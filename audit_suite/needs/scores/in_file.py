"""Skill with the region hidden in the image files, before any preprocessing (C18)."""

from __future__ import annotations

from dataclasses import dataclass

from audit_suite.evidence import Cell, EvidenceSource
from audit_suite.evidence.scores.in_file import InFileRequest
from audit_suite.evidence.scores.request import ScoreRequest
from audit_suite.maskings import WithoutROI
from audit_suite.needs.scores.cell_scores import auroc_of, cell_scores, score_requests
from audit_suite.needs.scores.ties import refuse_ties
from audit_suite.statistics import Estimate
from audit_suite.verdict import NotApplicable

_BOX = WithoutROI(shape="box")


@dataclass(frozen=True)
class AurocInFile:
    """AUROC with the region's bounding box black in the image file's own pixels."""

    @property
    def id(self) -> str:
        """The masking's id behind ``in-file``."""
        return f"in-file-{_BOX.id}"

    def requests(self, cell: Cell) -> tuple[ScoreRequest, ...]:
        """Scores under the masking in the file, and in the input, which show the region's size.

        Raises:
            NotApplicable: If no ROI is declared, or the card's own function reads the files.
        """
        return *_in_file(cell), *score_requests(cell, _BOX)

    def estimate(self, cell: Cell, source: EvidenceSource) -> Estimate:
        """AUROC with a patient-clustered interval.

        Raises:
            NotApplicable: As `cell_scores`.
            Inconclusive: If too many pairs of images are tied.
        """
        scores = cell_scores(cell, source, _BOX, read=_in_file(cell))
        refuse_ties(cell.model, scores, _BOX)
        estimate = auroc_of(scores, f"AUROC {_BOX.label}, hidden in the file")
        return estimate.placed(masking=_BOX.id, where="file")


def _in_file(cell: Cell) -> tuple[ScoreRequest, ...]:
    requests = cell.requests(_BOX)
    if cell.model.input.function is not None:
        raise NotApplicable(
            "the model card's own function (input.function) reads the image files itself, so "
            "nothing can be hidden in them"
        )
    return tuple(InFileRequest(r.model, r.fold, r.dataset, r.masking) for r in requests)
