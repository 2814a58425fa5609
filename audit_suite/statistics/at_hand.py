"""What estimates at hand say of a target: patients, skill, what is kept, and how they vary."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from audit_suite.statistics.design import Cohort, Spread
from audit_suite.statistics.estimate import Estimate

_MOST_KEPT = 1.0
_LEAST_SKILL = 0.01  # of AUROC - .5, below which a share of it means nothing


@dataclass(frozen=True)
class AtHand:
    """Estimates of one target on full images and with the box hidden.

    Attributes:
        auroc: On full images.
        hidden: With the box hidden, by fill.
        cohort: The patients.
        spread: How the AUROCs vary, measured.
    """

    auroc: float
    hidden: tuple[float, ...]
    cohort: Cohort
    spread: Spread

    @staticmethod
    def of(full: Estimate, hidden: Sequence[Estimate]) -> AtHand:
        """From estimates on the same patients.

        Args:
            full: AUROC on full images.
            hidden: AUROC with the box hidden, by fill; two or more.
        """
        positives = full.n_positives or 0
        cohort = Cohort(
            positives, full.n_patients - positives, full.n_images / max(1, full.n_patients)
        )
        values = tuple(estimate.value for estimate in hidden)
        pairs = itertools.combinations(hidden, 2)
        return AtHand(
            auroc=full.value,
            hidden=values,
            cohort=cohort,
            spread=Spread.measured(
                full=_relative(full, cohort),
                hidden=float(np.mean([_relative(estimate, cohort) for estimate in hidden])),
                between_fills=float(np.mean([_correlation(a, b) for a, b in pairs])),
                full_hidden=float(np.mean([_correlation(full, each) for each in hidden])),
                share=float(np.mean(np.abs(shares_of(full.value, values)))),
            ),
        )

    @property
    def shares(self) -> tuple[float, ...]:
        """By fill the share of the skill that is kept, below 0 where scores are inverted."""
        return shares_of(self.auroc, self.hidden)


def shares_of(auroc: float, hidden: Sequence[float]) -> tuple[float, ...]:
    """The shares of the skill on full images that some AUROCs keep, from -1 to 1.

    Args:
        auroc: On full images.
        hidden: AUROCs on masked images.
    """
    skill = max(auroc - 0.5, _LEAST_SKILL)
    return tuple(min(max((each - 0.5) / skill, -_MOST_KEPT), _MOST_KEPT) for each in hidden)


def _relative(estimate: Estimate, cohort: Cohort) -> float:
    """An estimate's variance, relative to that of binormal scores."""
    edge = max(estimate.edge, 1e-3)
    planned = cohort.variance(min(max(estimate.value, edge), 1 - edge))
    return estimate.influence.variance / planned


def _correlation(one: Estimate, other: Estimate) -> float:
    mine, theirs = one.influence.variance, other.influence.variance
    both = one.influence.plus(other.influence, 1.0).variance
    return (both - mine - theirs) / 2 / math.sqrt(mine * theirs)
