"""`audit-suite attest`: an in-toto statement on a record, signed if wanted."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from audit_suite.cli.root import RecordFile, root


@root.command()
def attest(
    audit_json: RecordFile,
    out: Annotated[Path, typer.Option(help="The file of the statement.")],
    sign: Annotated[
        bool,
        typer.Option(
            "--sign",
            help="Sign it with Sigstore as this CI job, into a bundle beside it "
            "(NAME.sigstore.json). This needs the network.",
        ),
    ] = False,
) -> None:
    """State the result of a record for machines: an in-toto statement (test-result v0.1).

    Its subjects are the models; data sets, policy and the record's file are its configuration, each
    with its SHA-256. `audit-suite verify AUDIT_JSON --statement FILE` checks it, offline.
    """
    from audit_suite.audit.verify import load_verified
    from audit_suite.exports.signing import sign as signed
    from audit_suite.exports.statement import as_text, make_statement
    from audit_suite.files import write_whole

    record = load_verified(audit_json)
    text = as_text(make_statement(record, audit_json.read_bytes()))
    write_whole(out, text.encode())
    typer.echo(f"statement: {out}")
    if sign:
        bundle = out.with_name(f"{out.stem}.sigstore.json")
        write_whole(bundle, signed(text.encode()).encode())
        typer.echo(f"signed: {bundle}")
