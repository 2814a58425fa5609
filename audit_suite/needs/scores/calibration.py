"""Whether a model's probabilities are what they say: overall, by group, under a masking."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

import numpy as np
from scipy.special import logit

from audit_suite.evidence import Cell, EvidenceSource
from audit_suite.evidence.scores.request import ScoreRequest
from audit_suite.maskings import Full, Masking
from audit_suite.needs.scores.cell_scores import CellScores, cell_scores, score_requests
from audit_suite.needs.scores.groups import sizes, splits, tags_of
from audit_suite.statistics import Estimate, mean_of_folds
from audit_suite.statistics.reliability import (
    calibration_error,
    calibration_intercept,
    calibration_slope,
    reliability_curve,
)
from audit_suite.verdict import NotApplicable

_TINY = 1e-9  # probabilities that a model has rounded to 0 or 1


@dataclass(frozen=True)
class Calibration:
    """Slope, intercept and expected error of a model's probabilities, with or without a curve.

    The error is given as it is (``error``), and after all log odds are moved by the intercept
    (``error-adjusted``): what is left when only the prevalence differs from where it was trained.

    Attributes:
        masking: What the model is shown; None for the full image.
        by: ``all`` patients, or each ``group`` of them by a declared tag that is large enough.
    """

    masking: Masking | None = None
    by: Literal["all", "group"] = "all"

    @property
    def id(self) -> str:
        """The masking and the groups."""
        return f"calibration-{self._shown.id}-{self.by}"

    @property
    def _shown(self) -> Masking:
        return Full() if self.masking is None else self.masking

    def requests(self, cell: Cell) -> tuple[ScoreRequest, ...]:
        """Scores under the masking.

        Raises:
            NotApplicable: If the model gives no probabilities, or nothing divides patients into
                groups.
        """
        if not cell.model.gives_probabilities:
            raise NotApplicable(
                f"model card '{cell.model.name}' says that its scores are no probabilities "
                f'(activation = "none" without probabilities = true)'
            )
        if self.by == "group" and not tags_of(cell):
            raise NotApplicable(
                f"data set card '{cell.dataset.name}' declares no metadata that divides patients "
                f"into groups"
            )
        asked = [r for one in cell.each() for r in score_requests(one, self._shown)]
        return tuple(dict.fromkeys(asked))

    def answer(self, cell: Cell, source: EvidenceSource) -> tuple[Estimate, ...]:
        """The statistics, placed by ``statistic``, and by ``group`` or ``masking``.

        Of all patients on full images the reliability curve too.

        Raises:
            NotApplicable: As `requests`, or if no group is large enough.
        """
        self.requests(cell)
        folds = [cell_scores(one, source, self._shown) for one in cell.each()]
        if self.by == "all":
            return tuple(self._over_folds(folds, curve=self._shown.is_full))
        estimates: list[Estimate] = []
        first = folds[0]
        for split in splits(cell, source, order=1):
            each = sizes(split, first.labels, first.patients, first.used)
            for number, size in enumerate(each):
                if not size.lack:
                    inside = [f.where(split.codes[f.used] == number) for f in folds]
                    estimates += self._over_folds(inside, group=split.names[number])
        if not estimates:
            raise NotApplicable("no group of patients is large enough for a calibration of its own")
        return tuple(estimates)

    def _over_folds(
        self, folds: list[CellScores], group: str = "", curve: bool = False
    ) -> Iterator[Estimate]:
        each = [dict(_statistics(images, group or self._shown.label, curve)) for images in folds]
        at = {"group": group} if group else {"masking": self._shown.id}
        for name in each[0]:
            if all(name in known for known in each):
                one = mean_of_folds([known[name] for known in each])
                statistic = name.partition(" ")[0]
                yield one.placed(**each[0][name].at, **at, statistic=statistic)


def _statistics(images: CellScores, where: str, curve: bool) -> Iterator[tuple[str, Estimate]]:
    """Every statistic by name; bins of the curve are numbered."""
    assert images.probabilities is not None
    odds = logit(np.clip(images.probabilities, _TINY, 1 - _TINY))
    rest = images.patients, images.dataset

    def named(words: str) -> str:
        return f"calibration {words} {f'({where})' if where else ''}".rstrip()

    slope = calibration_slope(images.labels, odds, *rest, named("slope"))
    if slope is not None:
        yield "slope", slope
    intercept = calibration_intercept(images.labels, odds, *rest, named("intercept"))
    yield "intercept", intercept
    yield "error", calibration_error(images.labels, odds, *rest, named("error"))
    moved = odds + intercept.value
    words = named("error at the prevalence of these images")
    yield "error-adjusted", calibration_error(images.labels, moved, *rest, words)
    if curve:
        bins = reliability_curve(images.labels, odds, *rest, "share with the finding")
        for number, share in enumerate(bins):
            yield f"bin {number}", share
