"""Ties: pairs of one image with and one without the finding to which a model gives one score."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from audit_suite.cards import ModelCard
from audit_suite.maskings import Masking
from audit_suite.needs.scores.cell_scores import CellScores
from audit_suite.verdict import Inconclusive

HEAVY = 0.10
"""Share of tied pairs above which there is no verdict. A tie counts one half, so the order that it
hides may move an AUROC by half the share of ties: at .10 by .05, the margin of R2 and R3."""


def tied_pairs(images: CellScores, counted: NDArray[np.bool_] | None = None) -> float:
    """The share of pairs, one image of each class and of one stratum, whose scores are equal.

    Args:
        images: Labels, scores and strata.
        counted: Shape (n,), the images whose ties count; None for all.

    Returns:
        0 to 1; 0 without any pair.
    """
    stratum = np.zeros(len(images.labels), np.int_) if images.strata is None else images.strata
    counted = np.ones(len(stratum), np.bool_) if counted is None else counted
    values, level = np.unique(images.scores, return_inverse=True)
    pairs = _pairs(images.labels, stratum)
    tied = _pairs(images.labels[counted], (stratum * len(values) + level)[counted])
    return tied / pairs if pairs else 0.0


def refuse_ties(card: ModelCard, images: CellScores, masking: Masking) -> None:
    """Draw no verdict on scores whose order is lost in ties.

    On whole images all ties count. On masked images a model that reads only what is hidden rightly
    gives one score to all, so there only those ties count that hide an order: probabilities that
    the model itself has rounded to 0 or 1.

    Args:
        card: Says whether the scores are probabilities that the model returns.
        images: The scores.
        masking: What the model was shown.

    Raises:
        Inconclusive: If more than `HEAVY` of the pairs are tied.
    """
    rounded = card.activation == "none" and card.probabilities
    if not masking.is_full and not rounded:
        return
    share = tied_pairs(images, None if masking.is_full else np.isin(images.scores, (0, 1)))
    if share <= HEAVY:
        return
    remedy = "audit the model before its outputs are rounded or cut at a threshold"
    if rounded:
        remedy = (
            "let the model return the numbers before its sigmoid or softmax, and write "
            'activation = "sigmoid" or "softmax" in its card'
        )
    raise Inconclusive(
        f"{share:.0%} of the pairs of one image with and one without the finding have the same "
        f"score {masking.label or 'on whole images'}: their order could move the AUROC by up to "
        f"{share / 2:.2f}, and above {HEAVY:.0%} no verdict is drawn; {remedy}"
    )


def _pairs(labels: NDArray[np.int_], group: NDArray[np.int_]) -> float:
    """How many pairs of one image of each class and of one group there are."""
    _, of_image = np.unique(group, return_inverse=True)
    sick, well = (
        np.bincount(of_image[labels == side], minlength=of_image.max(initial=-1) + 1)
        for side in (1, 0)
    )
    return float(sick.astype(np.float64) @ well)
