"""The scale of a model's scores: log odds, probabilities, or numbers of its own."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit, logsumexp

from audit_suite.cards import ModelCard
from audit_suite.errors import AuditError

Floats = NDArray[np.float64]


def mean_of_scores(card: ModelCard, folds: Floats) -> Floats:
    """One score for each image from those of several folds.

    The mean of what the folds return after the card's activation. Of log odds it is the log odds
    of the mean probability, computed from both tails, so that it ties no images in which a mean
    near 1 would no longer differ.

    Args:
        card: Its ``activation`` says what the scores are.
        folds: Shape (folds, n), as stored; NaN stays NaN.

    Returns:
        Shape (n,), on the scale of ``folds``.
    """
    if len(folds) == 1:
        return np.asarray(folds[0])
    if card.activation == "none":
        return np.asarray(folds.mean(axis=0))
    with np.errstate(invalid="ignore"):  # images that could not be read
        sick, well = (logsumexp(-np.logaddexp(0, sign * folds), axis=0) for sign in (-1, 1))
    return np.asarray(sick - well)


def probabilities_of(card: ModelCard, scores: Floats) -> Floats | None:
    """The probabilities that scores stand for; None if the model gives none.

    Args:
        card: Its ``activation`` and ``probabilities``.
        scores: Shape (n,), as they are ranked; NaN stays NaN.

    Raises:
        AuditError: If the card says that they are probabilities, and one is not from 0 to 1.
    """
    if card.activation != "none":
        return np.asarray(expit(scores))
    if not card.probabilities:
        return None
    if ((scores < 0) | (scores > 1)).any():
        raise AuditError(
            f"{card.path}: key 'probabilities' says that the model returns probabilities, and its "
            f"scores go from {np.nanmin(scores):.3g} to {np.nanmax(scores):.3g}",
            'leave the key out; if these are logits, write activation = "sigmoid"',
        )
    return scores
