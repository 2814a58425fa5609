"""How often `audit-suite watch` calls a drift that is none, and misses one that is.

    python benchmarks/drift.py [--quick] [--json PATH]

Scores of audited and of new patients, one to three images each with a correlation of .5, are drawn
from normal distributions; new ones are shifted until the chance that a new score is the larger is
.5 (no drift), .6 (the margin itself) or .7. A whole watch is nine numbers, as D1 and D2 judge on
images of one size, here independent: the worst case for false alarms. On one core the full run
takes about two minutes.
"""

from __future__ import annotations

import argparse
import json
from collections import Counter
from pathlib import Path

import numpy as np
from scipy.stats import norm

from audit_suite.needs.scores.two_sets import TwoSets, compared
from audit_suite.statistics import DecisionRule, recording
from audit_suite.verdict import Verdict

CHANCES = (0.5, 0.6, 0.7)
PATIENTS = (50, 100, 200, 400, 1000)
NUMBERS, MARGIN, WITHIN = 9, 0.10, 0.5


def drawn(rng: np.random.Generator, patients: int, chance: float) -> TwoSets:
    """Audited and new patients, as many of each; the columns are the numbers of their images."""
    each = rng.integers(1, 4, 2 * patients)
    who = np.repeat(np.arange(2 * patients), each)
    shared = rng.normal(size=(2 * patients, NUMBERS)) * WITHIN**0.5
    numbers = shared[who] + rng.normal(size=(len(who), NUMBERS)) * (1 - WITHIN) ** 0.5
    new = who < patients
    numbers[new] += 2**0.5 * norm.ppf(chance)
    groups = ("",), np.zeros(len(who), np.int_)
    return TwoSets(new, who, numbers[:, 0], numbers, groups, "simulated")


def verdicts(both: TwoSets) -> tuple[list[Verdict], list[float]]:
    """The verdict and the p value of each number, judged as D2 judges them."""
    outcomes, p_values = [], []
    with recording(DecisionRule(cases=NUMBERS)):
        for number in range(NUMBERS):
            estimate = compared(both, both.measured[:, number], "a number")
            outcomes.append(estimate.distance_to(0.5).compare("<", MARGIN).verdict)
            p_values.append(float(estimate.at["p"]))
    return outcomes, p_values


def rates(chance: float, patients: int, watches: int) -> dict[str, float]:
    """Shares of numbers, and of watches, with each outcome."""
    each: Counter[str] = Counter()
    alarms = raw = 0
    for seed in range(watches):
        rng = np.random.default_rng([seed, patients, round(100 * chance)])
        outcomes, p_values = verdicts(drawn(rng, patients, chance))
        each.update(verdict.value for verdict in outcomes)
        alarms += Verdict.FAIL in outcomes
        raw += sum(p < 0.05 for p in p_values)
    total = watches * NUMBERS
    name = f"chance{round(100 * chance)}_patients{patients}"
    return {
        f"{name}_fail": each["fail"] / total,
        f"{name}_pass": each["pass"] / total,
        f"{name}_watch_alarm": alarms / watches,
        f"{name}_p_below_05": raw / total,
    }


def main() -> None:
    """Simulate, print, and write the figures."""
    parser = argparse.ArgumentParser(description="False alarms and power of audit-suite watch.")
    parser.add_argument("--quick", action="store_true", help="few watches, two sizes")
    parser.add_argument("--json", type=Path, help="where to write the figures")
    arguments = parser.parse_args()
    watches = 20 if arguments.quick else 400
    sizes = (50, 200) if arguments.quick else PATIENTS
    figures: dict[str, float] = {"watches": watches}
    for chance in CHANCES:
        for patients in sizes:
            figures |= rates(chance, patients, watches)
    for name, value in figures.items():
        print(f"{name}: {value:g}")
    if arguments.json is not None:
        arguments.json.write_text(json.dumps(figures, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
