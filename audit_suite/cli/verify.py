"""`audit-suite verify`: was a record altered, and does it say what is required of it?"""

from __future__ import annotations

from collections.abc import Iterator
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from audit_suite.cli.root import RecordFile, root

if TYPE_CHECKING:
    from audit_suite.record import Record


class _Decision(StrEnum):
    OPEN = "open"
    CLOSED = "closed"
    UNDECIDED = "undecided"
    PARTIAL = "partial"


@root.command()
def verify(
    audit_json: RecordFile,
    require: Annotated[
        _Decision | None, typer.Option(help="The decision that the record must have.")
    ] = None,
    policy: Annotated[
        Path | None, typer.Option(help="The policy that the audit must have followed.")
    ] = None,
    statement: Annotated[
        Path | None,
        typer.Option(help="A statement on the record, or the Sigstore bundle that holds it."),
    ] = None,
    signer: Annotated[
        str, typer.Option(help="Who must have signed the statement.", show_default=False)
    ] = "",
    issuer: Annotated[str, typer.Option(help="Who vouches for the signer.")] = (
        "https://token.actions.githubusercontent.com"
    ),
) -> None:
    """Recompute a record: counts, verdicts, decision and digests.

    A release gate runs this in a process of its own, `audit-suite verify audit.json --require
    open`, because the exit code of the audit can be forged by code that runs inside it. Exit code 1
    if the record was altered, its decision is another, it followed another policy, or a statement
    says something else. Nothing is fetched.
    """
    from audit_suite.audit.policy import load_policy
    from audit_suite.audit.verify import contradictions
    from audit_suite.errors import AuditError
    from audit_suite.record import load_record

    if signer and statement is None:
        raise AuditError("--signer is said, but no statement", "name it with --statement FILE")
    record = load_record(audit_json)
    problems = [f"altered: {problem}" for problem in contradictions(record)]
    if policy is not None and load_policy(policy).digest() != record.policy.digest:
        problems.append(f"the audit followed the policy '{record.policy.name}', not {policy}")
    if require is not None and record.decision != require:
        problems.append(
            f"the decision is {record.decision}, not {require.value}: {record.decision_reason}"
        )
    if statement is not None:
        problems += [
            f"the statement {statement}: {problem}"
            for problem in _of_statement(record, audit_json, statement, signer, issuer)
        ]
    for problem in problems:
        typer.echo(f"audit-suite: {audit_json}: {problem}", err=True)
    if problems:
        raise typer.Exit(1)
    typer.echo(f"verified: {audit_json}: {record.decision}, {record.decision_reason}")
    if statement is not None:
        by = f", signed by {signer}" if signer else ", which nobody signed"
        typer.echo(f"verified: {statement}: it says what the record says{by}")


def _of_statement(
    record: Record, audit_json: Path, statement: Path, signer: str, issuer: str
) -> Iterator[str]:
    from audit_suite.exports.signing import refusal
    from audit_suite.exports.statement import differences, read_statement

    stated = read_statement(statement)
    yield from differences(stated.content, record, audit_json.read_bytes())
    if stated.bundle and not signer:
        yield "it is signed, and --signer must say by whom it has to be"
    elif signer and not stated.bundle:
        yield f"it is not signed, so it is not {signer} who says it"
    elif signer and (why := refusal(stated.bundle, signer, issuer)):
        yield why
