"""Options of the audit and their ini twins; stdlib and pytest only."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import pytest


@dataclass(frozen=True)
class Settings:
    """The audit's options, from the command line or, where silent, from the ini file."""

    suites: tuple[str, ...]
    models: tuple[Path, ...]
    folds: Literal["each", "mean", "ensemble"]
    maskings: tuple[str, ...]
    datasets: tuple[Path, ...]
    report: Path | None
    json: Path | None
    evidence: Path
    waivers: Path | None
    readings: Path | None
    plan: bool
    offline: bool
    inconclusive: Literal["block", "warn"]
    confidence: float
    multiplicity: Literal["holm", "none"]
    seed: int
    device: str
    batch_size: int | None
    max_cases: int | None
    max_explained: int


def add_options(parser: pytest.Parser) -> None:
    """Declare every option and ini key of the plugin."""
    group = parser.getgroup("audit", "audit of medical-image models")
    group.addoption("--audit", action="store_true", help="run the audit's checks, and only those")

    def option(name: str, help: str, ini: str = "string", **more: Any) -> None:
        key = name.removeprefix("--").replace("-", "_")
        if (more.get("action") == "append" and ini == "paths") or key == "audit_masking":
            key += "s"
        group.addoption(name, help=help, **more)
        parser.addini(key, help=f"{help} (as {name})", type=ini, default=None)  # type: ignore[arg-type]

    option(
        "--audit-suite",
        "a shipped suite by name, repeatable; none named: all that apply",
        ini="linelist",
        action="append",
        metavar="NAME",
    )
    option(
        "--audit-model",
        "model card, or a folder of them, repeatable",
        "paths",
        action="append",
        metavar="CARD",
    )
    option("--audit-dataset", "data set card, repeatable", "paths", action="append", metavar="CARD")
    option(
        "--audit-masking",
        "masking for the checks that run over MASKINGS, repeatable (the paper's five)",
        "linelist",
        action="append",
        metavar="ID",
    )
    option(
        "--audit-folds",
        "a model's folds are audited each (default), by the mean of their estimates, or as an "
        "ensemble of their scores",
        choices=("each", "mean", "ensemble"),
    )
    option("--audit-report", "write the HTML report here", metavar="PATH")
    option("--audit-json", "write the record audit.json here", metavar="PATH")
    option("--audit-evidence", "folder of stored evidence (.audit-evidence)", metavar="DIR")
    option("--audit-waivers", "file of waivers (TOML)", metavar="FILE")
    option(
        "--audit-readings",
        "readers' answers, as `audit-suite readers import` wrote them",
        metavar="FILE",
    )
    option("--audit-plan", "show what would be computed, and stop", "bool", action="store_true")
    option("--audit-offline", "use stored evidence only", "bool", action="store_true")
    option(
        "--audit-inconclusive",
        "does an inconclusive close the gate: block (default) or warn",
        choices=("block", "warn"),
    )
    option("--audit-confidence", "confidence of a fail's interval (0.95)", type=float)
    option(
        "--audit-multiplicity",
        "fails hold over all cases of a check: holm (default) or none",
        choices=("holm", "none"),
    )
    option("--audit-seed", "seed of random fills and samples (1907)", type=int)
    option(
        "--audit-device",
        "where models run: auto (default), cpu or cuda",
        choices=("auto", "cpu", "cuda"),
    )
    option("--audit-batch-size", "images a forward pass (default: by input size)", type=int)
    option(
        "--audit-max-explained",
        "images of each data set and target that attributions are computed for (48)",
        type=int,
    )
    option("--audit-max-cases", "smoke run on so many images of each data set", type=int)


def read_settings(config: pytest.Config) -> Settings:
    """Merge command line and ini.

    Raises:
        pytest.UsageError: If a value is out of range or no card is named.
    """

    def value(key: str, ini: str | None = None) -> Any:
        given = config.getoption(key, default=None)
        silent = given is None or given is False or given == []
        found = config.getini(ini or key) if silent else given
        return None if found is None or found in ("", []) else found

    def path(key: str) -> Path | None:
        found = value(key)
        if found is None:
            return None
        from_ini = config.getoption(key, default=None) is None
        folder: Path = config.rootpath if from_ini else config.invocation_params.dir
        return folder / str(found)

    def paths(key: str, ini: str) -> tuple[Path, ...]:
        here = config.invocation_params.dir
        named = [here / found for found in value(key, ini) or ()]
        return tuple(file for path in named for file in _cards(path))

    def number(key: str, kind: type, default: Any, low: float, high: float, want: str) -> Any:
        found = value(key)
        try:
            number = default if found is None else kind(found)
            good = number is None or low <= number <= high
        except ValueError:
            good = False
        if not good:
            option = "--" + key.replace("_", "-")
            shown = f"{found:g}" if isinstance(found, float) else found
            raise pytest.UsageError(f"{option}={shown}: must be {want}")
        return number

    def choice(key: str, *known: str) -> Any:
        found = value(key) or known[0]
        if found not in known:
            raise pytest.UsageError(f"{key} = {found!r} in the ini file: must be one of {known}")
        return found

    models, datasets = (
        paths("audit_model", "audit_models"),
        paths("audit_dataset", "audit_datasets"),
    )
    for option, cards in (("--audit-model", models), ("--audit-dataset", datasets)):
        if not cards:
            raise pytest.UsageError(
                f"--audit needs at least one {option} CARD (or the ini key "
                f"{option[2:].replace('-', '_')}s); model_zoo/ holds examples"
            )
    return Settings(
        suites=tuple(value("audit_suite") or ()),
        models=models,
        folds=choice("audit_folds", "each", "mean", "ensemble"),
        maskings=tuple(value("audit_masking", "audit_maskings") or ()),
        datasets=datasets,
        report=path("audit_report"),
        json=path("audit_json"),
        evidence=path("audit_evidence") or config.rootpath / ".audit-evidence",
        waivers=path("audit_waivers"),
        readings=path("audit_readings"),
        plan=bool(value("audit_plan")),
        offline=bool(value("audit_offline")),
        inconclusive=choice("audit_inconclusive", "block", "warn"),
        confidence=number("audit_confidence", float, 0.95, 0.5, 0.9999, "between 0.5 and 0.9999"),
        multiplicity=choice("audit_multiplicity", "holm", "none"),
        seed=number("audit_seed", int, 1907, 0, 2**32 - 1, "a whole number from 0 to 2^32 - 1"),
        device=choice("audit_device", "auto", "cpu", "cuda"),
        batch_size=number("audit_batch_size", int, None, 1, 256, "a whole number from 1 to 256"),
        max_explained=number(
            "audit_max_explained", int, 48, 4, 10**6, "a whole number of 4 or more"
        ),
        max_cases=number("audit_max_cases", int, None, 2, 10**9, "a whole number of 2 or more"),
    )


def _cards(path: Path) -> list[Path]:
    """The card, or the cards of a folder."""
    if not path.is_dir():
        return [path]
    if not (found := sorted(path.glob("*.toml"))):
        raise pytest.UsageError(f"{path} is a folder without a card (*.toml)")
    return found
