"""Attributions as evidence: which images are explained against which references, and the tables."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from audit_suite.cards import DatasetCard, canonical_digest, load_dataset_card
from audit_suite.datasets import BadImage, Dataset, Sample
from audit_suite.errors import AuditError
from audit_suite.evidence.request import Explanation
from audit_suite.evidence.source import ENGINE_VERSION, EvidenceSource, unpack_lines
from audit_suite.evidence.store import Arrays
from audit_suite.verdict import NotApplicable

if TYPE_CHECKING:
    from audit_suite.explainers import Explainer

REGION_SHAPLEY = "region-shapley"
EXPLAINED_VERSION = 2  # raise it when explainers or what is stored of them change
REFERENCES = 16  # images that stand for "absent" where pixels are explained
NOTHING_DRAWN = "there is no image to explain"
_RESERVED = 0.2  # of the patients of a class, at least, are left to lend references

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Attributions:
    """What a method says of the images of a sample.

    Attributes:
        index: Shape (n,), which images of the data set these are.
        outputs: Shape (n,), f(x): the model's raw output, or under softmax the log odds.
        expected: Shape (n,), mean output over the references; NaN where attributions do not add up.
        arrays: What else is stored. Of regions: ``values``, ``inside`` and ``area``, each of shape
            (n, P): Shapley values, the share of a player's pixels that belong to the ROI, and its
            share of the frame; and ``apart`` (n, P, R), the share of its pixels that belong to
            each of the regions told apart, if there are any, and ``donor`` (n,), which reference
            stood for what was hidden. Of pixels: ``maps`` (n, H, W) float32 and ``regions``
            (n, H, W) bool, the ROI; ``coarse`` (n, h, w), small absolute maps; of the images
            ``picked`` (m,) ``rough`` (m, h, w), the same from fewer samples, and ``shuffled``
            (stages, m, h, w), these after more and more layers were shuffled, NaN where the method
            could not handle that; ``deletion`` and ``insertion`` (n, 2, steps), outputs by the
            map's order and a random one.
        players: Names of the players, where regions are explained.
    """

    index: NDArray[np.int_]
    outputs: Floats
    expected: Floats
    arrays: Mapping[str, NDArray[Any]]
    players: tuple[str, ...]


def methods() -> dict[str, Explainer]:
    """The explainers of pixels by name."""
    from audit_suite.explainers import PIXEL_EXPLAINERS

    return {explainer.name: explainer for explainer in PIXEL_EXPLAINERS}


def attributions(request: Explanation, source: EvidenceSource) -> Attributions:
    """The attributions of a request; computed now if they are not stored.

    Raises:
        NotApplicable: If the method cannot handle the model.
        AuditError: If the evidence is missing and may not or cannot be computed.
    """
    key = explanation_key(request, source)
    arrays = source.store.read(key)
    if arrays is None:
        if source.offline:
            raise AuditError(
                f"--audit-offline: the store {source.store.root} lacks the attributions of model "
                f"'{request.model.name}' on data set '{request.dataset.name}' ({request.method})",
                "run once without --audit-offline, with the same cards and evidence profile",
            )
        from audit_suite.evidence.explaining import compute_explanations

        compute_explanations([request], source)
        arrays = source.store.read(key)
    if arrays is None:
        failure = source.failures.get(request)
        raise failure or AuditError(
            f"the attributions of model '{request.model.name}' on '{request.dataset.name}' are "
            f"missing",
            "run the audit again; if they stay missing, empty the folder of --audit-evidence",
        )
    if "refused" in arrays:
        raise NotApplicable(unpack_lines(arrays["refused"])[0])
    return _table(arrays)


def is_stored(request: Explanation, source: EvidenceSource) -> bool:
    """Whether the attributions of a request can be had without computing anything.

    Raises:
        AuditError: If a data set or the model's weights cannot be read.
    """
    return source.store.has(explanation_key(request, source))


def explanation_key(request: Explanation, source: EvidenceSource) -> str:
    """The store key of a request's attributions.

    Raises:
        AuditError: If a data set or the model's weights cannot be read.
    """
    settings = {} if request.method == REGION_SHAPLEY else asdict(methods()[request.method])  # type: ignore[call-overload]
    apart = {"apart": list(request.apart)} if request.apart else {}  # a key that came later
    return canonical_digest(
        {
            "engine": [ENGINE_VERSION, EXPLAINED_VERSION],
            "model": source.model_digest(request.model, request.fold),
            "dataset": source.dataset(request.dataset).digest,
            "references": source.dataset(reference_card(request.dataset)).digest,
            "target": [request.target, list(request.region)],
            "method": [request.method, settings],
            "held_out": [request.held_out, request.fold],
            "cases": source.max_explained,
            "profile": source.profile.digest(),
            **apart,
        }
    )


def explained(request: Explanation, source: EvidenceSource) -> Iterator[tuple[int, Sample]]:
    """The images of a request's sample: half positive and half negative, one a patient, by hash.

    The seed and the data set alone decide them, whatever the model says of them.

    Yields:
        Index in the data set, and the image.
    """
    dataset = source.dataset(request.dataset)
    for label in (1, 0):
        candidates = _by_hash(dataset, request.target, label, source.profile.seed)
        count = min(source.max_explained // 2, round(len(candidates) * (1 - _RESERVED)))
        if request.held_out:
            tag = request.model.held_out or ""
            candidates = [
                index
                for index in candidates[:count]
                if dataset.cases[index].metadata.get(tag) == str(request.fold)
            ]
        for index in candidates[:count]:
            try:
                yield index, dataset.read(index)
            except BadImage:
                if dataset.card.on_bad_image == "error":
                    raise


def references(
    request: Explanation, source: EvidenceSource, count: int = REFERENCES
) -> list[Sample]:
    """Images that stand for "absent", never of a patient who may be explained, by hash.

    A declared reference set that shares images with the audited one is of the same house: whoever
    is in both lends none.

    Raises:
        NotApplicable: If there are none.
    """
    card = reference_card(request.dataset)
    dataset = source.dataset(card)
    found: list[Sample] = []
    audited = source.dataset(request.dataset)
    barred = set() if card == request.dataset else _shared_patients(dataset, audited)
    for label in (1, 0):
        target = request.target if request.target in card.targets else next(iter(card.targets))
        candidates = _by_hash(dataset, target, label, source.profile.seed)
        if card == request.dataset:  # the last of the order, where `explained` takes the first
            most = round(len(candidates) * (1 - _RESERVED))
            candidates = candidates[min(source.max_explained // 2, most) :]
        candidates = [index for index in candidates if dataset.cases[index].patient not in barred]
        usable = 0
        for index in reversed(candidates):
            if usable == count // 2:
                break
            try:
                found.append(dataset.read(index))
            except BadImage:
                continue
            usable += 1
    if not found:
        raise NotApplicable(
            f"data set '{card.name}' has too few patients to lend references to explanations"
        )
    return found


def reference_card(card: DatasetCard) -> DatasetCard:
    """The card of the data set that lends references to explanations: the card itself by default.

    Raises:
        AuditError: If that card is missing or wrong.
    """
    return card if card.references is None else load_dataset_card(card.resolve(card.references))


def _by_hash(dataset: Dataset, target: str, label: int, seed: int) -> list[int]:
    """One image of every patient who has one of this label, in an order that nothing else decides.

    A patient with images of both labels counts as positive alone: a reference must not be of a
    patient who is explained.
    """
    positive = {case.patient for case in dataset.cases if case.labels[target] == 1}

    def drawn(index: int) -> bytes:
        return hashlib.sha256(f"{seed}/{dataset.digest}/explained/{index}".encode()).digest()

    patients: dict[str, int] = {}
    for index in sorted(range(len(dataset.cases)), key=drawn):
        case = dataset.cases[index]
        if case.labels[target] == label and (label == 1 or case.patient not in positive):
            patients.setdefault(case.patient, index)
    return list(patients.values())


def _shared_patients(lending: Dataset, audited: Dataset) -> set[str]:
    """The audited patients, if images of one name are of one patient and one finding in both sets.

    Else the same name means different people, as in two hospitals that both count from 1.
    """
    named = {case.id: case for case in audited.cases}
    pairs = [(case, named[case.id]) for case in lending.cases if case.id in named]
    alike = all(
        one.patient == other.patient
        and all(one.labels[name] == other.labels[name] for name in one.labels.keys() & other.labels)
        for one, other in pairs
    )
    return {case.patient for case in audited.cases} if pairs and alike else set()


def _table(arrays: Arrays) -> Attributions:
    own = ("index", "outputs", "expected", "players")
    return Attributions(
        index=arrays["index"],
        outputs=arrays["outputs"],
        expected=arrays["expected"],
        arrays={name: array for name, array in arrays.items() if name not in own},
        players=tuple(unpack_lines(arrays["players"])) if "players" in arrays else (),
    )
