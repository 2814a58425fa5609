"""Pictures that look the same: under several patients, or in the training data."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from audit_suite.cards import DatasetCard, canonical_digest, load_dataset_card
from audit_suite.datasets import BadImage, Dataset, load_dataset
from audit_suite.datasets.fine_structure import ALIKE, SIDE, fine_structure
from audit_suite.evidence.store import EvidenceStore
from audit_suite.pulse import beat

_VERSION = 1  # raise it when the measure changes
_ROWS = 512  # pictures compared with all others at once


@dataclass(frozen=True)
class NearDuplicates:
    """Pairs of pictures that look the same.

    Attributes:
        pairs: Shape (k, 2), images of the data set of which no two are of one patient; the first
            comes first in the data set.
        alike: Shape (k,), their correlation.
        training: Shape (t, 2), an image of the data set and one of the training data.
        training_alike: Shape (t,), their correlation.
    """

    pairs: NDArray[np.int64]
    alike: NDArray[np.float64]
    training: NDArray[np.int64]
    training_alike: NDArray[np.float64]

    @property
    def left_out(self) -> NDArray[np.int64]:
        """The images that ``near_duplicates = "exclude"`` leaves out.

        All but the first of those between patients, and all that the training data have.
        """
        return np.unique(np.concatenate([self.pairs[:, 1], self.training[:, 0]]))


def training_card(card: DatasetCard) -> DatasetCard | None:
    """The card of the images that models were trained on, if the data set's card names one.

    Raises:
        AuditError: If that card is missing or wrong.
    """
    return None if card.training is None else load_dataset_card(card.resolve(card.training))


def near_duplicates(dataset: Dataset, store: EvidenceStore, threads: int) -> NearDuplicates:
    """The near-duplicates of a data set, found by the first process that asks.

    Args:
        dataset: All of it, before any is left out.
        store: Where they are kept.
        threads: Threads that decode.

    Raises:
        AuditError: If the training data cannot be loaded, or an image is broken and the card does
            not allow it to be left out.
    """
    card = training_card(dataset.card)
    seen = None if card is None else load_dataset(card)
    digests = [dataset.digest, None if seen is None else seen.digest]
    key = canonical_digest(["near-duplicates", _VERSION, SIDE, ALIKE, *digests])
    stored = store.read(key)
    if stored is None:
        with store.alone(f"{dataset.digest[:16]}-alike"):
            stored = store.read(key)
            if stored is None:
                stored = vars(_found(dataset, seen, threads))
                store.write(key, stored)
    return NearDuplicates(**stored)


def without_near_duplicates(dataset: Dataset, store: EvidenceStore, threads: int) -> Dataset:
    """A data set in which each picture counts once, and none that a model was trained on.

    Args:
        dataset: The data set; its card says ``near_duplicates = "exclude"``.
        store: As of `near_duplicates`.
        threads: As of `near_duplicates`.

    Raises:
        AuditError: As `near_duplicates`.
    """
    duplicates = near_duplicates(dataset, store, threads)
    left_out = set(duplicates.left_out.tolist())
    if not left_out:
        return dataset
    kept = [index for index in range(len(dataset.cases)) if index not in left_out]
    trained = len(np.unique(duplicates.training[:, 0]))
    note = (
        f"{len(left_out)} images are left out as near-duplicates: {trained} of training images, "
        f"the others of another patient's image"
    )
    return replace(
        dataset,
        digest=canonical_digest(["without near-duplicates", ALIKE, dataset.digest, kept]),
        cases=tuple(dataset.cases[index] for index in kept),
        read=lambda index: dataset.read(kept[index]),
        notes=(*dataset.notes, note),
    )


def _found(dataset: Dataset, training: Dataset | None, threads: int) -> NearDuplicates:
    patients = dataset.patients
    lines = _lines(dataset, threads)
    between = _alike(lines, lines, lambda at, to: (at < to) & (patients[at] != patients[to]))
    if training is None:
        empty = np.zeros((0, 2), np.int64), np.zeros(0)
        return NearDuplicates(*between, *empty)
    trained = _alike(lines, _lines(training, threads), lambda at, to: at >= 0)
    return NearDuplicates(*between, *trained)


def _lines(dataset: Dataset, threads: int) -> NDArray[np.float32]:
    """The fine structure of every image, shape (n, SIDE * SIDE); zeros for one that is broken."""

    def look(index: int) -> NDArray[np.float32]:
        beat()
        try:
            return fine_structure(dataset.read(index).image)
        except BadImage:
            if dataset.card.on_bad_image == "error":
                raise
            return np.zeros(SIDE * SIDE, np.float32)

    with ThreadPoolExecutor(threads) as pool:
        return np.array(list(pool.map(look, range(len(dataset.cases)))), np.float32)


_Kept = Callable[[NDArray[np.int64], NDArray[np.int64]], NDArray[np.bool_]]


def _alike(
    some: NDArray[np.float32], others: NDArray[np.float32], kept: _Kept
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Pairs that look the same, and their correlations, in order."""

    def blocks() -> Iterator[tuple[NDArray[np.int64], NDArray[np.float64]]]:
        for start in range(0, len(some), _ROWS):
            beat()
            products = some[start : start + _ROWS] @ others.T
            at, to = np.nonzero(products >= ALIKE)
            good = kept(at + start, to)
            pairs = np.stack([at + start, to], axis=1)[good].astype(np.int64)
            yield pairs, products[at, to][good].astype(np.float64)

    parts = list(blocks())
    return np.concatenate([p for p, _ in parts]), np.concatenate([a for _, a in parts])
