"""Who the synthetic patients are: labels, metadata and planted bits, before anything is drawn."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import IntEnum

import numpy as np

from audit_suite.cards import PhantomSpec
from audit_suite.errors import AuditError
from audit_suite.phantoms.shortcuts import get_shortcut

TARGETS = {"cxr": "consolidation", "fundus": "glaucoma"}


class Stream(IntEnum):
    """Independent random streams, so that changing one thing leaves the rest as it was."""

    PATIENT = 1
    LABEL = 2
    ANATOMY = 3
    IMAGE = 4
    FINDING = 5
    PLANTED = 6
    SHORTCUT = 7


@dataclass(frozen=True)
class PhantomCase:
    """One image of one synthetic patient.

    Attributes:
        id: Unique in the cohort.
        patient: Patient.
        number: The patient's number, from 0.
        image: The image's number within the patient, from 0.
        labels: 0 or 1 by target; independent of everything but planted shortcuts.
        metadata: ``age`` (years), ``sex`` (F, M), ``view`` (PA, AP; fundus: OD, OS), ``site``.
        planted: For each shortcut of the spec whether it is drawn.
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

    Label and planted bits are drawn by patient. A shortcut's bit equals the label with
    probability ``agreement``; age, sex, view and site are independent of the label.

    Args:
        spec: Settings of the data set.
        targets: The targets the card declares.

    Raises:
        AuditError: If this kind of phantom has no such target, or a shortcut is not known.
    """
    known = TARGETS[spec.kind]
    for target in (*targets, *(s.target for s in spec.shortcuts if s.target is not None)):
        if target != known:
            raise AuditError(
                f"a phantom of kind '{spec.kind}' has the target '{known}', not '{target}'",
                f"name the target '{known}' in the data set card",
            )
    for shortcut in spec.shortcuts:
        get_shortcut(shortcut.name)
    cases: list[PhantomCase] = []
    for number in range(spec.patients):
        cases.extend(_patient(spec, number, known))
    return tuple(cases)


def _patient(spec: PhantomSpec, number: int, target: str) -> list[PhantomCase]:
    rng = stream(spec, Stream.PATIENT, number)
    label = int(stream(spec, Stream.LABEL, number).random() < spec.prevalence)
    agrees = stream(spec, Stream.PLANTED, number).random(len(spec.shortcuts))
    planted = tuple(
        bool(label) == bool(agree < shortcut.agreement)
        for agree, shortcut in zip(agrees, spec.shortcuts, strict=True)
    )
    low, high = spec.images_per_patient
    age, sex = round(float(rng.triangular(18, 62, 92))), "F" if rng.random() < 0.5 else "M"
    site, count = f"site-{'abc'[rng.integers(3)]}", int(rng.integers(low, high + 1))
    views = ("PA", "AP") if spec.kind == "cxr" else ("OD", "OS")
    return [
        PhantomCase(
            id=f"{number}-{image}",
            patient=f"phantom-{number}",
            number=number,
            image=image,
            labels={target: label},
            metadata={"age": age, "sex": sex, "view": views[rng.integers(2)], "site": site},
            planted=planted,
        )
        for image in range(count)
    ]
