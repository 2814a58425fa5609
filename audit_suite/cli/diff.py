"""`audit-suite diff`: what got worse, better or lost between two records."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from audit_suite.cli.root import root

Evidence = Annotated[
    list[str] | None,
    typer.Option(
        metavar="DIR|URL",
        help="Where evidence of the audits is kept, repeatable.",
        show_default=".audit-evidence",
    ),
]


@root.command()
def diff(
    old: Annotated[Path, typer.Argument(metavar="OLD", help="The record of the release before.")],
    new: Annotated[Path, typer.Argument(metavar="NEW", help="The record of the release.")],
    evidence: Evidence = None,
    margin: Annotated[
        float | None,
        typer.Option(
            help="Largest loss that is not a regression, in units of each estimate.",
            show_default="the policy's, else 0.05",
        ),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(
            help="Write it to this file: HTML if its name ends in .html, else Markdown.",
            show_default="print what changed; as Markdown, unless on a terminal",
        ),
    ] = None,
) -> None:
    """Compare two records: what is new, worse, lost, fixed and unchanged.

    With the evidence of both audits each difference is taken patient by patient; without it,
    intervals must not overlap, which shows less. Exit code 1 if there is a regression: a check that
    fails and did not fail before; skill, or what a check that does not pass has measured, shown to
    be worse by more than the margin; or a check that may close the gate and was left out.
    """
    import shutil
    import sys

    from audit_suite.audit.policy import Policy
    from audit_suite.audit.verify import load_verified
    from audit_suite.errors import AuditError
    from audit_suite.evidence.remote import open_store
    from audit_suite.files import write_whole
    from audit_suite.releases.compare import compare
    from audit_suite.releases.side import Side
    from audit_suite.report.changes import (
        changes_html,
        changes_markdown,
        changes_of,
        changes_text,
    )

    if margin is not None and not 0 < margin < 1:
        raise AuditError(f"--margin={margin:g}: must lie between 0 and 1", "0.05 is usual")
    before, now = load_verified(old), load_verified(new)
    stores = [open_store(place, None) for place in evidence or [".audit-evidence"]]
    limit = margin or Policy.model_validate(now.policy.content).baseline_margin
    compared, _ = compare(before, Side.of(before, stores), Side.of(now, stores), limit)
    if all(change.kind in ("not compared", "lost", "added") for change in compared.changes):
        why = "; ".join(compared.notes) or "they have no check, data set and target in common"
        raise AuditError(
            f"{old} and {new} cannot be compared: {why}", "compare two audits of one data set"
        )
    if out is None and sys.stdout.isatty():
        typer.echo(changes_text(compared, shutil.get_terminal_size().columns), nl=False)
    elif out is None:
        typer.echo(changes_markdown(compared), nl=False)
    else:
        page = out.suffix == ".html"
        text = changes_html(compared, str(new), str(old)) if page else changes_markdown(compared)
        write_whole(out, text.encode())
        typer.echo(f"{changes_of(compared).title}: {changes_of(compared).counts}")
        typer.echo(f"comparison: {out}")
    if compared.regressions:
        raise typer.Exit(1)
