"""Options of the audit and the corresponding ini keys; imports only stdlib and pytest."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from audit_suite.audit.settings import Settings


@dataclass(frozen=True)
class Options:
    """The audit's settings, and the options that only the plugin uses.

    Attributes:
        settings: Everything that determines verdicts.
        report: Where the HTML report goes.
        report_folder: Where it goes as a folder.
        json: Where the record goes.
        plan: Whether to show the plan instead of running it.
    """

    settings: Settings
    report: Path | None
    report_folder: Path | None
    json: Path | None
    plan: bool


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
        "a shipped suite by name, repeatable (default: all suites)",
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
        "masking for the checks that run over MASKINGS, repeatable (default: those of the data set "
        "card, else the paper's five)",
        "linelist",
        action="append",
        metavar="ID",
    )
    option(
        "--audit-folds",
        "how a model's folds are audited: by the mean of their estimates (default), each on its "
        "own, or as an ensemble of their scores",
        choices=("mean", "each", "ensemble"),
    )
    option("--audit-report", "write the HTML report here, in one file", metavar="PATH")
    option(
        "--audit-report-folder",
        "write the HTML report to this folder, with its style sheet and pictures in files: for "
        "servers such as Jenkins, which block what is inside a page",
        metavar="DIR",
    )
    option("--audit-json", "write the record audit.json here", metavar="PATH")
    option(
        "--audit-evidence",
        "folder of stored evidence (default: .audit-evidence), or its address (s3://...)",
        metavar="DIR|URL",
    )
    option(
        "--audit-cache",
        "folder of what can be made again at any time (default: .audit-cache), an address at which "
        "machines share decoded images (s3://...), or off",
        metavar="DIR|URL",
    )
    option(
        "--audit-policy",
        "policy: which checks must pass (TOML; default: as `audit-suite policy` prints it)",
        metavar="FILE",
    )
    option("--audit-waivers", "file of waivers (TOML)", metavar="FILE")
    option(
        "--audit-baseline",
        "record of the release that this one replaces: a regression closes the gate",
        metavar="AUDIT_JSON",
    )
    option(
        "--audit-ledger",
        "file to which this audit adds a line: how often these patients were looked at",
        metavar="FILE",
    )
    option(
        "--audit-readings",
        "readers' answers, as `audit-suite readers import` wrote them",
        metavar="FILE",
    )
    option("--audit-plan", "show what would be computed, and stop", "bool", action="store_true")
    option("--audit-offline", "use stored evidence only", "bool", action="store_true")
    option("--audit-confidence", "confidence level of verdicts (default: 0.95)", type=float)
    option(
        "--audit-multiplicity",
        "correct fails for the number of cases of their check: bonferroni (default) or none",
        choices=("bonferroni", "none"),
    )
    option("--audit-seed", "seed of random fills and samples (default: 1907)", type=int)
    option(
        "--audit-device",
        "where models run: auto (default), cpu or cuda",
        choices=("auto", "cpu", "cuda"),
    )
    option(
        "--audit-precision",
        "arithmetic of scores: fp32, tf32 (CUDA) or bf16; auto (default) is fp32 on the CPU, and "
        "on CUDA the fastest that changes no verdict on a sample",
        choices=("auto", "fp32", "tf32", "bf16"),
    )
    option("--audit-batch-size", "images per forward pass (default: by input size)", type=int)
    option(
        "--audit-executor",
        "where models run: process (default), a child process for each model's code; inline, "
        "the process that judges, for debugging; or ray, actors on a Ray cluster",
        metavar="NAME",
    )
    option(
        "--audit-ray-address",
        "head of the Ray cluster (default: RAY_ADDRESS, else Ray is started on this machine)",
        metavar="HOST:PORT",
    )
    option(
        "--audit-timeout",
        "seconds after which a model that finishes no batch has hung (default: 300)",
        type=float,
    )
    option(
        "--audit-max-explained",
        "images of each data set and target for which attributions are computed (default: as "
        "--audit-explain-budget allows, at least 48)",
        type=int,
    )
    option(
        "--audit-explain-budget",
        "share of the audit's forward passes for attributions (default: a third); decides how many "
        "images are explained, and how thoroughly",
        metavar="SHARE",
    )
    option(
        "--audit-profile",
        "full (default), or first-look: only what the policy needs, on at most 400 images of each "
        "data set, in minutes; never opens the gate (exit code 11)",
        choices=("full", "first-look"),
    )
    option("--audit-max-cases", "smoke run on about this many images of each data set", type=int)


def read_options(config: pytest.Config) -> Options:
    """Merge command line and ini.

    Raises:
        pytest.UsageError: If a value is out of range or no card is named.
    """
    from audit_suite.audit.settings import OFF, PRECISIONS, RANGES, Settings
    from audit_suite.evidence.address import is_address

    def value(key: str, ini: str | None = None) -> Any:
        given = config.getoption(key, default=None)
        silent = given is None or given is False or given == []
        chosen = config.getini(ini or key) if silent else given
        return None if chosen is None or chosen in ("", []) else chosen

    def path(key: str) -> Path | None:
        named = value(key)
        if named is None:
            return None
        from_ini = config.getoption(key, default=None) is None
        folder: Path = config.rootpath if from_ini else config.invocation_params.dir
        return folder / str(named)

    def evidence() -> Path | str:
        named = str(value("audit_evidence") or "")
        if is_address(named):
            return named
        return path("audit_evidence") or config.rootpath / ".audit-evidence"

    def cache() -> Path | None:
        if value("audit_cache") == OFF:
            return None
        named = None if shared_cache() else path("audit_cache")
        return named or config.rootpath / ".audit-cache"

    def shared_cache() -> str | None:
        named = str(value("audit_cache") or "")
        return named if is_address(named) else None

    def paths(key: str, ini: str) -> tuple[Path, ...]:
        here = config.invocation_params.dir
        named = [here / card for card in value(key, ini) or ()]
        return tuple(file for card in named for file in _cards(card))

    def number(key: str, kind: Callable[[str], float]) -> dict[str, Any]:
        text = value(f"audit_{key}")
        if text is None:
            return {}
        least, largest, want = RANGES[key]
        try:
            parsed = kind(text)
            good = least <= parsed <= largest
        except ValueError:
            good = False
        if not good:
            option = f"--audit-{key.replace('_', '-')}"
            shown = f"{text:g}" if isinstance(text, float) else text
            raise pytest.UsageError(f"{option}={shown}: must be {want}")
        return {key: parsed}

    def choice(key: str, *known: str) -> Any:
        chosen = value(key) or known[0]
        if chosen not in known:
            raise pytest.UsageError(f"{key} = {chosen!r} in the ini file: must be one of {known}")
        return chosen

    models, datasets = (
        paths("audit_model", "audit_models"),
        paths("audit_dataset", "audit_datasets"),
    )
    for option, cards in (("--audit-model", models), ("--audit-dataset", datasets)):
        if not cards:
            raise pytest.UsageError(
                f"--audit needs at least one {option} CARD (or the ini key "
                f"{option[2:].replace('-', '_')}s); model_zoo/ has examples"
            )
    settings = Settings(
        models=models,
        datasets=datasets,
        suites=tuple(value("audit_suite") or ()),
        maskings=tuple(value("audit_masking", "audit_maskings") or ()),
        folds=choice("audit_folds", "mean", "each", "ensemble"),
        evidence=evidence(),
        cache=cache(),
        shared_cache=shared_cache(),
        policy=path("audit_policy"),
        waivers=path("audit_waivers"),
        baseline=path("audit_baseline"),
        ledger=path("audit_ledger"),
        readings=path("audit_readings"),
        offline=bool(value("audit_offline")),
        multiplicity=choice("audit_multiplicity", "bonferroni", "none"),
        device=choice("audit_device", "auto", "cpu", "cuda"),
        precision=choice("audit_precision", *PRECISIONS),
        executor=value("audit_executor") or "process",
        ray_address=value("audit_ray_address"),
        profile=choice("audit_profile", "full", "first-look"),
        **number("confidence", float),
        **number("seed", int),
        **number("batch_size", int),
        **number("timeout", float),
        **number("max_explained", int),
        **number("explain_budget", _share),
        **number("max_cases", int),
    )
    return Options(
        settings,
        path("audit_report"),
        path("audit_report_folder"),
        path("audit_json"),
        plan=bool(value("audit_plan")),
    )


def _share(text: str) -> float:
    """A share, as a number or in percent.

    Raises:
        ValueError: If it is neither.
    """
    number = text.strip().removesuffix("%")
    return float(number) / 100 if number != text.strip() else float(number)


def _cards(path: Path) -> list[Path]:
    """The card, or the cards of a folder."""
    if not path.is_dir():
        return [path]
    if not (cards := sorted(path.glob("*.toml"))):
        raise pytest.UsageError(f"{path} is a folder without a card (*.toml)")
    return cards
