"""A model that gives every image the same score tells nothing, and passes nothing."""

from __future__ import annotations

import numpy as np

from audit_suite.errors import AuditError
from audit_suite.evidence import Cell, EvidenceSource
from audit_suite.maskings import Full

_SAME = 1e-5  # relative difference below which two scores are one, as between two batches
_LEAST = 1e-7  # of outputs without activation, whose scale may be 0
_SHARE = 0.99  # of the images


def refuse_constant(cell: Cell, source: EvidenceSource) -> None:
    """Refuse a model whose scores of full images hardly differ.

    Without this, a constant model would pass every check that wants a score to fall to chance.

    Raises:
        AuditError: If 99 % of the images have the same score; or if the scores cannot be had.
    """
    column = cell.model.targets.index(cell.target)
    for request in cell.requests(Full()):
        table = source.read(request)
        scores = table.scores[table.used, column]
        if not len(scores):
            continue
        usual = float(np.median(scores))
        least = _LEAST if cell.model.activation == "none" else 0.0
        same = np.abs(scores - usual) <= max(least, _SAME * float(np.abs(scores).max()))
        if same.mean() >= _SHARE:
            name = cell.model.fold_name(request.fold)
            raise AuditError(
                f"model '{name}' gives {same.mean():.0%} of the {len(scores)} images of "
                f"'{cell.dataset.name}' the same score for '{cell.target}' ({usual:.6g}): no check "
                f"can pass on scores that do not differ",
                "check 'activation', 'input' and the weights of the model card; scores that all "
                'reach 0 or 1 need activation = "none"',
            )
