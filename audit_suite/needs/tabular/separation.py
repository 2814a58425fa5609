"""How much of what separates the classes a cue explains (M6, M7)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from audit_suite.datasets.properties import PROPERTIES
from audit_suite.evidence import Cell, EvidenceSource
from audit_suite.evidence.scores.request import ScoreRequest
from audit_suite.maskings import Full, Masking, WithoutROI
from audit_suite.needs.scores.cell_scores import CellScores, cell_scores, score_requests
from audit_suite.needs.tabular.cues import ACQUISITION, POSITION, cue_of, tags_of
from audit_suite.statistics import Estimate, ratio
from audit_suite.statistics.separation import Floats, Separation, estimate_separation
from audit_suite.verdict import NotApplicable

_FULL = Full()


@dataclass(frozen=True)
class ShareOfSeparation:
    """The share that a cue explains of how far scores on full images separate the classes.

    Attributes:
        name: A declared tag, an image property (`datasets.properties.PROPERTIES`),
            ``acquisition``: how the image looks outside the region's box, or ``position``: where
            the region lies in the frame.
        masking: What the model is shown for the explained part. Where only the box is shown it is
            what the cue explains there; the whole stays that of full images, so that the share is
            known also where nothing separates the classes any more.
    """

    name: str
    masking: Masking = _FULL

    @property
    def id(self) -> str:
        """The cue, and the masking's id where a part is hidden."""
        name = self.name or "nothing"
        return name if self.masking.is_full else f"{name}-{self.masking.id}"

    def requests(self, cell: Cell) -> tuple[ScoreRequest, ...]:
        """Scores under the masking and on full images, with which properties are stored.

        For the position also the masking that draws the region.

        Raises:
            NotApplicable: If there is no cue, or as `Cell.requests`.
        """
        if not self.name:
            raise NotApplicable(f"data set card '{cell.dataset.name}' declares no metadata")
        drawn = cell.requests(WithoutROI()) if self.name == POSITION else ()
        return *score_requests(cell, self.masking), *cell.requests(_FULL), *drawn

    def estimate(self, cell: Cell, source: EvidenceSource) -> Estimate:
        """The share, placed by ``cue``, its ``kind`` and why it is ``only_shown`` where it is.

        Raises:
            NotApplicable: If all images are alike in the cue.
            Inconclusive: If all images of one class are.
        """
        self.requests(cell)
        shown = cell_scores(cell, source, self.masking)
        cue = cue_of(self.name, cell, source, shown)
        explained = _separation(self.name, shown, cue.basis).explained
        full = shown if self.masking.is_full else cell_scores(cell, source, _FULL)
        whole = _separation(self.name, full, np.zeros((len(full.labels), 0))).whole
        at = {"cue": self.name, "kind": cue.kind, "masking": self.masking.id}
        if cue.only_shown:
            at["only_shown"] = cue.only_shown
        where = "" if self.masking.is_full else f" {self.masking.label}"
        return ratio(explained, whole, f"share explained by {self.name}{where}").placed(**at)


@dataclass(frozen=True)
class EachShare:
    """`ShareOfSeparation` of each cue of a kind.

    Attributes:
        kind: Every declared ``tag``, or of the ``image`` every property, the
            acquisition, and the region's position.
    """

    kind: Literal["tag", "image"]

    def expand(self, cell: Cell, maskings: Sequence[Masking]) -> tuple[ShareOfSeparation, ...]:
        """One need per cue; one that does not apply where no tag is declared."""
        image = (*PROPERTIES, ACQUISITION, POSITION)
        names = tags_of(cell) or ("",) if self.kind == "tag" else image
        return tuple(ShareOfSeparation(name) for name in names)


def _separation(name: str, scores: CellScores, basis: Floats) -> Separation:
    return estimate_separation(
        scores.labels, scores.scores, basis, scores.patients, scores.dataset, name, scores.strata
    )
