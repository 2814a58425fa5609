"""A model that gives every image the same score tells nothing, and passes nothing."""

from __future__ import annotations

import numpy as np

from audit_suite.cards import ModelCard
from audit_suite.evidence import Cell, EvidenceSource
from audit_suite.maskings import Full

_SAME = 1e-5  # relative difference below which two scores are one, as between two batches
_LEAST = 1e-7  # of numbers of its own, whose scale may be 0
_SHARE = 0.99  # of the images


REMEDY = (
    "so it tells sick from healthy no better than a coin: look at 'input' and the weights in its "
    "card; if its own sigmoid makes all scores 0 or 1, let it return the number before that"
)
"""What such a model lacks, and what to do; follows the sentence of `constant`."""


def constant(cell: Cell, source: EvidenceSource) -> str:
    """What is wrong with a model whose scores of full images hardly differ; empty if they do.

    Without this, a constant model would pass every check that wants a score to fall to chance.

    Returns:
        A sentence, if 99 % of the images have the same score.

    Raises:
        AuditError: If the scores cannot be had.
    """
    column = cell.model.targets.index(cell.target)
    least = _least(cell.model)
    for request in cell.requests(Full()):
        table = source.read(request)
        scores = table.scores[table.used, column]
        if not len(scores):
            continue
        usual = float(np.median(scores))
        same = np.abs(scores - usual) <= max(least, _SAME * float(np.abs(scores).max()))
        if same.mean() >= _SHARE:
            name = cell.model.fold_name(request.fold)
            return (
                f"model '{name}' gives {same.mean():.0%} of the {len(scores)} images of "
                f"'{cell.dataset.name}' the same score for '{cell.target}' ({usual:.6g})"
            )
    return ""


def _least(card: ModelCard) -> float:
    """The difference that no two scores need to exceed to be one."""
    if card.activation != "none":
        return _SAME  # log odds of 0 are a probability of one half
    return 0.0 if card.probabilities else _LEAST
