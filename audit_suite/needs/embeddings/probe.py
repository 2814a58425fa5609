"""What an embedding encodes besides the finding: site, view, sex and other declared tags (E2)."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from audit_suite.datasets import Dataset
from audit_suite.errors import AuditError
from audit_suite.evidence import Cell, EvidenceSource
from audit_suite.evidence.scores.request import ScoreRequest
from audit_suite.maskings import Full, Masking
from audit_suite.needs.classifier import FOLDS, cross_validated_auroc, logistic, scaler
from audit_suite.needs.embeddings.distance import Embedded, over_folds
from audit_suite.statistics import Estimate
from audit_suite.statistics.numbering import how_many
from audit_suite.verdict import NotApplicable

_ENOUGH = 2 * FOLDS  # patients with and without a value that the folds need, each
_MANY = 6  # numbers with more values than this are split at their median
_MOST = 8  # values of one tag that are predicted, the most frequent ones

Sides = NDArray[np.int_]  # (n,): 1 with the value, 0 without, -1 unknown


@dataclass(frozen=True)
class Probe:
    """AUROC of a classifier that predicts a tag from the embedding of the full image.

    Only images of the same class are compared: a model that detects the finding also encodes a site
    that has more of it. A number is split at its median. Of more than two values each is predicted
    against the rest, and the AUROCs are averaged.

    Attributes:
        tag: Name of a declared tag; empty where the data set declares none.
    """

    tag: str

    @property
    def id(self) -> str:
        """The tag."""
        return self.tag or "nothing"

    def requests(self, cell: Cell) -> tuple[ScoreRequest, ...]:
        """Embeddings of full images.

        Raises:
            NotApplicable: If the card declares no tag, or it is the one that names folds.
        """
        if not self.tag:
            raise NotApplicable(f"data set card '{cell.dataset.name}' declares no metadata")
        if self.tag == cell.model.held_out:
            raise NotApplicable(f"'{self.tag}' names the fold of an image, not how it was taken")
        return cell.requests(Full())

    def estimate(self, cell: Cell, source: EvidenceSource) -> Estimate:
        """AUROC on unseen patients, placed by ``tag``, with the one-sided ``p`` above .5.

        Raises:
            NotApplicable: If the card names no embedding layer, or too few patients share a value
                or, within a class, differ in it.
        """
        self.requests(cell)
        dataset = source.dataset(cell.dataset)

        def predicted(seen: Embedded) -> Estimate:
            features, seed = seen.under[0], source.profile.seed
            return predicted_tag(
                self.tag, features, dataset, cell.target, seen.used, seed, "the embedding"
            )

        estimate = over_folds(cell, source, predicted, Full())
        p_value = estimate.scale.p_above(0.5)
        # Its positives are patients with a value, not with the finding.
        return replace(estimate, n_positives=None).placed(tag=self.tag, p=p_value)


@dataclass(frozen=True)
class EachTag:
    """`Probe` of every tag that the data set declares."""

    def expand(self, cell: Cell, maskings: Sequence[Masking]) -> tuple[Probe, ...]:
        """One need per tag; one that does not apply where there is none."""
        return tuple(Probe(name) for name in cell.dataset.metadata or ("",))


def sides(
    name: str, values: Sequence[str] | NDArray[np.str_], patients: NDArray[np.int_]
) -> tuple[str, list[Sides]]:
    """What is predicted: the tag in words, and one array per value or split.

    Args:
        name: The tag.
        values: Its text by image, shape (n,); empty where unknown.
        patients: Shape (n,).

    Raises:
        NotApplicable: If no value is shared by enough patients, or by all of them.
    """
    texts = np.asarray(values, np.str_)
    known = texts != ""
    try:
        numbers = np.array([float(text) for text in texts[known]])
    except ValueError:
        numbers = np.array([])
    if len(np.unique(numbers)) > _MANY and np.isfinite(numbers).all():
        high = np.full(len(texts), -1)
        high[known] = numbers > np.median(numbers)
        splits, what = [high], f"{name} above its median"
    else:
        of_value = defaultdict(set)
        for text, patient in zip(texts[known], patients[known], strict=True):
            of_value[str(text)].add(patient)
        common = sorted(of_value, key=lambda value: (-len(of_value[value]), value))[:_MOST]
        if len(of_value) == 2:
            common = common[:1]  # the other split is the same
        splits = [np.where(known, (texts == value).astype(int), -1) for value in common]
        what = name if len(of_value) <= 2 else f"{name} (each value against the rest)"
    usable = [split for split in splits if _fewest(split, patients) >= _ENOUGH]
    if not usable:
        raise NotApplicable(
            f"'{name}' has no value that {_ENOUGH} patients share and {_ENOUGH} others do not"
        )
    return what, usable


def _fewest(split: Sides, patients: NDArray[np.int_]) -> int:
    return min(how_many(patients[split == side]) for side in (0, 1))


def predicted_tag(
    tag: str,
    features: NDArray[np.float64],
    dataset: Dataset,
    target: str,
    used: NDArray[np.bool_],
    seed: int,
    where: str,
) -> Estimate:
    """AUROC of predicting a tag on unseen patients, among images of the same class.

    Args:
        tag: Name of a declared tag.
        features: Shape (n, d), from which it is predicted.
        dataset: Tags, labels and patients.
        target: Whose labels are the classes.
        used: Shape (all images,), true for the n images.
        seed: Decides the folds.
        where: What the features are, in words.

    Raises:
        NotApplicable: If too few patients share a value or, within a class, differ in it.
    """
    patients = dataset.patients[used]
    texts = np.array([str(case.metadata[tag]) for case in dataset.cases])[used]
    what, each = sides(tag, texts, patients)
    label = f"AUROC of predicting {what} from {where} within classes of {target}"
    finding = dataset.labels_of(target)[used]
    about = patients, dataset.digest, finding
    return _mean([_predicted(features, split, about, seed, label, tag) for split in each])


def _predicted(
    features: NDArray[np.float64],
    split: Sides,
    about: tuple[NDArray[np.int_], str, Sides],
    seed: int,
    label: str,
    tag: str,
) -> Estimate:
    patients, digest, finding = about
    known = split >= 0
    try:
        return cross_validated_auroc(
            features[known],
            split[known],
            patients[known],
            digest,
            logistic("probe", scaler),
            seed,
            label,
            strata=finding[known],
        )
    except AuditError:
        raise NotApplicable(
            f"within a class of the finding too few patients differ in '{tag}'"
        ) from None


def _mean(each: Sequence[Estimate]) -> Estimate:
    total = each[0]
    for one in each[1:]:
        total = total + one
    first = each[0]
    mean = total * (1 / len(each))
    return replace(mean, label=first.label, bounds=first.bounds, edge=max(e.edge for e in each))
