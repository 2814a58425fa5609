"""The synthetic patients: labels, metadata and planted shortcuts, before anything is drawn."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import IntEnum

import numpy as np

from audit_suite.cards import PhantomSpec
from audit_suite.discreet import Discreet
from audit_suite.errors import AuditError
from audit_suite.phantoms.shortcut import get_shortcut

TARGETS = {"cxr": "consolidation", "fundus": "glaucoma"}
"""The target of each kind of phantom."""
CO_LABELS: Mapping[str, tuple[str, ...]] = {
    "cxr": ("cardiomegaly", "pneumoperitoneum"),
    "fundus": (),
}
"""Further targets that a phantom may have (``co_labels``)."""

REGIONS: Mapping[str, tuple[str, ...]] = {
    "cxr": ("lungs", "left_lung", "right_lung", "heart", "spine", "diaphragm"),
    "fundus": ("disc", "cup", "vessels", "macula", "retina"),
}
"""The regions of each kind of phantom."""


class Stream(IntEnum):
    """Independent random streams, so that changing one aspect leaves all others unchanged."""

    PATIENT = 1
    LABEL = 2
    ANATOMY = 3
    IMAGE = 4
    FINDING = 5
    PLANTED = 6
    SHORTCUT = 7
    CO_LABEL = 8
    METADATA = 9
    SCANNER = 10


@dataclass(frozen=True, repr=False)
class PhantomCase(Discreet):
    """One image of one synthetic patient.

    Attributes:
        id: Unique in the cohort.
        patient: The patient's id.
        number: The patient's number, from 0.
        image: The image's number within the patient, from 0.
        labels: 0 or 1 by target; they depend only on what the spec plants or ties.
        metadata: ``age`` (years), ``sex`` (F, M), ``view`` (PA, AP; fundus: OD, OS), ``site``.
        planted: For each shortcut of the spec, whether it is drawn.
    """

    id: str
    patient: str
    number: int
    image: int
    labels: Mapping[str, int]
    metadata: Mapping[str, str | float]
    planted: tuple[bool, ...]


def stream(spec: PhantomSpec, kind: Stream, *numbers: int) -> np.random.Generator:
    """The random generator of one stream of one patient or image."""
    return np.random.default_rng([spec.seed, int(kind), *numbers])


def cohort(spec: PhantomSpec, targets: Sequence[str]) -> tuple[PhantomCase, ...]:
    """Draw the patients of a phantom data set; deterministic and cheap.

    Labels and shortcuts are drawn per patient. A shortcut is present or absent as the label says
    with probability ``agreement``; age, sex, view and site are independent of the label unless
    the spec ties them to it.

    Args:
        spec: Settings of the data set.
        targets: The targets the card declares.

    Raises:
        AuditError: If this kind of phantom has no such target, or a shortcut is not known.
    """
    _refuse_unknown(spec, targets)
    cases: list[PhantomCase] = []
    for number in range(spec.patients):
        cases.extend(_patient(spec, number))
    return tuple(cases)


def planted_strength(spec: PhantomSpec, case: PhantomCase, name: str) -> float:
    """Strength in a case of a shortcut that is drawn with the anatomy; 0 if it is not planted."""
    pairs = zip(spec.shortcuts, case.planted, strict=True)
    return max((s.strength for s, planted in pairs if planted and s.name == name), default=0.0)


def _refuse_unknown(spec: PhantomSpec, targets: Sequence[str]) -> None:
    first = TARGETS[spec.kind]
    drawn = [first]
    for co_label in spec.co_labels:
        if co_label.target not in CO_LABELS[spec.kind]:
            can = ", ".join(CO_LABELS[spec.kind]) or "none"
            raise AuditError(
                f"a phantom of kind '{spec.kind}' has no co-label '{co_label.target}'",
                f"correct the key 'phantom.co_labels'; known for this kind: {can}",
            )
        if co_label.target in drawn:
            raise AuditError(
                f"the co-label '{co_label.target}' is named twice",
                "correct the key 'phantom.co_labels'",
            )
        drawn.append(co_label.target)
    for target in (*targets, *(s.target for s in spec.shortcuts if s.target is not None)):
        if target in drawn:
            continue
        if target in CO_LABELS[spec.kind]:
            raise AuditError(
                f"this phantom does not draw the target '{target}'",
                f'add co_labels = [{{ target = "{target}" }}] to the card\'s phantom section',
            )
        raise AuditError(
            f"a phantom of kind '{spec.kind}' has the target '{first}', not '{target}'",
            f"name the target '{first}' in the data set card",
        )
    names = [shortcut.name for shortcut in spec.shortcuts]
    for name in (*names, *(name for tie in spec.metadata for name in tie.shows)):
        get_shortcut(name)


def _patient(spec: PhantomSpec, number: int) -> list[PhantomCase]:
    rng = stream(spec, Stream.PATIENT, number)
    labels = _labels(spec, number)
    agrees = stream(spec, Stream.PLANTED, number).random(len(spec.shortcuts))
    first = TARGETS[spec.kind]
    planted = tuple(
        bool(labels[shortcut.target or first]) == bool(agree < shortcut.agreement)
        for agree, shortcut in zip(agrees, spec.shortcuts, strict=True)
    )
    low, high = spec.images_per_patient
    age, sex = round(float(rng.triangular(18, 62, 92))), "F" if rng.random() < 0.5 else "M"
    site, count = f"site-{'abc'[rng.integers(3)]}", int(rng.integers(low, high + 1))
    views = ("PA", "AP") if spec.kind == "cxr" else ("OD", "OS")
    tied = _tied_metadata(spec, number, labels[first], views)
    return [
        PhantomCase(
            id=f"{number}-{image}",
            patient=f"phantom-{number}",
            number=number,
            image=image,
            labels=labels,
            metadata={"age": age, "sex": sex, "view": views[rng.integers(2)], "site": site, **tied},
            planted=planted,
        )
        for image in range(count)
    ]


def _labels(spec: PhantomSpec, number: int) -> dict[str, int]:
    label = int(stream(spec, Stream.LABEL, number).random() < spec.prevalence)
    labels = {TARGETS[spec.kind]: label}
    if not spec.co_labels:
        return labels
    draws = stream(spec, Stream.CO_LABEL, number).random(len(spec.co_labels))
    for draw, co_label in zip(draws, spec.co_labels, strict=True):
        if co_label.agreement is None:
            share = 0.5 if co_label.prevalence is None else co_label.prevalence
            labels[co_label.target] = int(draw < share)
        else:
            labels[co_label.target] = label if draw < co_label.agreement else 1 - label
    return labels


def _tied_metadata(
    spec: PhantomSpec, number: int, label: int, views: tuple[str, str]
) -> dict[str, str | float]:
    """The metadata that the label decides, if the spec ties any to it."""
    tied: dict[str, str | float] = {}
    if not spec.metadata:
        return tied
    rng = stream(spec, Stream.METADATA, number)
    for tie in spec.metadata:
        sick = bool(label) == bool(rng.random() < tie.agreement)
        young, old = rng.triangular(18, 45, 62), rng.triangular(62, 70, 92)
        values = {
            "site": "site-c" if sick else "site-a",
            "view": views[sick],
            "age": round(float(old if sick else young)),
        }
        tied[tie.key] = values[tie.key]
    return tied
