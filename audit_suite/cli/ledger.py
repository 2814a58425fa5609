"""`audit-suite ledger`: list a ledger, and check that nothing was changed in it."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from audit_suite.cli.root import root


@root.command()
def ledger(
    path: Annotated[Path, typer.Argument(metavar="PATH", help="The ledger.")],
    record: Annotated[
        list[Path] | None,
        typer.Option(
            metavar="AUDIT_JSON",
            help="A record whose entry must be there, repeatable.",
            show_default=False,
        ),
    ] = None,
) -> None:
    """List the audits of a ledger, and verify its chain.

    Each entry holds the hash of the one before. An entry that was edited, cut out or put in breaks
    the chain, and so do two runs that continued two copies of it. That its end was cut off only the
    record of the last audit can show: name it with --record. Exit code 1 if something is wrong.
    """
    from audit_suite.errors import AuditError
    from audit_suite.record import load_record
    from audit_suite.releases.ledger import read_ledger
    from audit_suite.releases.looks import count_looks

    if not path.exists():
        raise AuditError(f"{path} does not exist", "give the path of a ledger (--audit-ledger)")
    chain = read_ledger(path)
    problems = list(chain.problems)
    for number, entry in enumerate(chain.entries):
        earlier = chain.entries[:number]
        for dataset in entry.datasets:
            for model in entry.models:
                looks = count_looks(earlier, model.digest, dataset, entry.margins)
                said = looks.sentence(model.name, dataset.name)
                typer.echo(f"{entry.number} {entry.time} {entry.decision}: {said}")
    known = {entry.record for entry in chain.entries}
    for file in record or []:
        if load_record(file).digest not in known:
            problems.append(f"the entry of {file} is missing: the ledger was cut, or is another")
    for problem in problems:
        typer.echo(f"audit-suite: {path}: {problem}", err=True)
    if problems:
        raise typer.Exit(1)
    typer.echo(f"verified: {path}: {len(chain.entries)} entries, head {chain.head[:12]}")
