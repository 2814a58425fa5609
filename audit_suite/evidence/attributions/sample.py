"""Which images are explained, and which serve as references; chosen by hash, never by score."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator

from audit_suite.datasets import BadImage, Dataset, Sample
from audit_suite.evidence.attributions.request import AttributionRequest, reference_card
from audit_suite.evidence.pixels import sample_of
from audit_suite.evidence.source import EvidenceSource
from audit_suite.verdict import NotApplicable

REFERENCES = 16  # images that replace what is "absent" in explanations of pixels
_RESERVED = 0.2  # least share of the patients of a class that is kept for references


def explained(request: AttributionRequest, source: EvidenceSource) -> Iterator[tuple[int, Sample]]:
    """The images of a request's sample: half positive, half negative, one per patient, by hash.

    They depend only on the seed and the data set, not on the model's scores.

    Yields:
        Index in the data set, and the image.
    """
    dataset = source.dataset(request.dataset)
    most = request.effort(source).images
    for label in (1, 0):
        candidates = _by_hash(dataset, request.target, label, source.profile.seed)
        count = min(most // 2, round(len(candidates) * (1 - _RESERVED)))
        if request.held_out:
            tag = request.model.held_out or ""
            candidates = [
                index
                for index in candidates[:count]
                if dataset.cases[index].metadata.get(tag) == str(request.fold)
            ]
        for index in candidates[:count]:
            try:
                yield index, sample_of(dataset, index, request.model.input)
            except BadImage:
                if dataset.card.on_bad_image == "error":
                    raise


def references(
    request: AttributionRequest, source: EvidenceSource, count: int = REFERENCES
) -> list[Sample]:
    """Images that replace what is "absent", chosen by hash among patients who are not explained.

    Patients who are in both the audited data set and a declared reference set are not used as
    references.

    Raises:
        NotApplicable: If there are none.
    """
    card = reference_card(request.dataset)
    dataset = source.dataset(card)
    lent: list[Sample] = []
    audited = source.dataset(request.dataset)
    barred = set() if card == request.dataset else _shared_patients(dataset, audited)
    for label in (1, 0):
        target = request.target if request.target in card.targets else next(iter(card.targets))
        candidates = _by_hash(dataset, target, label, source.profile.seed)
        if card == request.dataset:  # the last of the order, where `explained` takes the first
            most = round(len(candidates) * (1 - _RESERVED))
            taken = request.effort(source).images // 2
            candidates = candidates[min(taken, most) :]
        candidates = [index for index in candidates if dataset.cases[index].patient not in barred]
        usable = 0
        for index in reversed(candidates):
            if usable == count // 2:
                break
            try:
                lent.append(sample_of(dataset, index, request.model.input))
            except BadImage:
                continue
            usable += 1
    if not lent:
        raise NotApplicable(
            f"data set '{card.name}' has too few patients to provide references for explanations"
        )
    return lent


def _by_hash(dataset: Dataset, target: str, label: int, seed: int) -> list[int]:
    """One image of every patient who has an image with this label, ordered by hash alone.

    A patient with images of both labels counts as positive: a reference must not come from a
    patient who is explained.
    """
    positive = {case.patient for case in dataset.cases if case.labels.get(target) == 1}

    def drawn(index: int) -> bytes:
        return hashlib.sha256(f"{seed}/{dataset.digest}/explained/{index}".encode()).digest()

    patients: dict[str, int] = {}
    for index in sorted(range(len(dataset.cases)), key=drawn):
        case = dataset.cases[index]
        if case.labels.get(target) == label and (label == 1 or case.patient not in positive):
            patients.setdefault(case.patient, index)
    return list(patients.values())


def _shared_patients(lending: Dataset, audited: Dataset) -> set[str]:
    """The audited patients, if images with the same id have the same patient and labels in both.

    Otherwise the same id means different people, as in two hospitals that both count from 1.
    """
    named = {case.id: case for case in audited.cases}
    pairs = [(case, named[case.id]) for case in lending.cases if case.id in named]
    alike = all(
        one.patient == other.patient
        and all(one.labels[name] == other.labels[name] for name in one.labels.keys() & other.labels)
        for one, other in pairs
    )
    return {case.patient for case in audited.cases} if pairs and alike else set()
