"""Every patient's influence on what was compared, kept beside the evidence of an audit.

A record holds estimates and intervals, but not what two releases have in common: the patients.
Their influences are stored under a hash of what the record says, so that it finds its own again.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from audit_suite.cards import canonical_digest
from audit_suite.errors import AuditError
from audit_suite.evidence.store import EvidenceStore
from audit_suite.record import Finding
from audit_suite.record.policy import OF_THE_MODEL
from audit_suite.statistics import Comparison
from audit_suite.statistics.influence import READERS, Influence, Part

_INDEX = "index"

Arrays = dict[str, NDArray[Any]]


def influences_key(finding: Finding, model: str, dataset: str) -> str:
    """Where the influences of a finding's comparisons are stored.

    Args:
        finding: As the record holds it.
        model: Digest of its model.
        dataset: Digest of its data set.
    """
    estimates = [each.estimate.model_dump(mode="json") for each in finding.comparisons]
    return canonical_digest(["influences", model, dataset, finding.id, estimates])


def keep_influences(
    store: EvidenceStore,
    finding: Finding,
    compared: Sequence[Comparison],
    model: str,
    dataset: str,
) -> None:
    """Store the influences of a finding's comparisons, once; patients are numbers.

    Without them a later release is compared by intervals alone, so a folder that cannot be written
    is no reason to stop.

    Args:
        store: Where the evidence of the audit is.
        finding: What was judged.
        compared: Its comparisons, in the order of the finding.
        model: Digest of its model.
        dataset: Digest of its data set.
    """
    if finding.role not in OF_THE_MODEL or not any(map(_may_be_kept, compared)):
        return
    key = influences_key(finding, model, dataset)
    if store.has(key):
        return
    try:
        store.write(key, _packed(compared), of=f"{model}/{dataset}")
    except AuditError:
        return


def read_influences(
    stores: Iterable[EvidenceStore], finding: Finding, model: str, dataset: str
) -> list[Influence | None]:
    """The influences of a finding's comparisons; None for each that is not stored.

    Args:
        stores: Where to look, in order.
        finding: As the record holds it.
        model: Digest of its model.
        dataset: Digest of its data set.
    """
    key = influences_key(finding, model, dataset)
    for store in stores:
        if (stored := store.open(key)) is not None:
            return _unpacked(stored)
    return [None] * len(finding.comparisons)


def _may_be_kept(comparison: Comparison) -> bool:
    """Whether all its patients are numbers: names never reach a file."""
    return comparison.influence is not None and all(
        name != READERS and (part.patients.dtype.kind != "U" or len(part.patients) == 1)
        for name, part in comparison.influence.parts.items()
    )


def _packed(compared: Sequence[Comparison]) -> Arrays:
    arrays: Arrays = {}
    names: dict[bytes, str] = {}

    def put(array: NDArray[Any]) -> str:
        """The name of an array that is stored once, however many comparisons share it."""
        content = array.dtype.str.encode() + array.tobytes()
        if content not in names:
            names[content] = f"a{len(names)}"
            arrays[names[content]] = array
        return names[content]

    index: list[list[dict[str, Any]] | None] = []
    for each in compared:
        if each.influence is None or not _may_be_kept(each):
            index.append(None)
            continue
        index.append(
            [
                {
                    "dataset": dataset,
                    "strata": list(part.names),
                    "named": part.patients[0] if part.patients.dtype.kind == "U" else None,
                    "patients": put(_numbers(part.patients)),
                    "values": put(part.values.astype(np.float32)),
                    "of": put(part.strata.astype(np.int16)),
                }
                for dataset, part in each.influence.parts.items()
            ]
        )
    arrays[_INDEX] = np.frombuffer(json.dumps(index).encode(), np.uint8)
    return arrays


def _numbers(patients: NDArray[Any]) -> NDArray[np.int32]:
    return np.zeros(1, np.int32) if patients.dtype.kind == "U" else patients.astype(np.int32)


def _unpacked(stored: Mapping[str, NDArray[Any]]) -> list[Influence | None]:
    index = json.loads(stored[_INDEX].tobytes())
    arrays = {name: stored[name] for name in stored if name != _INDEX}
    return [None if parts is None else _influence(parts, arrays) for parts in index]


def _influence(parts: Sequence[Mapping[str, Any]], arrays: Arrays) -> Influence:
    return Influence(
        {
            part["dataset"]: Part(
                arrays[part["patients"]] if part["named"] is None else np.array([part["named"]]),
                arrays[part["values"]].astype(np.float64),
                tuple(part["strata"]),
                arrays[part["of"]].astype(np.int_),
            )
            for part in parts
        }
    )
