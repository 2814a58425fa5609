"""`audit-suite policy freeze`: fix what decides before the data are seen."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer

from audit_suite.cli.root import policy


@policy.command()
def freeze(
    file: Annotated[Path, typer.Argument(metavar="POLICY", help="The policy.")],
    cards: Annotated[
        list[Path] | None,
        typer.Argument(help="Cards whose margins and claims are fixed too.", show_default=False),
    ] = None,
    expires: Annotated[
        datetime | None,
        typer.Option(formats=["%Y-%m-%d"], help="Last day on which it counts.", show_default=False),
    ] = None,
) -> None:
    """Fix policy, margins and claims before the data are seen.

    Writes their digests and the time to POLICY.freeze.json beside the policy, where an audit with
    this policy finds it: its record then says whether it kept to them. With `frozen = true` in the
    policy the gate opens only if it did. The time is that of this machine: commit the file, or have
    it signed by whom your readers trust, so that nobody can write it later.
    """
    from datetime import UTC

    from audit_suite.audit.policy import load_policy
    from audit_suite.doctor.cards import read_cards
    from audit_suite.errors import AuditError
    from audit_suite.releases import fixed

    digest = load_policy(file).digest()
    read = read_cards(cards or [])
    for symptom in read.symptoms:
        raise AuditError(symptom.what, symptom.remedy)
    now = datetime.now(UTC).replace(microsecond=0)
    last = None if expires is None else expires.date()
    if last is not None and last < now.date():
        raise AuditError(f"--expires={last} has passed", "name a day to come")
    frozen = fixed.freeze(digest, read.models, read.datasets, now, last)
    path = fixed.freeze_path(file)
    fixed.write_freeze(path, frozen)
    number = len(read.models) + len(read.datasets)
    cards_too = f" and {number} card{'s' * (number > 1)}" if number else ""
    typer.echo(f"fixed: {file}{cards_too}, digest {frozen.digest[:12]}: {path}")
