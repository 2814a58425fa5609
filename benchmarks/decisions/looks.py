"""Repeated looks: many variants of a model on one test set, until one opens."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from decisions.binormal import Design, layout, noise, signal
from decisions.rule import PASS, Levels, decide
from decisions.sums import sums_of

VARIANTS = 50
DECLARED = (1, 5, 10)
_SHARED = 0.5  # of the scores' noise, by all variants of a model


@dataclass(frozen=True)
class Looked:
    """How often a test set opened for any variant.

    Attributes:
        design: The model; its variants keep the same share.
        replicates: Test sets.
        freely: Share of test sets on which any of 50 variants opened at .05 each.
        summable: The same at .05/(j (j + 1)) for look j.
        declared: By number of declared looks m the share on which any of the first m opened at
            .05/m.
        first: By m the share on which the first look opened at .05/m: the price of declaring.
    """

    design: Design
    replicates: int
    freely: float
    summable: float
    declared: dict[int, float]
    first: dict[int, float]


def look(design: Design, replicates: int, seed: int) -> Looked:
    """Audit 50 variants of a model on each of many test sets.

    Args:
        design: The model and the patients.
        replicates: Number of test sets.
        seed: Decides all scores.
    """
    rng = np.random.default_rng([seed, design.patients, round(1000 * design.kept)])
    labels, patients = layout(design)
    turns = np.arange(1, VARIANTS + 1)
    opened: dict[str, list[bool]] = {}
    for _ in range(replicates):
        own = noise(rng, design, patients, VARIANTS)
        shared = noise(rng, design, patients, 1)
        mixed = (1 - _SHARED) ** 0.5 * own + _SHARED**0.5 * shared
        sums = sums_of(labels, patients, signal(design, labels) + mixed)
        at = {m: decide(sums, Levels(PASS / m)).open for m in DECLARED}
        rising = decide(sums, Levels(PASS / (turns * (turns + 1)))).open
        outcomes = {"freely": at[1].any(), "summable": rising.any()}
        for m in DECLARED:
            outcomes |= {f"any {m}": at[m][:m].any(), f"first {m}": at[m][0]}
        for name, value in outcomes.items():
            opened.setdefault(name, []).append(bool(value))
    share = {name: float(np.mean(values)) for name, values in opened.items()}
    return Looked(
        design,
        replicates,
        share["freely"],
        share["summable"],
        {m: share[f"any {m}"] for m in DECLARED},
        {m: share[f"first {m}"] for m in DECLARED},
    )
