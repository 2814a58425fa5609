"""Holm or simultaneous bounds for gaps between groups: false alarms, power, and what both cost.

Binormal scores of patients with four tags (sex, three bands of age, four sites, three views),
whose groups and pairs of groups are compared with the other groups of the same tags, as checks F1
and F1-pairs do. A gap fails if it is shown to exceed the margin at the level over all gaps: by Holm
(for a fail of the check Bonferroni's bound on the smallest p value), or by simultaneous bounds, the
quantile of the largest of the joint normal distribution that the influences of all gaps have.

    python benchmarks/subgroups.py [--quick] [--json PATH]
"""

from __future__ import annotations

import argparse
import json
import time
from itertools import combinations
from pathlib import Path

import numpy as np
from scipy import stats

from audit_suite.statistics import Estimate, estimate_auroc, estimate_auroc_within

MARGIN, LEAST = 0.05, 30
TAGS = {"sex": 2, "age": 3, "site": 4, "view": 3}
SHIFT = 2**0.5
LEVELS = (0.05, 0.0025)  # alone, and about the share that a guard has
DRAWS = 4000


def world(rng, patients: int, prevalence: float, auroc: float, bad: float | None):
    """Labels, scores and tags; one of the four sites has the AUROC ``bad``."""
    labels = (rng.random(patients) < prevalence).astype(int)
    tags = {name: rng.integers(0, count, patients) for name, count in TAGS.items()}
    reached = np.full(patients, auroc)
    if bad is not None:
        reached[tags["site"] == 3] = bad
    scores = rng.normal(size=patients) + labels * SHIFT * stats.norm.ppf(reached)
    return labels, scores, tags


def gaps(labels, scores, tags, order: int) -> list[Estimate]:
    """What the other groups have more than each group that is large enough."""
    patients = np.arange(len(labels)).astype(str)
    differences = []
    for names in combinations(tags, order):
        codes = sum(tags[name] * 10**place for place, name in enumerate(names))
        for code in np.unique(codes):
            inside = codes == code
            if min(np.bincount(labels[inside], minlength=2)) < LEAST:
                continue
            parts = labels[inside], scores[inside], patients[inside], "d", "group"
            rest = ~inside
            others = estimate_auroc_within(
                labels[rest], [scores[rest]], patients[rest], [codes[rest]], "d", "others"
            )
            differences.append(others - estimate_auroc(*parts))
    return differences


def correlation(each: list[Estimate]) -> np.ndarray:
    """Of the gaps, from the influences of the patients that they share."""
    keys = np.unique(np.concatenate([gap.influence.keys for gap in each]))
    table = np.zeros((len(each), len(keys)))
    for row, gap in enumerate(each):
        table[row, np.searchsorted(keys, gap.influence.keys)] = gap.influence.values
    table /= np.linalg.norm(table, axis=1, keepdims=True)
    return table @ table.T


def levels(each: list[Estimate], level: float, rng) -> tuple[float, float]:
    """The level of a single gap: by Holm and by simultaneous bounds."""
    root = np.linalg.cholesky(correlation(each) + 1e-9 * np.eye(len(each)))
    largest = (root @ rng.normal(size=(len(each), DRAWS))).max(axis=0)
    # Far in the tail the quantile is that of as many independent gaps as the middle shows.
    middle = stats.norm.sf(np.quantile(largest, 0.95))
    independent = np.log1p(-0.05) / np.log1p(-middle)
    return level / len(each), 1 - (1 - level) ** (1 / independent)


def study(patients: int, prevalence: float, bad: float | None, order: int, runs: int, seed: int):
    """Shares of runs that fail, by rule and level, and the mean number of gaps."""
    rng = np.random.default_rng(seed)
    fails: dict[str, int] = {}
    count = 0
    for _ in range(runs):
        each = gaps(*world(rng, patients, prevalence, 0.85, bad), order)
        if not each:
            continue
        count += len(each)
        smallest = min(gap.scale.p_above(MARGIN) for gap in each)
        zero = min(gap.scale.p_above(0.0) for gap in each)
        for level in LEVELS:
            for rule, share in zip(("holm", "simultaneous"), levels(each, level, rng), strict=True):
                name = f"{rule}_{level:g}"
                fails[name] = fails.get(name, 0) + (smallest < share)
                fails[f"{name}_at_zero"] = fails.get(f"{name}_at_zero", 0) + (zero < share)
    return {name: number / runs for name, number in fails.items()} | {"gaps": count / runs}


def figures(quick: bool) -> dict[str, float]:
    """All figures, by name."""
    runs = 40 if quick else 400
    measured = {}
    for order, kind in ((1, "tags"), (2, "pairs")):
        for patients in (1500,) if quick or order > 1 else (1500, 3000):
            for bad, truth in ((None, "equal"), (0.70, "bad_site")):
                started = time.process_time()
                cell = study(patients, 0.3, bad, order, runs, seed=order + patients)
                for name, value in cell.items():
                    measured[f"{kind}_{patients}_{truth}_{name}"] = round(value, 4)
                measured[f"{kind}_{patients}_{truth}_seconds"] = time.process_time() - started
    return measured


def main() -> None:
    """Print the figures, and write them with ``--json``."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="few runs")
    parser.add_argument("--json", type=Path, help="where to write the figures")
    options = parser.parse_args()
    measured = figures(options.quick)
    for name, value in measured.items():
        print(f"{name:45} {value:.4f}")
    if options.json:
        options.json.write_text(json.dumps(measured, indent=1) + "\n")


if __name__ == "__main__":
    main()
