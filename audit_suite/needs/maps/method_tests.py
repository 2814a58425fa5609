"""Whether a map can be believed: the tests a method must pass before it may support a verdict."""

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
from audit_suite.needs.maps.measures import completeness_gap, similarity
from audit_suite.statistics import Estimate, estimate_mean
from audit_suite.verdict import NotApplicable

Floats = NDArray[np.float64]
Integers = NDArray[np.int_]

_ALIKE = 0.5  # likeness of random pairs from which they excuse nothing
_PAIRS = 3  # other images that each map is compared with
STAGE_NAMES = ("head", "half of the layers", "all layers")


@dataclass(frozen=True)
class Randomisation(Explaining):
    """Similarity of maps after the model was shuffled, above that of random pairs of maps (I3).

    After the model parameter randomisation test of Adebayo et al. (NeurIPS 2018) and the
    comparison with random pairs of Arun et al. (Radiology: AI, 2021). Where the maps of a model
    that knows nothing are no more alike than those of two different patients, they are the model's.
    Where all maps are alike such pairs say little: they count as no more than one half. All maps
    compared are drawn with equally many samples.
    """

    stage: int = 2

    @property
    def id(self) -> str:
        """The method and the stage."""
        return f"{self.method}-{STAGE_NAMES[self.stage].replace(' ', '-')}"

    def estimate(self, cell: Cell, source: EvidenceSource) -> Estimate:
        """The mean difference of the two rank correlations, -2 to 2.

        Raises:
            NotApplicable: If the method cannot handle the model, or an ensemble is explained.
        """
        found = explained_in(cell, source, self.method)
        if "shuffled" not in found.arrays:
            raise NotApplicable("an ensemble is not shuffled: audit its folds each")
        own, picked = found.arrays["rough"], found.arrays["picked"].astype(np.int_)
        if len(own) < 2:
            raise NotApplicable("one image makes no pair")
        shuffled = similarity(own, found.arrays["shuffled"][self.stage])
        rng = np.random.default_rng(source.profile.seed)
        shifts = rng.integers(1, len(own), size=_PAIRS)
        pairs = [similarity(own, np.roll(own, shift, axis=0)) for shift in shifts]
        label = f"likeness of maps after shuffling, above random pairs, {self.method}"
        ahead = shuffled - np.minimum(np.mean(pairs, axis=0), _ALIKE)
        return self.mean(ahead, found, cell, source, label, rows=picked).placed(
            shuffled=STAGE_NAMES[self.stage]
        )


@dataclass(frozen=True)
class Incompleteness(Explaining):
    """How far attributions are from adding up to f(x) - E f, relative to it (I5)."""

    def estimate(self, cell: Cell, source: EvidenceSource) -> Estimate:
        """Mean gap by mean |f(x) - E f|, with the linearised variance of a ratio.

        Raises:
            NotApplicable: If the method's attributions need not add up.
        """
        found = explained_in(cell, source, self.method)
        if not np.isfinite(found.expected).all():
            raise NotApplicable(f"attributions by {self.method} do not add up to the output")
        gap, wanted = completeness_gap(found.arrays["maps"], found.outputs, found.expected)
        if wanted.mean() == 0:
            raise NotApplicable("the model gives every image and every reference the same output")
        ratio = gap.mean() / wanted.mean()
        linear = ratio + (gap - ratio * wanted) / wanted.mean()
        return self.mean(linear, found, cell, source, f"gap of completeness, {self.method}")


@dataclass(frozen=True)
class Faithfulness(Explaining):
    """How much sooner the output falls, or comes, by the map's order than by a random one (I6)."""

    def estimate(self, cell: Cell, source: EvidenceSource) -> Estimate:
        """Mean area between the curves, of deletion and insertion alike, in units of the output.

        Raises:
            NotApplicable: If the method cannot handle the model.
        """
        found = explained_in(cell, source, self.method)
        deletion, insertion = found.arrays["deletion"], found.arrays["insertion"]
        ahead = (deletion[:, 1] - deletion[:, 0]).mean(axis=1)
        ahead = ahead + (insertion[:, 0] - insertion[:, 1]).mean(axis=1)
        label = f"deletion and insertion ahead of random order, {self.method}"
        return self.mean(ahead / 2, found, cell, source, label)


@dataclass(frozen=True)
class Repeatability(Explaining):
    """Likeness of the maps of two folds for the same image, above that of two images (I4)."""

    def requests(self, cell: Cell) -> tuple[AttributionRequest, ...]:
        """Those of all folds of the model, whichever fold the cell is of."""
        count = len(cell.model.folds)
        if count < 2:
            raise NotApplicable("the model has no folds whose maps could be compared")
        every = replace(cell, folds=tuple(range(count)), average="estimates")
        return every.explanations(self.method)

    def estimate(self, cell: Cell, source: EvidenceSource) -> Estimate:
        """The mean rank correlation of neighbouring folds' maps less that of other images'.

        Raises:
            NotApplicable: If there are no two folds, or the method cannot handle the model.
        """
        tables = [source.read(request) for request in self.requests(cell)]
        maps = [table.arrays["coarse"] for table in tables]
        same, other = [], []
        for one, next_ in itertools.pairwise(maps):
            same.append(similarity(one, next_))
            other.append(similarity(one, np.roll(next_, 1, axis=0)))
        label = f"likeness of maps between folds, above other images, {self.method}"
        ahead = np.mean(same, axis=0) - np.mean(other, axis=0)
        return self.mean(ahead, tables[0], cell, source, label)


@dataclass(frozen=True)
class Clusters(Explaining):
    """Whether kinds of maps go with a tag or the label: adjusted mutual information (I8).

    Maps are put into clusters by k-means on their coarse form (Lapuschkin et al., Nature
    Communications 2019, by spectral clustering).
    """

    tag: str

    @property
    def id(self) -> str:
        """The method and the tag."""
        return f"{self.method}-{self.tag}"

    def estimate(self, cell: Cell, source: EvidenceSource) -> Estimate:
        """The information, 0 for chance and 1 for identity, by the jackknife over patients.

        Raises:
            NotApplicable: If all explained images are alike in the tag.
        """
        found = explained_in(cell, source, self.method)
        dataset = source.dataset(cell.dataset)
        cases = [dataset.cases[i] for i in found.index]
        words = [
            str(c.labels[cell.target]) if self.tag == "label" else str(c.metadata.get(self.tag, ""))
            for c in cases
        ]
        if len(set(words)) < 2 or len(set(words)) > len(words) // 2:
            raise NotApplicable(f"'{self.tag}' has too few or too many values to compare")
        clusters = _clusters(found.arrays["coarse"], source.profile.seed)
        pseudo = _jackknife(np.array(words), clusters)
        label = f"information of clusters of maps on {self.tag}, {self.method}"
        patients = [case.patient for case in cases]
        return estimate_mean(pseudo, patients, dataset.digest, label).placed(
            method=self.method, tag=self.tag
        )


@dataclass(frozen=True)
class EachCluster:
    """`Clusters` of the label and of every declared tag; known only at collection."""

    method: str

    def expand(self, cell: Cell, maskings: Sequence[Masking]) -> tuple[Clusters, ...]:
        """One need a tag, and one of the label."""
        return tuple(Clusters(self.method, tag) for tag in ("label", *cell.dataset.metadata))


def _clusters(coarse: NDArray[Any], seed: int) -> Integers:
    from sklearn.cluster import KMeans
    from threadpoolctl import threadpool_limits

    flat = coarse.reshape(len(coarse), -1).astype(np.float64)
    length = np.linalg.norm(flat, axis=1, keepdims=True)
    with threadpool_limits(1):  # sums in one order, and so the same clusters everywhere
        kinds = KMeans(min(4, len(flat)), n_init=5, random_state=seed % 2**32)
        found: Integers = kinds.fit_predict(flat / np.where(length > 0, length, 1))
    return found


def _jackknife(words: NDArray[np.str_], clusters: Integers) -> Floats:
    """Pseudo-values (Tukey 1958), whose mean is the estimate without its first-order bias."""
    from sklearn.metrics import adjusted_mutual_info_score

    count = len(words)
    whole = adjusted_mutual_info_score(words, clusters)
    kept = ~np.eye(count, dtype=np.bool_)
    without = np.array([adjusted_mutual_info_score(words[k], clusters[k]) for k in kept])
    pseudo: Floats = count * whole - (count - 1) * without
    return pseudo
