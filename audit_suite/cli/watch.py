"""`audit-suite watch`: did scores or images drift since the audit?"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from audit_suite.cli.root import Device, DeviceOption, root


@root.command()
def watch(
    new_cases: Annotated[
        Path, typer.Argument(metavar="NEW_CASES", help="Data set card of the new cases.")
    ],
    baseline: Annotated[Path, typer.Option(metavar="AUDIT_JSON", help="The record of the audit.")],
    model: Annotated[
        Path | None, typer.Option(help="Card of the audited model.", show_default="the record's")
    ] = None,
    dataset: Annotated[
        Path | None, typer.Option(help="Card of the audited data.", show_default="the record's")
    ] = None,
    by: Annotated[
        list[str] | None,
        typer.Option(
            metavar="TAG", help="Compare by its values too, repeatable.", show_default="the card's"
        ),
    ] = None,
    evidence: Annotated[
        str, typer.Option(metavar="DIR|URL", help="Where the evidence of the audit is.")
    ] = ".audit-evidence",
    out: Annotated[Path, typer.Option(help="The record.")] = Path("watch.json"),
    report: Annotated[
        Path | None, typer.Option(help="The HTML report.", show_default="none")
    ] = None,
    device: DeviceOption = Device.AUTO,
) -> None:
    """Compare new cases, labelled or not, with those of an audit.

    Scores and properties of the images are compared, by site too, with intervals by patient (checks
    D1 and D2). Cases with labels get the required checks of the audit's policy. The record is like
    any other: `audit-suite verify` and `render` take it. Exit codes are those of an audit: 0 if no
    drift beyond the margins is left possible, 1 if there is one, 10 if the cases are too few.
    """
    from audit_suite.audit.gate import Exit
    from audit_suite.audit.watching import watch as compare
    from audit_suite.evidence.address import is_address
    from audit_suite.registry import load_extensions

    load_extensions()
    where = evidence if is_address(evidence) else Path(evidence)
    record = compare(
        new_cases,
        baseline,
        model=model,
        dataset=dataset,
        by=tuple(by or ()),
        progress=typer.echo,
        evidence=where,
        device=device.value,
    )
    record.save(out)
    for finding in record.findings:
        said = finding.reason or finding.comparisons[0].message
        case = f" [{finding.case}]" if finding.case else ""
        typer.echo(f"{finding.verdict:<14} {finding.check} {finding.title}{case}\n    {said}")
    typer.echo(f"{record.decision}: {record.decision_reason}\nrecord: {out}")
    if report is not None:
        record.report(report)
        typer.echo(f"report: {report}")
    raise typer.Exit(Exit.of(record.decision))
