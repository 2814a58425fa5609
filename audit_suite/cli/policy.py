"""`audit-suite policy`: the default policy, to start one's own from."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from audit_suite.cli.root import policy


@policy.callback()
def show(
    context: typer.Context,
    out: Annotated[
        Path | None, typer.Option(help="Write it to this file.", show_default="print it")
    ] = None,
) -> None:
    """Print the default policy: which checks must pass before the gate opens.

    Edit a copy and name it with `pytest --audit --audit-policy FILE`. `audit-suite policy freeze`
    fixes it before the data are seen.
    """
    from audit_suite.audit.policy import DEFAULT
    from audit_suite.errors import AuditError
    from audit_suite.files import write_whole

    if context.invoked_subcommand is not None:
        return
    text = DEFAULT.read_text(encoding="utf-8")
    if out is None:
        typer.echo(text, nl=False)
        return
    if out.exists():
        raise AuditError(f"{out} exists", "name another file: a policy is never overwritten")
    write_whole(out, text.encode())
    typer.echo(f"policy: {out}")
