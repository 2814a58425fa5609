"""What a target's checks would see: its patients, how their scores vary, and the error levels."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

from scipy.special import ndtr, ndtri, owens_t

FEWEST = 20
"""Patients of either class below which no verdict is given."""

_SAME_PATIENT = 0.5  # correlation of the scores of one patient's images, until measured
_HONEST = 0.3  # correlation of full and masked AUROC for a model that keeps no skill
_BY_SHARE = 0.5  # what a model that keeps all of its skill adds to it
_HIGHEST = 0.99  # of a correlation: estimates that are the same tell no more than that


@dataclass(frozen=True)
class Cohort:
    """The patients that a target's checks would see.

    Attributes:
        positives: Patients with the finding; not whole where a cohort is scaled.
        negatives: Patients without it.
        images: Images per patient, on average.
    """

    positives: float
    negatives: float
    images: float = 1.0

    @property
    def patients(self) -> float:
        """All patients."""
        return self.positives + self.negatives

    @property
    def is_judged(self) -> bool:
        """Whether there are enough patients of either class for a verdict."""
        return min(self.positives, self.negatives) >= FEWEST

    @property
    def degrees(self) -> float:
        """Satterthwaite's degrees of freedom of an AUROC."""
        m, n = self.positives, self.negatives
        return (1 / m + 1 / n) ** 2 / (1 / (m**2 * (m - 1)) + 1 / (n**2 * (n - 1)))

    def times(self, factor: float) -> Cohort:
        """So many times the patients, at the same prevalence."""
        return replace(self, positives=self.positives * factor, negatives=self.negatives * factor)

    def variance(self, auroc: float) -> float:
        """Variance of an AUROC of binormal scores with equal variances, clustered by patient."""
        z = float(ndtri(auroc))
        both = float(ndtr(z) - 2 * owens_t(z, math.sqrt(1 / 3)))  # both below z at correlation .5
        design = (1 + (self.images - 1) * _SAME_PATIENT) / self.images
        spread = 1 / (self.positives - 1) + 1 / (self.negatives - 1)
        return (both - auroc**2) * spread * design


@dataclass(frozen=True)
class Spread:
    """How the AUROCs of a target vary: as assumed, or as measured on stored scores.

    Attributes:
        full: Variance of the AUROC on full images, relative to `Cohort.variance`.
        hidden: The same with the box hidden.
        between_fills: Correlation of the AUROCs under two fills.
        honest: Correlation of the AUROCs on full and masked images if no skill is kept.
    """

    full: float = 1.0
    hidden: float = 1.0
    between_fills: float = 0.7
    honest: float = _HONEST

    def full_hidden(self, share: float) -> float:
        """Correlation of the AUROCs on full and masked images at a share of skill kept."""
        return min(max(self.honest + _BY_SHARE * share, -_HIGHEST), _HIGHEST)

    @staticmethod
    def measured(
        full: float, hidden: float, between_fills: float, full_hidden: float, share: float
    ) -> Spread:
        """From what was measured where a share of the skill is kept.

        Args:
            full: Variance relative to `Cohort.variance`, on full images.
            hidden: The same with the box hidden.
            between_fills: Measured correlation.
            full_hidden: Measured correlation.
            share: Share of the skill that was kept, 0 to 1.
        """
        return Spread(
            full, hidden, min(max(between_fills, 0.0), _HIGHEST), full_hidden - _BY_SHARE * share
        )


@dataclass(frozen=True)
class Levels:
    """Error levels of the checks of one model's release; as they are, for one target.

    Attributes:
        passing: Of each pass.
        failing: Of a fail of R8-box or R3, over its fills.
        floor: Of a fail of R1.
    """

    passing: float = 0.05
    failing: float = 0.0125
    floor: float = 0.0125

    @staticmethod
    def shared(alpha: float = 0.05, *, looks: int = 1, places: int = 1, main: int = 2) -> Levels:
        """The level of a release, divided as a policy says.

        Args:
            alpha: The level of the release.
            looks: Audits that the policy declares on these patients.
            places: Data sets and targets of the model.
            main: Checks that share half of the level in each place. R1 has half of the rest.
        """
        half = alpha / 2 / places
        return Levels(alpha / looks, half / main, half / 2)
