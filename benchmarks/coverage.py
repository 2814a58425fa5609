"""How often do the intervals contain the truth? Coverage of nominal 95 % intervals by simulation.

Single AUROCs and paired differences over true AUROC x patients x images per patient x prevalence.
Scores are binormal; images of a patient share half of the variance. The second score of a pair has
AUROC .5 + .6 (A - .5) and correlation .7 with the first. Replicates with fewer than 20 positive
patients are left out, because they get no verdict (FEWEST_PATIENTS).

    python benchmarks/coverage.py [--quick] [--json PATH]
"""

from __future__ import annotations

import argparse
import itertools
import json
import time
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from statistics import median
from typing import NamedTuple

import numpy as np
from scipy.stats import norm

from audit_suite.statistics import FEWEST_PATIENTS, estimate_auroc

AUROCS, PATIENTS, IMAGES, PREVALENCES = (0.5, 0.7, 0.9), (60, 200, 800), (1, 4), (0.1, 0.5)
CORRELATION = 0.7


class Cell(NamedTuple):
    """One combination of the grid."""

    auroc: float
    patients: int
    images: int
    prevalence: float


class Covered(NamedTuple):
    """How many intervals contained the truth, out of how many replicates."""

    cell: Cell
    replicates: int
    single: int
    paired: int


def simulate(task: tuple[Cell, int, int]) -> Covered:
    """Run replicates of one cell until the wanted number have enough positive patients.

    Args:
        task: The cell, the number of replicates, and a seed.
    """
    cell, wanted, seed = task
    rng = np.random.default_rng([seed, *(round(100 * value) for value in cell)])
    second = 0.5 + 0.6 * (cell.auroc - 0.5)
    shifts = 2**0.5 * norm.ppf((cell.auroc, second))
    patients = np.repeat(np.arange(cell.patients), cell.images)
    names = patients.astype(str)
    done = single = paired = 0
    for _ in range(4 * wanted):
        truth = rng.random(cell.patients) < cell.prevalence
        if min(truth.sum(), (~truth).sum()) < FEWEST_PATIENTS:
            continue
        labels = truth[patients].astype(int)
        scores = shifts[:, None] * labels + _noise(rng, cell, patients)
        a, b = (estimate_auroc(labels, score, names, "d") for score in scores)
        low, high = a.interval()
        single += low <= cell.auroc <= high
        low, high = (a - b).interval()
        paired += low <= cell.auroc - second <= high
        done += 1
        if done == wanted:
            break
    return Covered(cell, done, single, paired)


def _noise(rng: np.random.Generator, cell: Cell, patients: np.ndarray) -> np.ndarray:
    """Two rows of unit-variance noise, correlated with each other and within patients."""
    n = len(patients)
    own, shared = rng.normal(size=(2, n)), rng.normal(size=(2, cell.patients))[:, patients]
    rows = own if cell.images == 1 else (own + shared) / 2**0.5
    mixed = CORRELATION * rows[0] + (1 - CORRELATION**2) ** 0.5 * rows[1]
    return np.stack([rows[0], mixed])


def main() -> None:
    """Run the grid, print the table, write the figures."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument(
        "--quick", action="store_true", help="1,000 replicates per cell instead of 10,000"
    )
    parser.add_argument("--json", type=Path, help="write the figures here")
    options = parser.parse_args()
    wanted, parts = (1_000, 2) if options.quick else (10_000, 20)
    started = time.monotonic()
    cells = [Cell(*values) for values in itertools.product(AUROCS, PATIENTS, IMAGES, PREVALENCES)]
    cells = [c for c in cells if c.patients * c.prevalence >= FEWEST_PATIENTS]
    tasks = [(cell, wanted // parts, seed) for cell in cells for seed in range(parts)]
    totals = {cell: Covered(cell, 0, 0, 0) for cell in cells}
    with ProcessPoolExecutor() as pool:
        for part in pool.map(simulate, tasks, chunksize=1):
            sums = (a + b for a, b in zip(totals[part.cell][1:], part[1:], strict=True))
            totals[part.cell] = Covered(part.cell, *sums)
    print("AUROC  patients  images  prevalence  replicates  single  paired")
    for cell, replicates, single, paired in totals.values():
        print(
            f"{cell.auroc:5.1f}  {cell.patients:8d}  {cell.images:6d}  {cell.prevalence:10.1f}  "
            f"{replicates:10d}  {single / replicates:6.3f}  {paired / replicates:6.3f}"
        )
    shares = [(c.single / c.replicates, c.paired / c.replicates) for c in totals.values()]
    singles, pairs = zip(*shares, strict=True)
    figures = {
        "coverage_min": min(singles),
        "coverage_max": max(singles),
        "coverage_median": median(singles),
        "paired_min": min(pairs),
        "paired_max": max(pairs),
        "replicates_a_cell": min(c.replicates for c in totals.values()),
        "seconds": round(time.monotonic() - started, 1),
    }
    print("\n".join(f"{name}: {value:.4g}" for name, value in figures.items()))
    if options.json:
        options.json.write_text(json.dumps(figures, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
