"""Tests where the truth is the margin itself: FAIL at a release's levels, PASS at .05."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import Any

import numpy as np

from covering.scores import Cell, batches
from decisions.contrasts import p_of_auroc, p_of_difference, p_of_share

POSITIVES = (20, 50)
FAILING = (0.00125, 0.00009)
PASSING = 0.05
CORRELATIONS = (0.7, 0.9)
_PREVALENCE = 0.1
_KEPT = 0.25
_CHANCE = 0.55
_LOSS = 0.05  # margin of a difference


def realised(replicates: int, seed: int) -> Iterator[dict[str, Any]]:
    """Realised levels by quantity, scale, side, AUROC, positives and correlation.

    Args:
        replicates: Test sets of each line; a rate of .00009 needs 100,000 or more.
        seed: Decides them.
    """
    places = itertools.product((0.8, 0.9, 0.95), POSITIVES, CORRELATIONS)
    for auroc, positives, correlation in places:
        size = round(positives / _PREVALENCE)
        at = (auroc, size, 1, _PREVALENCE, correlation)
        lost = (auroc - _LOSS - 0.5) / (auroc - 0.5)
        yield from _rates(Cell(*at, lost), replicates, seed, "difference")
        yield from _rates(Cell(*at, _KEPT), replicates, seed, "share")
    for positives in POSITIVES:
        size = round(positives / _PREVALENCE)
        cell = Cell(0.9, size, 1, _PREVALENCE, 0.7, (_CHANCE - 0.5) / 0.4)
        yield from _rates(cell, replicates, seed, "one AUROC")


def _rates(cell: Cell, replicates: int, seed: int, what: str) -> Iterator[dict[str, Any]]:
    tails: dict[str, list[np.ndarray]] = {}
    for sums in batches(cell, replicates, seed):
        if what == "difference":
            p_values = {
                "logit": p_of_difference(sums, 0, 1, _LOSS),
                "plain": p_of_difference(sums, 0, 1, _LOSS, plain=True),
            }
        elif what == "share":
            p_values = {"logit": p_of_share(sums, 1, 0, _KEPT)}
        else:
            p_values = {"logit": p_of_auroc(sums, 1, _CHANCE)}
        for scale, both in p_values.items():
            tails.setdefault(scale, []).append(np.stack(both))
    for scale, parts in tails.items():
        both = np.concatenate(parts, axis=1)
        for side, fail, passed in (("above", *both), ("below", *both[::-1])):
            yield {
                "quantity": what,
                "scale": scale,
                "fails_where": side,
                "auroc": cell.auroc,
                "positives": cell.positives,
                "correlation": cell.correlation,
                "replicates": len(fail),
                "fail": {str(level): float((fail < level).mean()) for level in FAILING},
                "pass": float((passed < PASSING).mean()),
            }
