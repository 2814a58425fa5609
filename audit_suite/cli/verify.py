"""`audit-suite verify`: was a record altered, and does it say what is required of it?"""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from audit_suite.cli.root import RecordFile, root


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
) -> None:
    """Recompute a record: counts, verdicts, decision and digests.

    A release gate runs this in a process of its own, `audit-suite verify audit.json --require
    open`, because the exit code of the audit can be forged by code that runs inside it. Exit code 1
    if the record was altered, its decision is another, or it followed another policy.
    """
    from audit_suite.audit.policy import load_policy
    from audit_suite.audit.verify import contradictions
    from audit_suite.record import load_record

    record = load_record(audit_json)
    problems = [f"altered: {problem}" for problem in contradictions(record)]
    if policy is not None and load_policy(policy).digest() != record.policy.digest:
        problems.append(f"the audit followed the policy '{record.policy.name}', not {policy}")
    if require is not None and record.decision != require:
        problems.append(
            f"the decision is {record.decision}, not {require.value}: {record.decision_reason}"
        )
    for problem in problems:
        typer.echo(f"audit-suite: {audit_json}: {problem}", err=True)
    if problems:
        raise typer.Exit(1)
    typer.echo(f"verified: {audit_json}: {record.decision}, {record.decision_reason}")
