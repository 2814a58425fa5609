"""The real command on one model, and what its record says."""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from audit_suite.errors import AuditError
from detection.auditing import AuditFailedError, auroc_of, suites
from detection.auditing import audit as run

CAUSES: Mapping[str, str] = {
    "corner_marker": "background-shortcut",
    "border": "background-shortcut",
    "burned_in_text": "background-shortcut",
    "exposure": "acquisition",
    "scanner_noise": "acquisition",
}
"""The cause that must be named for what is planted."""


class Judged(NamedTuple):
    """What an audit says of one model.

    Attributes:
        name: What is planted, and how.
        truth: ``as it is``, ``honest``, ``shortcut`` (alone) or ``planted`` (beside the label).
        auroc: On whole films.
        decision: Open, closed, undecided or partial.
        kept: What is left of the skill with the box hidden, in words.
        fails: Checks that failed.
        expected: The cause that must be named; empty for none.
        causes: Causes named.
        unknown: Causes that the data leave unknown.
    """

    name: str
    truth: str
    auroc: float | None
    decision: str
    kept: str
    fails: list[str]
    expected: str
    causes: list[str]
    unknown: list[str]


def audit(model: Path, dataset: Path, record: Path) -> None:
    """Audit a model with the command, and write its record.

    Raises:
        AuditError: If the audit did not end normally.
    """
    try:
        run(model, dataset, model.parent, suites(), ())
    except AuditFailedError as error:
        raise AuditError(
            f"the audit of {model.stem} ended with an error:\n{error}", "see above"
        ) from None
    shutil.move(model.parent / "audit.json", record)


def read(name: str, truth: str, path: Path) -> Judged:
    """What a record says of its only model.

    Args:
        name: What is planted, and how.
        truth: The truth.
        path: The record.
    """
    record: Mapping[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    (target,) = record["targets"]
    flags = [flag for causes in record["causes"] for flag in causes["flags"]]
    return Judged(
        name=name,
        truth=truth,
        auroc=auroc_of(record["findings"]),
        decision=target["decision"],
        kept=target["kept"],
        fails=sorted({f["check"] for f in record["findings"] if f["verdict"] == "fail"}),
        expected=CAUSES.get(name.partition("-")[2], "") if truth != "honest" else "",
        causes=sorted(flag["cause"] for flag in flags if flag["holds"] == "yes"),
        unknown=sorted(flag["cause"] for flag in flags if flag["holds"] == "unknown"),
    )
