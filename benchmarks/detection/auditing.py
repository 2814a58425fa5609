"""Audit a batch of models with the real command, and read each model's results."""

from __future__ import annotations

import hashlib
import importlib
import json
import os
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple

import audit_suite.suites
import pytest_audit
from audit_suite.audit.gate import Exit
from audit_suite.causes import UNDETERMINED, name_causes
from audit_suite.checks import ATTRIBUTE
from audit_suite.record import CausesRecord, Finding
from detection.gating import decisions_by_target
from detection.grid import Kind, Setting
from detection.packs import ROOT, load_packs
from detection.training import make_model

WANTED = ("region-sensitivity", "controls", "metadata")
GUARDING = ("score-spread", "operating-point", "dilation", "frame", "subgroups")
"""Further suites whose guards a gate decision rests on. Explanations and readings are not asked."""
LEFT_OUT = ("C2", "C7", "C8", "C9", "M1", "M2", "M4")  # neither verdict nor cause depends on them
SEARCHED = ("X3-painted",)  # reported for honest models too: neither power nor a false alarm
# Parts of the package that do not affect findings. Causes are rules on findings, applied anew.
_NO_PART = ("causes", "report", "sections", "pictures", "training", "cli", "terminal.py")
_BLOCKING = WANTED[0]
_BLACK = "without-roi"  # the masking of the naive rule
_RAN = frozenset(Exit)  # of an audit that ended; INCOMPLETE: checks were left out


class Asked(NamedTuple):
    """The suites that an audit of the benchmark asks, and the checks of them that it leaves out."""

    suites: tuple[str, ...]
    left_out: tuple[str, ...]


class AuditFailedError(RuntimeError):
    """The audit of a batch did not end normally."""


@dataclass(frozen=True)
class Row:
    """The result of one model on one test set.

    Attributes:
        key: Digest of the model's settings.
        instrument: Digest of the code that gave it (`instrument`).
        model: The model's name.
        kind: Its planted truth.
        strength: Strength of its finding, or of what was planted.
        seed: Seed of its patients and training.
        size: Patients of the test set.
        first: Whether this is the model's own test set, not one of the smaller ones.
        world: In what its world differs from the usual one.
        prevalence: Share of test patients with the finding.
        positives: Positive patients.
        auroc: AUROC on whole images; None if it was not asked.
        decisions: What the gate would say of each target under the default policy.
        verdict: The worst of the region-sensitivity checks: fail, error, inconclusive or pass.
        checks: Every check's verdict, the worst of its cases.
        findings: All findings of the record, if causes are named.
        naive: AUROC without the ROI (contour, black) with its 95 % interval.
        seconds: Share of its batch's time.
    """

    key: str
    instrument: str
    model: str
    kind: str
    strength: float
    seed: int
    size: int
    first: bool
    world: str
    prevalence: float
    positives: int
    auroc: float | None
    decisions: dict[str, str]
    verdict: str
    checks: dict[str, str]
    findings: list[dict[str, Any]]
    naive: tuple[float, float, float]
    seconds: float

    @cached_property
    def causes(self) -> list[str] | None:
        """The causes that this release names; None if no suite names causes."""
        if not self.findings:
            return None
        return sorted({cause for record in self._named for cause in record.causes})

    @cached_property
    def says_unknown(self) -> bool:
        """Whether this release says that something may be left to explain."""
        flags = [flag for record in self._named for flag in record.flags]
        return any(flag.cause == UNDETERMINED and flag.holds != "no" for flag in flags)

    @cached_property
    def _named(self) -> list[CausesRecord]:
        return name_causes([Finding.model_validate(finding) for finding in self.findings])

    def to_json(self) -> str:
        """One line of JSON."""
        return json.dumps(asdict(self), sort_keys=True)

    @classmethod
    def from_json(cls, line: str) -> Row:
        """Read what `to_json` wrote.

        Raises:
            ValueError: If the line is not a row (truncated, for example).
        """
        try:
            content = json.loads(line)
            return cls(**{**content, "naive": tuple(content["naive"])})
        except (TypeError, KeyError) as error:
            raise ValueError(f"not a result: {error}") from None


def suites(wanted: Sequence[str] = WANTED) -> tuple[str, ...]:
    """The suites of this release that the benchmark runs."""
    folder = Path(audit_suite.suites.__file__).parent
    return tuple(n for n in wanted if (folder / f"test_{n.replace('-', '_')}.py").exists())


def asked_for(gate: bool = False, search: bool = False) -> Asked:
    """What is asked of every model.

    Args:
        gate: Every guard that needs no explanation of an image (R14, I1, I2, P1, P2) and no reader,
            since gate decisions depend on them.
        search: The searched counterexample, and what the row of a model needs beside it.
    """
    if search:
        return Asked(suites((_BLOCKING, "search")), SEARCHED)
    return Asked(suites((*WANTED, *GUARDING)), ()) if gate else Asked(suites(), LEFT_OUT)


def instrument(asked: Sequence[str] | None = None) -> str:
    """Digest of the package's code, as far as findings depend on it.

    Results of other code do not describe this one, so every edit invalidates them.

    Args:
        asked: The suites; None for those of the usual run.
    """
    digest = hashlib.sha256(" ".join(suites() if asked is None else asked).encode())
    for package in (audit_suite, pytest_audit):
        folder = Path(package.__file__ or "").parent
        for path in sorted(folder.rglob("*.py")):
            name = path.relative_to(folder)
            if name.parts[0] not in _NO_PART:
                digest.update(f"{name}\n".encode() + path.read_bytes())
    return digest.hexdigest()[:16]


def run_batch(
    batch: Sequence[Setting], kinds: Mapping[str, Kind], own: str, asked: Asked
) -> list[Row]:
    """Train the models of a batch and audit them in one run; leaves nothing on disk.

    Args:
        batch: The models.
        kinds: The kinds of the run.
        own: Digest of the package's code (`instrument`).
        asked: Suites, and checks that are left out.

    Returns:
        One row per model and test set.

    Raises:
        AuditFailedError: If the audit did not end normally; with the end of its output.
    """
    load_packs()  # this may be a process of a pool
    started = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="detection-") as name:
        folder = Path(name)
        models, datasets = folder / "models", folder / "datasets"
        models.mkdir()
        datasets.mkdir()
        for setting in batch:
            make_model(setting, kinds, models, datasets)
        record = audit(models, datasets, folder, *asked)
    seconds = (time.monotonic() - started) / len(batch)
    return [
        read_row(record, setting, test, asked, own, seconds)
        for setting in batch
        for test in setting.tests
    ]


def audit(
    models: Path,
    datasets: Path,
    folder: Path,
    asked: Sequence[str],
    left_out: Sequence[str] = LEFT_OUT,
) -> dict[str, Any]:
    """Run `pytest --audit` on folders of cards, and read the record.

    Every card is judged as if it were audited alone, as a release is: the models that happen to
    share a batch do not share a level.
    """
    path = folder / "audit.json"
    command = [sys.executable, "-m", "pytest", "--audit", "-q", "-p", "no:cacheprovider"]
    command += [f"--audit-suite={suite}" for suite in asked]
    command += [f"--audit-model={models}", f"--audit-dataset={datasets}", f"--audit-json={path}"]
    command += [f"--audit-evidence={folder / 'evidence'}", "--audit-device=cpu"]
    if unused := _functions_of(left_out, asked):
        command += ["-k", " and ".join(f"not {name}" for name in unused)]
    # Two audits share the cores: a waiting thread must not spin.
    environment = {**os.environ, "OMP_WAIT_POLICY": "PASSIVE", "GOMP_SPINCOUNT": "0"}
    environment.pop("PYTEST_ADDOPTS", None)
    done = subprocess.run(
        command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False
    )
    if done.returncode not in _RAN or not path.exists():
        end = "\n".join((done.stdout + done.stderr).splitlines()[-40:])
        raise AuditFailedError(f"{' '.join(command)}\nended with {done.returncode}:\n{end}")
    record: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return record


def _functions_of(checks: Sequence[str], asked: Sequence[str]) -> list[str]:
    """The test functions of checks, in the suites that run."""
    functions = []
    for suite in asked:
        module = importlib.import_module(f"audit_suite.suites.test_{suite.replace('-', '_')}")
        for name, function in vars(module).items():
            check = getattr(function, ATTRIBUTE, None)
            if name.startswith("test_") and check is not None and check.id in checks:
                functions.append(name)
    return functions


def read_row(
    record: Mapping[str, Any],
    setting: Setting,
    test: tuple[int, float],
    asked: Asked,
    own: str,
    seconds: float,
) -> Row:
    """The result of one model on one of its test sets, from the record, for its first target."""
    size, prevalence = test
    at = setting.audited_on(size, prevalence), setting.test_set(size, prevalence)
    target = setting.world.target
    everywhere = [f for f in record["findings"] if (f["model"], f["dataset"]) == at]
    here = [finding for finding in everywhere if finding["target"] == target]
    checks: dict[str, str] = {}
    for finding in here:
        if finding["check"] not in LEFT_OUT:
            checks[finding["check"]] = _worse(checks.get(finding["check"]), finding["verdict"])
    verdict = "pass"
    for finding in here:
        if _suite(finding) == _BLOCKING and finding["verdict"] != "not_applicable":
            verdict = _worse(verdict, finding["verdict"])
    estimate = next(
        comparison["estimate"]
        for finding in here
        if finding["check"] == "R2"
        for comparison in finding["comparisons"]
        if comparison["estimate"]["at"].get("masking") == _BLACK
    )
    return Row(
        key=setting.key,
        instrument=own,
        model=setting.name,
        kind=setting.kind,
        strength=setting.strength,
        seed=setting.seed,
        size=size,
        first=test == setting.tests[0],
        world=setting.world.tag,
        prevalence=prevalence,
        positives=estimate["n_positives"],
        auroc=auroc_of(here),
        decisions=decisions_by_target(record, *at, asked.left_out),
        verdict=verdict,
        checks=checks,
        findings=here if "controls" in asked.suites else [],
        naive=(estimate["value"], estimate["low"], estimate["high"]),
        seconds=round(seconds, 2),
    )


def auroc_of(here: Sequence[Mapping[str, Any]]) -> float | None:
    """The AUROC on whole images, as R1 judged it."""
    for finding in here:
        if finding["check"] == "R1" and finding["comparisons"]:
            return float(finding["comparisons"][0]["estimate"]["value"])
    return None


_ORDER = ("not_applicable", "pass", "waived", "inconclusive", "fail", "error", "none")


def _worse(a: str | None, b: str) -> str:
    return b if a is None else max(a, b, key=_ORDER.index)


def _suite(finding: Mapping[str, Any]) -> str:
    """The suite of a finding, from the command that repeats it."""
    option = re.search(r"--audit-suite[= ](\S+)", finding["command"])
    return option.group(1) if option else ""
