"""Losses of simulated releases, judged as the product judges them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri
from sklearn.metrics import roc_auc_score

from audit_suite.record import ComparisonRecord
from audit_suite.releases.compare import MARGIN
from audit_suite.releases.losses import judge_loss
from audit_suite.statistics import DecisionRule, Estimate, Margin, estimate_auroc, share_kept
from audit_suite.statistics.influence import Influence
from audit_suite.verdict import Verdict

Floats = NDArray[np.float64]
Judged = tuple[ComparisonRecord, Influence]

_LIMIT = Margin(MARGIN, "benchmark")
_SKILL = DecisionRule(0.05, 2)  # one place: half of the level
_OTHERS = 12  # quantities of a family


@dataclass(frozen=True)
class Cohort:
    """A test set, and how alike two releases are on it.

    Attributes:
        patients: One image each.
        prevalence: Share of them with the finding.
        alike: Correlation of both releases' noise.
    """

    patients: int
    prevalence: float
    alike: float

    @property
    def labels(self) -> NDArray[np.int_]:
        """Shape (n,)."""
        return (np.arange(self.patients) < self.patients * self.prevalence).astype(int)

    def scores(self, rng: np.random.Generator, aurocs: Floats) -> Floats:
        """Scores with these true AUROCs; two of one pair share noise.

        Args:
            rng: Decides them.
            aurocs: Shape (k, 2), before and now.

        Returns:
            Shape (k, 2, n).
        """
        own = rng.normal(size=(*aurocs.shape, self.patients))
        shared = rng.normal(size=(len(aurocs), 1, self.patients))
        noise = (1 - self.alike) ** 0.5 * own + self.alike**0.5 * shared
        signal: Floats = 2**0.5 * ndtri(aurocs)[..., None] * self.labels
        return noise + signal


def judged(estimate: Estimate, above: float | None) -> Judged:
    """What an audit keeps of an estimate that must be above a limit, or else near one half."""
    claim = estimate.compare(">", above) if above else estimate.distance_to(0.5).compare("<", 0.05)
    return claim.to_record(), estimate.influence


def is_shown(before: Judged, now: Judged, rule: DecisionRule, paired: bool) -> bool:
    """Whether a loss beyond the margin is shown."""
    known = (before[1], now[1]) if paired else (None, None)
    return judge_loss(before[0], now[0], known, _LIMIT, rule).alone is Verdict.FAIL


def shown(replicates: int, seed: int) -> Iterator[dict[str, Any]]:
    """By size of the test set, likeness and true loss the chance that a loss is shown."""
    for patients, prevalence in ((500, 0.3), (1500, 0.1), (3000, 0.1)):
        for alike in (0.5, 0.8, 0.95):
            test = Cohort(patients, prevalence, alike)
            rng = np.random.default_rng([seed, patients, round(100 * alike)])
            people = np.arange(patients)
            for loss in (0.0, 0.05, 0.08, 0.12):
                outcomes = np.zeros((replicates, 2))
                for each in range(replicates):
                    ((one, two),) = test.scores(rng, np.array([[0.90, 0.90 - loss]]))
                    before, now = (
                        judged(estimate_auroc(test.labels, scores, people, "d"), 0.6)
                        for scores in (one, two)
                    )
                    outcomes[each] = [is_shown(before, now, _SKILL, how) for how in (True, False)]
                paired, apart = outcomes.mean(axis=0)
                yield {**vars(test), "loss": loss, "paired": paired, "apart": apart}


def families(replicates: int, seed: int) -> Iterator[dict[str, Any]]:
    """How often any of many quantities of a release that is not worse is called a regression."""
    for patients, prevalence in ((500, 0.3), (1500, 0.1)):
        for true, name in ((0.0, "as good"), (MARGIN, "at the margin")):
            test = Cohort(patients, prevalence, 0.8)
            rng = np.random.default_rng([seed, patients, round(100 * true)])
            people = np.arange(patients)
            rule = DecisionRule(0.05, 2 * _OTHERS)
            aurocs = np.array([[0.90, 0.90 - true], *[[0.60, 0.60 + true]] * _OTHERS])
            outcomes = np.zeros((replicates, 2))
            for each in range(replicates):
                quantities = [
                    [
                        judged(estimate_auroc(test.labels, scores, people, "d"), above)
                        for scores in pair
                    ]
                    for above, pair in zip(
                        [0.6, *[None] * _OTHERS], test.scores(rng, aurocs), strict=True
                    )
                ]
                for column, paired in enumerate((True, False)):
                    rules = [_SKILL, *[rule] * _OTHERS]
                    outcomes[each, column] = any(
                        is_shown(*pair, level, paired)
                        for pair, level in zip(quantities, rules, strict=True)
                    )
            paired, apart = outcomes.mean(axis=0)
            yield {**vars(test), "release": name, "paired": paired, "apart": apart}


def intervals(replicates: int, seed: int) -> Iterator[dict[str, Any]]:
    """Paired intervals of three kinds of loss beside a bootstrap of patients, and the truth."""
    for patients, prevalence in ((500, 0.3), (1500, 0.1)):
        test = Cohort(patients, prevalence, 0.8)
        rng = np.random.default_rng([seed, patients])
        full, hidden = (0.90, 0.86), (0.60, 0.65)
        truth = np.array(
            [
                full[0] - full[1],
                hidden[1] - hidden[0],
                (hidden[1] - 0.5) / (full[1] - 0.5) - (hidden[0] - 0.5) / (full[0] - 0.5),
            ]
        )
        covered, ratios = [], []
        for each in range(replicates):
            scores = test.scores(rng, np.array([full, hidden]))
            ends = np.array([loss.interval(0.95) for loss in losses_of(test, scores)])
            covered.append((ends[:, 0] <= truth) & (truth <= ends[:, 1]))
            if each < max(10, replicates // 20):
                spread = _bootstrap(test, scores, rng)
                ratios.append((ends[:, 1] - ends[:, 0]) / (2 * 1.96 * spread))
        names = "skill", "distance", "share kept"
        share, width = np.mean(covered, axis=0), np.mean(ratios, axis=0)
        for name, one, other in zip(names, share, width, strict=True):
            yield {**vars(test), "of": name, "covered": one, "width_by_bootstrap": other}


def losses_of(test: Cohort, scores: Floats) -> tuple[Estimate, Estimate, Estimate]:
    """The paired losses of skill, of distance to one half and of share kept.

    Args:
        test: The test set.
        scores: On full and on hidden images, shape (2, 2, n).
    """
    people = np.arange(test.patients)
    (full0, full1), (hidden0, hidden1) = (
        [estimate_auroc(test.labels, one, people, "d") for one in pair] for pair in scores
    )
    shares = share_kept(hidden1, full1) - share_kept(hidden0, full0)
    return full0 - full1, hidden1 - hidden0, shares


def _bootstrap(test: Cohort, scores: Floats, rng: np.random.Generator) -> Floats:
    """Standard deviations of the three losses over patients drawn again, 200 times."""
    sick, well = np.flatnonzero(test.labels), np.flatnonzero(1 - test.labels)
    drawn = []
    for _ in range(200):
        chosen = np.concatenate([rng.choice(sick, len(sick)), rng.choice(well, len(well))])
        (full0, full1), (hidden0, hidden1) = (
            [roc_auc_score(test.labels[chosen], one[chosen]) for one in pair] for pair in scores
        )
        share = (hidden1 - 0.5) / (full1 - 0.5) - (hidden0 - 0.5) / (full0 - 0.5)
        drawn.append((full0 - full1, hidden1 - hidden0, share))
    return np.std(drawn, axis=0)
