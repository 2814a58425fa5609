"""Tests of attribution methods: those a method must pass before its maps may be judged."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from audit_suite.evidence import Cell, EvidenceSource
from audit_suite.evidence.attributions.request import AttributionRequest
from audit_suite.maskings import Masking
from audit_suite.needs.maps.attribution import Explaining, explained_in
from audit_suite.needs.maps.measures import completeness_gap, rank_correlation
from audit_suite.statistics import Estimate, estimate_mean
from audit_suite.verdict import NotApplicable

Floats = NDArray[np.float64]
Integers = NDArray[np.int_]

_MOST = 0.5  # similarity of random pairs that is subtracted at most
_PAIRS = 3  # other images that each map is compared with
STAGE_NAMES = ("head", "half of the layers", "all layers")


@dataclass(frozen=True)
class Randomisation(Explaining):
    """Similarity of maps before and after shuffling the weights, above that of random pairs (I3).

    After the model parameter randomisation test of Adebayo et al. (NeurIPS 2018) and the
    comparison with random pairs of Arun et al. (Radiology: AI, 2021). Maps depend on the model if
    those of a shuffled model are no more similar to its own than the maps of two patients are.
    Where all maps are similar, random pairs say little, so that at most one half is subtracted. All
    maps that are compared use the same number of samples.

    Attributes:
        stage: How much is shuffled: index into `STAGE_NAMES`.
    """

    stage: int = 2

    @property
    def id(self) -> str:
        """The method and the stage."""
        return f"{self.method}-{STAGE_NAMES[self.stage].replace(' ', '-')}"

    def estimate(self, cell: Cell, source: EvidenceSource) -> Estimate:
        """The mean difference of the two rank correlations, -1.5 to 2.

        Raises:
            NotApplicable: If the method cannot handle the model, or an ensemble is explained.
        """
        explained = explained_in(cell, source, self.method)
        if "shuffled" not in explained.arrays:
            raise NotApplicable(
                "an ensemble cannot be shuffled: audit its folds one by one (--audit-folds=each)"
            )
        own, picked = explained.arrays["rough"], explained.arrays["picked"].astype(np.int_)
        if len(own) < 2:
            raise NotApplicable("fewer than two images can be compared")
        shuffled = rank_correlation(own, explained.arrays["shuffled"][self.stage])
        rng = np.random.default_rng(source.profile.seed)
        shifts = rng.integers(1, len(own), size=_PAIRS)
        pairs = [rank_correlation(own, np.roll(own, shift, axis=0)) for shift in shifts]
        label = f"similarity of maps after shuffling, above random pairs, {self.method}"
        ahead = shuffled - np.minimum(np.mean(pairs, axis=0), _MOST)
        return self.mean(ahead, explained, cell, source, label, rows=picked).placed(
            shuffled=STAGE_NAMES[self.stage]
        )


@dataclass(frozen=True)
class Incompleteness(Explaining):
    """How far attributions are from adding up to f(x) - E f, relative to it (I5)."""

    def estimate(self, cell: Cell, source: EvidenceSource) -> Estimate:
        """Mean gap divided by mean |f(x) - E f|, with the linearised variance of a ratio.

        Raises:
            NotApplicable: If the method's attributions need not add up.
        """
        explained = explained_in(cell, source, self.method)
        if not np.isfinite(explained.expected).all():
            raise NotApplicable(f"attributions by {self.method} do not add up to the output")
        gap, wanted = completeness_gap(
            explained.arrays["maps"], explained.outputs, explained.expected
        )
        if wanted.mean() == 0:
            raise NotApplicable("the model gives every image and every reference the same output")
        ratio = gap.mean() / wanted.mean()
        linear = ratio + (gap - ratio * wanted) / wanted.mean()
        return self.mean(linear, explained, cell, source, f"completeness gap, {self.method}")


@dataclass(frozen=True)
class Faithfulness(Explaining):
    """How much sooner the output falls or rises in the map's order than in a random one (I6)."""

    def estimate(self, cell: Cell, source: EvidenceSource) -> Estimate:
        """Mean area between the curves of deletion and insertion, in units of the output.

        Raises:
            NotApplicable: If the method cannot handle the model.
        """
        explained = explained_in(cell, source, self.method)
        deletion, insertion = explained.arrays["deletion"], explained.arrays["insertion"]
        ahead = (deletion[:, 1] - deletion[:, 0]).mean(axis=1)
        ahead = ahead + (insertion[:, 0] - insertion[:, 1]).mean(axis=1)
        label = f"deletion and insertion, above random order, {self.method}"
        return self.mean(ahead / 2, explained, cell, source, label)


@dataclass(frozen=True)
class Repeatability(Explaining):
    """Similarity of two folds' maps for the same image, above that for different images (I4)."""

    def requests(self, cell: Cell) -> tuple[AttributionRequest, ...]:
        """The attributions of all folds of the model, whichever fold the cell is of.

        Raises:
            NotApplicable: If the model has fewer than two folds, or no ROI is declared.
        """
        count = len(cell.model.folds)
        if count < 2:
            raise NotApplicable("the model has no folds whose maps could be compared")
        every = replace(cell, folds=tuple(range(count)), average="estimates")
        return every.explanations(self.method)

    def estimate(self, cell: Cell, source: EvidenceSource) -> Estimate:
        """The mean rank correlation of consecutive folds' maps minus that of different images.

        Raises:
            NotApplicable: If there are no two folds, or the method cannot handle the model.
        """
        tables = [source.read(request) for request in self.requests(cell)]
        maps = [table.arrays["coarse"] for table in tables]
        same, other = [], []
        for one, next_ in itertools.pairwise(maps):
            same.append(rank_correlation(one, next_))
            other.append(rank_correlation(one, np.roll(next_, 1, axis=0)))
        label = f"similarity of maps between folds, above different images, {self.method}"
        ahead = np.mean(same, axis=0) - np.mean(other, axis=0)
        return self.mean(ahead, tables[0], cell, source, label)


@dataclass(frozen=True)
class Clusters(Explaining):
    """Adjusted mutual information of clusters of maps and a tag or the label (I8).

    Coarse maps are clustered by k-means (Lapuschkin et al., Nature Communications 2019, used
    spectral clustering).

    Attributes:
        tag: Name of a declared tag, or ``label``.
    """

    tag: str

    @property
    def id(self) -> str:
        """The method and the tag."""
        return f"{self.method}-{self.tag}"

    def estimate(self, cell: Cell, source: EvidenceSource) -> Estimate:
        """The information, 0 for chance and 1 for identity, by the jackknife over images.

        Raises:
            NotApplicable: If the tag has one value, or more values than half of the images.
        """
        explained = explained_in(cell, source, self.method)
        dataset = source.dataset(cell.dataset)
        cases = [dataset.cases[i] for i in explained.index]
        words = [
            str(c.labels[cell.target]) if self.tag == "label" else str(c.metadata.get(self.tag, ""))
            for c in cases
        ]
        if len(set(words)) < 2 or len(set(words)) > len(words) // 2:
            raise NotApplicable(f"'{self.tag}' has too few or too many values to compare")
        clusters = _clusters(explained.arrays["coarse"], source.profile.seed)
        pseudo = _jackknife(np.array(words), clusters)
        label = f"mutual information of map clusters and {self.tag}, {self.method}"
        patients = dataset.patients[explained.index]
        return estimate_mean(pseudo, patients, dataset.digest, label).placed(
            method=self.method, tag=self.tag
        )


@dataclass(frozen=True)
class EachCluster:
    """`Clusters` for the label and for every tag that the data set declares."""

    method: str

    def expand(self, cell: Cell, maskings: Sequence[Masking]) -> tuple[Clusters, ...]:
        """One need for the label, and one per tag."""
        return tuple(Clusters(self.method, tag) for tag in ("label", *cell.dataset.metadata))


def _clusters(coarse: NDArray[Any], seed: int) -> Integers:
    from sklearn.cluster import KMeans
    from threadpoolctl import threadpool_limits

    flat = coarse.reshape(len(coarse), -1).astype(np.float64)
    length = np.linalg.norm(flat, axis=1, keepdims=True)
    with threadpool_limits(1):  # the same order of sums gives the same clusters everywhere
        kinds = KMeans(min(4, len(flat)), n_init=5, random_state=seed % 2**32)
        clusters: Integers = kinds.fit_predict(flat / np.where(length > 0, length, 1))
    return clusters


def _jackknife(words: NDArray[np.str_], clusters: Integers) -> Floats:
    """Pseudo-values (Tukey 1958), whose mean is the estimate without its first-order bias."""
    from sklearn.metrics import adjusted_mutual_info_score

    count = len(words)
    whole = adjusted_mutual_info_score(words, clusters)
    kept = ~np.eye(count, dtype=np.bool_)
    without = np.array([adjusted_mutual_info_score(words[k], clusters[k]) for k in kept])
    pseudo: Floats = count * whole - (count - 1) * without
    return pseudo
