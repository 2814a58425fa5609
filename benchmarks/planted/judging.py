"""The real command on one model, and what its record says."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from audit_suite.audit.gate import Exit
from audit_suite.errors import AuditError

SUITES = ("region-sensitivity", "controls", "metadata")
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
    command = [sys.executable, "-m", "pytest", "--audit", "-q", "-p", "no:cacheprovider"]
    command += [f"--audit-suite={suite}" for suite in SUITES]
    command += [f"--audit-model={model}", f"--audit-dataset={dataset}", f"--audit-json={record}"]
    command += [f"--audit-evidence={model.parent / 'evidence'}", "--audit-device=cpu"]
    environment = {**os.environ, "OMP_WAIT_POLICY": "PASSIVE", "GOMP_SPINCOUNT": "0"}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    if done.returncode not in frozenset(Exit) or not record.exists():
        end = "\n".join((done.stdout + done.stderr).splitlines()[-30:])
        raise AuditError(
            f"the audit of {model.stem} ended with {done.returncode}:\n{end}", "see above"
        )


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
        auroc=next(
            (
                finding["comparisons"][0]["estimate"]["value"]
                for finding in record["findings"]
                if finding["check"] == "R1" and finding["comparisons"]
            ),
            None,
        ),
        decision=target["decision"],
        kept=target["kept"],
        fails=sorted({f["check"] for f in record["findings"] if f["verdict"] == "fail"}),
        expected=CAUSES.get(name.partition("-")[2], "") if truth != "honest" else "",
        causes=sorted(flag["cause"] for flag in flags if flag["holds"] == "yes"),
        unknown=sorted(flag["cause"] for flag in flags if flag["holds"] == "unknown"),
    )
