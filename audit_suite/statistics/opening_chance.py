"""The chance that an honest model passes what opens the gate, before anything is computed."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.special import logit, ndtr, ndtri, stdtrit

_KEPT = 0.25  # share of the skill that R8-box allows with the box hidden
_LEVEL = 0.05
_NODES = 41  # of the Gauss-Hermite rule
_FEWEST = 20  # patients of either class below which no verdict is given


@dataclass(frozen=True)
class Cohort:
    """The patients that a target's checks would see.

    Attributes:
        positives: Patients with the finding.
        negatives: Patients without it.
        images: Images per patient, on average.
    """

    positives: int
    negatives: int
    images: float = 1.0


def chance_to_open(
    auroc: float,
    cohort: Cohort,
    floor: float = 0.6,
    *,
    fills: int = 3,
    share: float = 0.0,
    between_fills: float = 0.7,
    within_patient: float = 0.5,
) -> float:
    """The chance that R1 and R8-box both pass, for a model that keeps a share of its skill.

    Scores are taken as binormal with equal variances, masked and full ones as correlated by
    .3 + .5 x share. Simulated chances lie within .05 of this in 99 % of 276 designs with one image
    per patient, and in 94 % of 152 with three.

    Args:
        auroc: The model's AUROC on full images, above .5.
        cohort: Patients and images.
        floor: What R1 requires the AUROC to exceed.
        fills: Fills under which R8-box must pass.
        share: Share of (AUROC - .5) that is left with the box hidden; 0 for an honest model.
        between_fills: Correlation of the AUROCs under two fills.
        within_patient: Correlation of the scores of one patient's images.

    Returns:
        A probability; 0 with fewer than 20 patients of either class.
    """
    if min(cohort.positives, cohort.negatives) < _FEWEST or auroc <= floor:
        return 0.0
    skill = auroc - 0.5
    hidden = 0.5 + share * skill
    full_variance = _variance(auroc, cohort, within_patient)
    hidden_variance = _variance(hidden, cohort, within_patient)
    quantile = float(stdtrit(_degrees(cohort), 1 - _LEVEL))
    gain = (logit(auroc) - logit(floor)) * auroc * (1 - auroc) / np.sqrt(full_variance)
    shown = float(ndtr(gain - quantile))
    together = 2 * _KEPT * (0.3 + 0.5 * share) * np.sqrt(hidden_variance * full_variance)
    both = hidden_variance + _KEPT**2 * full_variance
    above = (_KEPT - share) * skill / np.sqrt(both - together) - quantile
    below = -((_KEPT + share) * skill / np.sqrt(both + together) - quantile)
    nodes, weights = np.polynomial.hermite_e.hermegauss(_NODES)
    own = np.sqrt(1 - between_fills)
    common = np.sqrt(between_fills) * nodes
    inside = ndtr((above - common) / own) - ndtr((below - common) / own)
    gone = float(weights @ np.clip(inside, 0, None) ** fills / weights.sum())
    return min(shown, gone)


def _variance(auroc: float, cohort: Cohort, within_patient: float) -> float:
    """Variance of a binormal AUROC, with equal variances, from patients with several images."""
    from scipy.stats import multivariate_normal

    z = ndtri(auroc)
    both = multivariate_normal([0, 0], [[1, 0.5], [0.5, 1]])
    spread = float(both.cdf([z, z])) - auroc**2
    design = (1 + (cohort.images - 1) * within_patient) / cohort.images
    return spread * (1 / (cohort.positives - 1) + 1 / (cohort.negatives - 1)) * design


def _degrees(cohort: Cohort) -> float:
    """Satterthwaite's degrees of freedom."""
    m, n = cohort.positives, cohort.negatives
    return (1 / m + 1 / n) ** 2 / (1 / (m**2 * (m - 1)) + 1 / (n**2 * (n - 1)))
