"""`audit-suite run`: compute the evidence of an audit, or one machine's part of it."""

from __future__ import annotations

import os
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer

from audit_suite.cli.root import Device, DeviceOption, root

_CACHE = ".audit-cache"


class Folds(StrEnum):
    """How a model's folds are audited."""

    MEAN = "mean"
    EACH = "each"
    ENSEMBLE = "ensemble"


class Profile(StrEnum):
    """Which checks, on how many images."""

    FULL = "full"
    FIRST_LOOK = "first-look"


@root.command()
def run(
    cards: Annotated[list[Path], typer.Argument(help="Model cards and data set cards.")],
    shard: Annotated[
        str | None,
        typer.Option(
            metavar="I/N",
            help="Compute the I-th of N parts, I from 1.",
            show_default="as Slurm or torchrun says, else all",
        ),
    ] = None,
    evidence: Annotated[
        str, typer.Option(metavar="DIR|URL", help="Where evidence is kept: a folder, or s3://...")
    ] = ".audit-evidence",
    suite: Annotated[
        list[str] | None,
        typer.Option(help="Shipped suite, repeatable.", show_default="all that apply"),
    ] = None,
    check: Annotated[
        list[Path] | None,
        typer.Option(help="File of your own checks, repeatable.", show_default="those of audits/"),
    ] = None,
    policy: Annotated[
        Path | None, typer.Option(help="File of the policy.", show_default="the default policy")
    ] = None,
    masking: Annotated[
        list[str] | None,
        typer.Option(help="Masking for checks over MASKINGS, repeatable.", show_default=False),
    ] = None,
    folds: Annotated[Folds, typer.Option(help="How a model's folds are audited.")] = Folds.MEAN,
    profile: Annotated[Profile, typer.Option(help="As --audit-profile.")] = Profile.FULL,
    device: DeviceOption = Device.AUTO,
    batch_size: Annotated[
        int | None, typer.Option(help="Images per forward pass.", show_default="by input size")
    ] = None,
    seed: Annotated[int, typer.Option(help="Seed of random fills and samples.")] = 1907,
    explain_budget: Annotated[
        float | None,
        typer.Option(help="Share of all forward passes for explanations.", show_default="a third"),
    ] = None,
    max_explained: Annotated[
        int | None,
        typer.Option(help="Images that are explained.", show_default="by the budget"),
    ] = None,
    precision: Annotated[
        str, typer.Option(help="Arithmetic of scores: auto, fp32, tf32 or bf16.")
    ] = "auto",
    max_cases: Annotated[
        int | None, typer.Option(help="Smoke run on about so many images.", show_default=False)
    ] = None,
    executor: Annotated[
        str, typer.Option(help="Where models run: process, inline or ray.")
    ] = "process",
    ray_address: Annotated[
        str | None, typer.Option(help="Head of the Ray cluster.", show_default=False)
    ] = None,
    timeout: Annotated[
        float, typer.Option(help="Seconds after which a model without a sign of life has hung.")
    ] = 300,
    cache: Annotated[
        str,
        typer.Option(
            metavar="DIR|URL",
            help="Folder of what can be made again, an address behind it (s3://...), or off.",
        ),
    ] = _CACHE,
) -> None:
    """Compute the evidence that `pytest --audit` needs for some cards, and decide nothing.

    Each of N machines computes its part into the same folder or address. Then `pytest --audit` with
    the same cards, options and evidence decides without running the model. What is stored already
    is not computed again. Exit code 1 means that something could not be computed.
    """
    from audit_suite.audit.settings import OFF, Settings
    from audit_suite.doctor.cards import read_cards
    from audit_suite.errors import AuditError
    from audit_suite.evidence.address import is_address
    from audit_suite.evidence.budget import THIRD
    from audit_suite.evidence.part import Part, scheduled_part
    from audit_suite.registry import load_extensions

    load_extensions()
    read = read_cards(cards)
    for symptom in read.symptoms:
        raise AuditError(symptom.what, symptom.remedy)
    for kind, named in (("model", read.models), ("data set", read.datasets)):
        if not named:
            raise AuditError(f"no card of a {kind} is named", "name cards of both kinds")
    part = scheduled_part(os.environ) if shard is None else Part.parse(shard)
    _pin_card()
    settings = Settings(
        tuple(card.path.resolve() for card in read.models),
        tuple(card.path.resolve() for card in read.datasets),
        tuple(suite or ()),
        maskings=tuple(masking or ()),
        folds=folds.value,
        policy=policy,
        evidence=evidence if is_address(evidence) else Path(evidence),
        cache=None if cache == OFF else Path(_CACHE if is_address(cache) else cache),
        shared_cache=cache if is_address(cache) else None,
        device=device.value,
        batch_size=batch_size,
        seed=seed,
        explain_budget=THIRD if explain_budget is None else explain_budget,
        max_explained=max_explained,
        precision=precision,
        max_cases=max_cases,
        executor=executor,
        ray_address=ray_address,
        timeout=timeout,
        profile=profile.value,
    )
    failures = _computed(settings, part, list(check or ()))
    for failure in failures:
        typer.echo(f"not computed: {failure}", err=True)
    raise typer.Exit(1 if failures else 0)


def _computed(settings: Any, part: Any, checks: list[Path]) -> list[str]:
    """Compute a part of an audit's evidence; what could not be computed, and why."""
    from audit_suite.audit.opening import open_audit
    from audit_suite.audit.plan import planned_requests
    from audit_suite.audit.run import planned_checks
    from audit_suite.audit.vetting import unusable_models
    from audit_suite.evidence.measured import Log, compute_measured

    audit = open_audit(settings, part)
    source = audit.source
    try:
        source.executor.start(audit.models[0])
        planned = planned_checks(audit, settings.suites, checks)
        for problem in unusable_models(audit):
            typer.echo(problem, err=True)
        typer.echo(f"part {part}")
        log = Log(typer.echo)
        requests = planned_requests(case for case, _ in planned)
        log.close(compute_measured(requests, source, log.show, typer.echo))
        source.store.send()
        return list(dict.fromkeys(str(error) for error in source.failures.values()))
    finally:
        source.close()


def _pin_card() -> None:
    """Give each process that Slurm or torchrun starts on a node a card of its own."""
    from audit_suite.evidence.graphics import VISIBLE, pin_card, visible_cards

    rank = os.environ.get("LOCAL_RANK", os.environ.get("SLURM_LOCALID", ""))
    if not rank.isdecimal():
        return
    pin_card(int(rank), os.environ)
    if "LOCAL_RANK" in os.environ and not visible_cards(os.environ):
        os.environ.setdefault(VISIBLE, rank)  # one for each card of torchrun's, also of AMD's
