"""`audit-suite demo`: what an audit shows, on synthetic patients."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from audit_suite.cli.root import root

_SHOWN = ("R1", "R2", "R8-box")


@root.command()
def demo(
    out: Annotated[Path, typer.Option(help="Folder for records and reports.")] = Path("audit-demo"),
) -> None:
    """Audit two small models on synthetic chest radiographs.

    Both detect the finding about as well. One reads the lungs, the other a marker in the corner:
    the gate opens for one and stays shut for the other.
    """
    from audit_suite.starting.demo import demonstrate

    records = demonstrate(out, lambda line: typer.echo(line, err=True))
    for name, record in records.items():
        typer.echo(f"\n{name}: {record.decision.upper()}, {record.decision_reason}")
        for finding in record.findings:
            if finding.check in _SHOWN:
                typer.echo(f"  {finding.verdict.upper():5} {finding.question}")
                for line in finding.reason.splitlines()[:1]:
                    typer.echo(f"        {line}")
        typer.echo(f"  report: {out / f'{name}.html'}")
    typer.echo("\nnext: audit-suite init --help, for a model of your own")
