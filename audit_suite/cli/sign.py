"""`audit-suite sign`: a reviewer's decision on a record."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated

import typer

from audit_suite.cli.root import RecordFile, root


@root.command()
def sign(
    audit_json: RecordFile,
    name: Annotated[str, typer.Option(help="Who signs.")],
    role: Annotated[str, typer.Option(help="Their role, for example 'consultant radiologist'.")],
    decision: Annotated[
        str, typer.Option(help="accepted, 'accepted with conditions' or rejected.")
    ],
    remarks: Annotated[str, typer.Option(help="Conditions or reasons.")] = "",
) -> None:
    """Sign a record: who decided what about it.

    The sign-off is written to signoff.json beside the record. It holds the SHA-256 of the record,
    so it is refused if the record changes.
    """
    from audit_suite.audit.verify import load_verified
    from audit_suite.signoff import sign as write

    load_verified(audit_json)
    path = write(audit_json, name, role, decision, remarks, datetime.now(UTC).date())
    typer.echo(f"sign-off: {path}")
