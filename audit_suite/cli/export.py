"""`audit-suite export`: a record in the formats of others."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from audit_suite.cli.root import RecordFile, root


@root.command()
def export(
    audit_json: RecordFile,
    format: Annotated[
        str,
        typer.Option("--as", metavar="FORMAT", help="The format, or that of an extension."),
    ],
    out: Annotated[Path, typer.Option(help="The file to write.")],
    of: Annotated[
        str | None,
        typer.Option(
            metavar="NAME",
            help="The model or data set that is described.",
            show_default="the only one of the record",
        ),
    ] = None,
) -> None:
    """Write what a record says of a model or a data set in a format that others read.

    Of a model: huggingface (results and a section for a model card), chai (the Applied Model Card
    of the Coalition for Health AI), cyclonedx (an ML-BOM with its model card). Of a data set:
    croissant. A card says what the record knows and the decision with it; a file is never
    overwritten.
    """
    from audit_suite.audit.verify import load_verified
    from audit_suite.errors import AuditError
    from audit_suite.exports.export import exported
    from audit_suite.files import write_whole

    record = load_verified(audit_json)
    if out.exists():
        raise AuditError(f"{out} exists", "name another file: a card may have been edited since")
    write_whole(out, exported(record, format, of).encode())
    typer.echo(f"{format}: {out}")
