"""How many patients would decide a target, and how many explained images R14."""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np
from scipy.special import expit, logit, ndtri

from audit_suite.statistics.at_hand import AtHand, shares_of
from audit_suite.statistics.design import FEWEST, Cohort, Levels, Spread
from audit_suite.statistics.estimate import Estimate
from audit_suite.statistics.opening_chance import (
    chance_below_floor,
    chance_to_close,
    chance_to_open,
)
from audit_suite.statistics.patients import patients_needed, two_digits

HOPELESS = "no realistic number of patients would decide it"
"""What `needed_in_words` says where more patients would not help."""
WANTED = 0.8
"""The chance with which so many patients decide."""

_USUAL = Levels()
_EXACT = 0.02  # of the number, which is shown with two digits
# Equally likely deviations in standard errors: the chances are almost steps. None of them is 0,
# where an estimate may happen to stand at a limit.
_FULL, _HIDDEN = (ndtri((np.arange(count) + 0.5) / count) for count in (6, 12))


def patients_to_decide(
    at_hand: AtHand, floor: float, *, levels: Levels = _USUAL, wanted: float = WANTED
) -> int | None:
    """Patients, the present ones included, with which R1 and R8-box would open or close the gate.

    The truth may lie anywhere in the intervals of the present estimates: a share of the skill that
    happens to stand at the limit does not ask for endless data, nor one that happens to stand at 0
    for few.

    Args:
        at_hand: The estimates.
        floor: What R1 requires the AUROC to exceed.
        levels: Error levels.
        wanted: The chance of a decision.

    Returns:
        Patients at the present prevalence; None if no realistic number decides with that chance.
    """
    if not at_hand.cohort.positives or not at_hand.cohort.negatives:
        return None
    truths = list(_plausible(at_hand))

    def decided(cohort: Cohort) -> float:
        chances = (
            _chance_to_decide(at_hand.spread, auroc, shares, cohort, floor, levels)
            for auroc, shares in truths
        )
        return sum(chances) / len(truths)

    return patients_needed(decided, at_hand.cohort, wanted, _EXACT)


def needed_in_words(patients: int | None, cohort: Cohort) -> str:
    """What `patients_to_decide` found, as a part of a sentence.

    Args:
        patients: What it returned.
        cohort: The present patients.
    """
    if patients is None:
        return HOPELESS
    if patients <= cohort.patients:
        return f"so many patients decide it with a chance of {WANTED:.0%} or more"
    positives = patients * cohort.positives / cohort.patients
    return (
        f"about {two_digits(patients):,} patients in all, {two_digits(positives):,} of them with "
        f"the finding, would decide it with a chance of {WANTED:.0%} (now "
        f"{cohort.patients:,.0f} and {cohort.positives:,.0f})"
    )


def images_to_explain(
    estimate: Estimate,
    limit: float,
    at_hand: int,
    *,
    alpha: float = _USUAL.passing,
    wanted: float = WANTED,
) -> int | None:
    """Images, those already explained included, with which R14 would probably be decided.

    Args:
        estimate: The share outside the region, over the images explained so far.
        limit: What the share is compared with.
        at_hand: Images that could be explained.
        alpha: One-sided level of the decision.
        wanted: The chance of a decision if the truth is the estimate.

    Returns:
        Their number; None if not even all of the images at hand would be enough.
    """
    distance = abs(estimate.value - limit)
    reach = (float(ndtri(1 - alpha)) + float(ndtri(wanted))) * estimate.se
    fewest = estimate.n_images * FEWEST / max(1, estimate.fewest)
    if not distance or not math.isfinite(reach):
        return None
    wanted_images = math.ceil(max(estimate.n_images * (reach / distance) ** 2, fewest))
    return wanted_images if wanted_images <= at_hand else None


def _plausible(at_hand: AtHand) -> Iterator[tuple[float, tuple[float, ...]]]:
    """AUROCs on full images and shares kept that the estimates allow, all equally likely.

    The AUROCs under all fills move together, as they mostly do. What they differ by counts as far
    as it is more than the noise that they do not share.
    """
    auroc = min(max(at_hand.auroc, 0.01), 0.99)
    cohort, spread = at_hand.cohort, at_hand.spread
    full = math.sqrt(spread.full * cohort.variance(auroc)) / (auroc * (1 - auroc))
    values = np.array(at_hand.hidden)
    middle = min(max(float(values.mean()), 0.01), 0.99)
    variance = spread.hidden * cohort.variance(middle)
    apart, noise = float(values.var(ddof=1)), variance * (1 - spread.between_fills)
    settled = middle + (values - middle) * (1 - noise / apart if apart > noise else 0.0)
    hidden = math.sqrt(variance)
    for skill in expit(logit(auroc) + full * _FULL):
        for shift in hidden * _HIDDEN:
            yield float(skill), shares_of(float(skill), list(settled + shift))


def _chance_to_decide(
    spread: Spread,
    auroc: float,
    shares: tuple[float, ...],
    cohort: Cohort,
    floor: float,
    levels: Levels,
) -> float:
    closed = chance_below_floor(auroc, cohort, floor, spread=spread, levels=levels)
    if auroc <= floor:
        return closed
    opened = chance_to_open(auroc, cohort, floor, shares=shares, spread=spread, levels=levels)
    kept = chance_to_close(auroc, cohort, shares, spread=spread, levels=levels)
    return 1 - (1 - closed) * max(0.0, 1 - opened - kept)
