"""What is simulated: designs, levels and replicates, and one line of figures for each."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from decisions.binormal import Design, simulate
from decisions.planned import planned_to_close, planned_to_open
from decisions.pools import Pool, resample
from decisions.rule import Levels, decide
from decisions.sums import Sums

PATIENTS = (200, 500, 1500, 3000)
PREVALENCES = (0.1, 0.3, 0.5)
AUROCS = (0.80, 0.85, 0.90, 0.95)
KEPT = (0.0, 0.1, 0.25, 0.33, 0.5, 1.0)
INVERTED = (0.33, 0.5, 1.0)
HONEST_ALONE = (0.85, 0.95)  # AUROCs for which no shortcut is simulated, and
HONEST_AT = (0.5,)  # such prevalences: there all but honest models are decided
TARGETS = (1, 5, 14)
CLUSTERED = (0.0, 0.5)  # shares kept for which three images a patient are simulated too
BETWEEN_FILLS = (0.0, 0.9)  # correlations of fills beside the usual one, honest models


def designs() -> Iterator[Design]:
    """All designs of the table."""
    for auroc, patients, prevalence in itertools.product(AUROCS, PATIENTS, PREVALENCES):
        at = auroc, patients, prevalence
        few = auroc in HONEST_ALONE or prevalence in HONEST_AT
        for kept in KEPT[:1] if few else KEPT:
            yield _at(at, kept)
        for kept in () if few else INVERTED:
            yield _at(at, kept, inverted=True)
        for kept in CLUSTERED[:1] if few else CLUSTERED:
            yield _at(at, kept, images=3)
        for correlation in BETWEEN_FILLS:
            yield _at(at, 0.0, between_fills=correlation)


def _at(place: tuple[float, int, float], kept: float, **more: Any) -> Design:
    auroc, patients, prevalence = place
    return Design(auroc, kept, patients, prevalence, **more)


def simulated(design: Design, replicates: int, seed: int) -> dict[str, Any]:
    """Figures of one design: shares opened and closed, and the predicted chance to open."""
    return {
        **vars(design),
        **shares(simulate(design, replicates, seed)),
        "planned": planned_to_open(design),
        "planned_closed": planned_to_close(design),
    }


def drawn(
    pool: Pool, patients: int, prevalence: float, replicates: int, seed: int
) -> dict[str, Any]:
    """Figures of test sets drawn from a pool, beside those of binormal scores as good.

    The design that is compared with it has the pool's AUROC and the largest share that any fill
    keeps; the correlation of the fills is the usual one, as before any data are seen, and then the
    pool's own.
    """
    aurocs, kept = pool.aurocs, pool.kept
    between = pool.sums().correlations()[0, 1:, 1:]
    like = Design(
        float(aurocs[0]),
        float(min(np.abs(kept).max(), 1)),
        patients,
        prevalence,
        round(pool.images),
    )
    pairs = between[np.triu_indices(len(between), 1)]
    measured = float(np.clip(pairs.mean(), 0, 0.99))
    return {
        "pool": pool.name,
        "truth": pool.truth,
        "auroc": float(aurocs[0]),
        "kept": kept.tolist(),
        "patients": patients,
        "prevalence": prevalence,
        "images": pool.images,
        "between_fills": pairs.tolist(),
        **shares(resample(pool, patients, prevalence, replicates, seed)),
        "planned": planned_to_open(like),
        "planned_measured": planned_to_open(replace(like, between_fills=measured)),
    }


def shares(sums: Sequence[Sums]) -> dict[str, Any]:
    """Shares of test sets that are opened, and closed at the level of T targets."""
    figures: dict[str, Any] = {"replicates": sum(len(part.auroc) for part in sums)}
    for targets in TARGETS:
        decided = [decide(part, Levels.of(targets)) for part in sums]
        opened, closed = (
            np.concatenate([getattr(part, name) for part in decided]) for name in ("open", "closed")
        )
        if targets == 1:  # a pass is not divided among targets
            figures |= {"open": float(opened.mean())}
        figures[f"closed_{targets}"] = float(closed.mean())
    figures["undecided"] = 1 - figures["open"] - figures["closed_1"]
    return figures
