"""AUROC within strata of a tag or of another finding (C10)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from audit_suite.datasets.dataset import UNLABELLED
from audit_suite.evidence import Cell, EvidenceSource
from audit_suite.evidence.scores.request import ScoreRequest
from audit_suite.maskings import Masking
from audit_suite.needs.scores.bands import band_edges, bands
from audit_suite.needs.scores.cell_scores import cell_scores, score_requests
from audit_suite.needs.scores.ties import refuse_ties
from audit_suite.statistics import Estimate, estimate_auroc_within
from audit_suite.statistics.numbering import how_many
from audit_suite.verdict import NotApplicable

_BANDS = (20, 40, 60, 80)  # percentiles


@dataclass(frozen=True)
class WithinStrata:
    """AUROC that compares only images of one stratum (Janes and Pepe, Biometrika 96, 2009).

    Attributes:
        masking: What the model is shown.
        by: A declared tag, or another target of the data set; empty where there is neither.
    """

    masking: Masking
    by: str

    @property
    def id(self) -> str:
        """The stratum and the masking's id."""
        return f"{self.by or 'nothing'}-{self.masking.id}"

    def requests(self, cell: Cell) -> tuple[ScoreRequest, ...]:
        """Scores under the masking.

        Raises:
            NotApplicable: If there is nothing to stratify by, or it is the target itself.
        """
        if not self.by or self.by == cell.target:
            raise NotApplicable(
                f"data set card '{cell.dataset.name}' declares no metadata and no other target"
                if not self.by
                else f"'{self.by}' is the target itself"
            )
        return score_requests(cell, self.masking)

    def estimate(self, cell: Cell, source: EvidenceSource) -> Estimate:
        """AUROC within strata; images whose tag is unknown are a stratum of their own.

        Of another target only the images that have its label are compared.

        Raises:
            NotApplicable: If all images are in one stratum, or no stratum holds both classes.
        """
        self.requests(cell)
        scores = cell_scores(cell, source, self.masking)
        refuse_ties(cell.model, scores, self.masking)
        dataset = source.dataset(cell.dataset)
        if self.by in cell.dataset.targets:
            labels = dataset.labels_of(self.by)
            scores = scores.where(labels[scores.used] != UNLABELLED)
            values = [str(label) for label in labels[scores.used]]
        else:
            values = [str(dataset.cases[i].metadata[self.by]) for i in np.flatnonzero(scores.used)]
        strata = cut(values)
        alone = len(np.unique(strata)) < 2
        if scores.strata is not None:
            strata = strata + (strata.max() + 1) * scores.strata
        if alone:
            raise NotApplicable(f"all images have the same '{self.by}'")
        if not _comparable(strata, scores.labels, scores.patients):
            raise NotApplicable(f"no value of '{self.by}' is shared by two patients of each class")
        label = f"AUROC {self.masking.label} within strata of {self.by}".replace("  ", " ")
        estimate = estimate_auroc_within(
            scores.labels, [scores.scores], scores.patients, [strata], scores.dataset, label
        )
        kind = "target" if self.by in cell.dataset.targets else "tag"
        return estimate.placed(masking=self.masking.id, stratum=self.by, kind=kind)


@dataclass(frozen=True)
class EachStratum:
    """`WithinStrata` for every declared tag and every other target of the data set."""

    masking: Masking

    def expand(self, cell: Cell, maskings: Sequence[Masking]) -> tuple[WithinStrata, ...]:
        """One need per tag and per target; one that does not apply where there is neither."""
        card = cell.dataset
        names = dict.fromkeys((*card.metadata, *(card.targets if len(card.targets) > 1 else ())))
        return tuple(WithinStrata(self.masking, name) for name in names or ("",))


def cut(values: Sequence[str]) -> NDArray[np.int_]:
    """The stratum of each value, shape (n,).

    Every value is a stratum; numbers of more than six values are cut into five bands of equal size.
    An empty text (unknown) is a stratum of its own.
    """
    edges = band_edges(values, _BANDS)
    if edges is None:
        strata = np.unique(np.asarray(values, np.str_), return_inverse=True)[1]
    else:
        unknown = len(edges) + 1
        strata = np.array([unknown if band is None else band for band in bands(values, edges)])
    return strata.astype(np.int_)


def _comparable(
    strata: NDArray[np.int_], labels: NDArray[np.int_], patients: NDArray[np.int_]
) -> bool:
    return any(
        min(how_many(patients[(strata == s) & (labels == side)]) for side in (0, 1)) >= 2
        for s in np.unique(strata)
    )
