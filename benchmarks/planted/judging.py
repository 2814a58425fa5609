"""The real command on one model, and what its record says."""

from __future__ import annotations

import json
import shutil
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any, Literal, NamedTuple

from audit_suite.causes import UNDETERMINED
from audit_suite.errors import AuditError
from detection.auditing import AuditFailedError, auroc_of, suites
from detection.auditing import audit as run
from detection.outcomes import Outcome

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
        outcome: `outcome_of` what is named; empty where nothing is planted beside an honest truth.
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
    outcome: Outcome | Literal[""]


def outcome_of(
    expected: str, causes: Collection[str], unknown: Collection[str], before: Collection[str]
) -> Outcome:
    """How the causes of a model are judged; fixed before images that no rule had seen were audited.

    Right: the planted cause is named, whatever else is named. Wrong: it is not, and something is
    named that the same images without anything planted do not have. Not known: neither, and it is
    said that the planted cause may hold, or that something is left to explain. Silent: none of it.

    Args:
        expected: The planted cause.
        causes: Causes named.
        unknown: Causes that the data leave unknown.
        before: Causes named without anything planted, where the label is the same.
    """
    if expected in causes:
        return "right"
    if set(causes) - {UNDETERMINED, *before}:
        return "wrong"
    said = UNDETERMINED in causes or {expected, UNDETERMINED} & set(unknown)
    return "not_known" if said else "silent"


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


def read(name: str, truth: str, path: Path, as_it_is: Judged | None = None) -> Judged:
    """What a record says of its only model.

    Args:
        name: What is planted, and how.
        truth: The truth.
        path: The record.
        as_it_is: The same images without anything planted, if they were audited.
    """
    record: Mapping[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    (target,) = record["targets"]
    expected = CAUSES.get(name.partition("-")[2], "") if truth != "honest" else ""
    flags = [flag for causes in record["causes"] for flag in causes["flags"]]
    named = sorted(flag["cause"] for flag in flags if flag["holds"] == "yes")
    unknown = sorted(flag["cause"] for flag in flags if flag["holds"] == "unknown")
    before = as_it_is.causes if as_it_is and truth == "planted" else ()
    return Judged(
        name=name,
        truth=truth,
        auroc=auroc_of(record["findings"]),
        decision=target["decision"],
        kept=target["kept"],
        fails=sorted({f["check"] for f in record["findings"] if f["verdict"] == "fail"}),
        expected=expected,
        causes=named,
        unknown=unknown,
        outcome=outcome_of(expected, named, unknown, before) if expected else "",
    )
