"""Masking study: models trained under one masking and tested under each, as a heat map."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

from audit_suite.record import EstimateRecord, Finding, MatrixRecord, Record
from audit_suite.report.charts.heatmap import HeatMap, heatmap
from audit_suite.report.section import Gathered, Section, findings_of, register_section


def collect(gathered: Gathered) -> list[MatrixRecord]:
    """One matrix per study, data set and target; each finding is the row of its model."""
    cards = {cell.model_name: cell.model for cell in gathered.cells}
    studies: dict[tuple[str, str, str], dict[str, list[EstimateRecord]]] = defaultdict(dict)
    for finding in findings_of(gathered.findings, "matrix"):
        card = cards.get(finding.model)
        if finding.observations and card is not None and card.trained_on is not None:
            study = card.study or card.name, finding.dataset, finding.target
            studies[study][card.trained_on] = finding.observations
    return [_matrix(*study, rows) for study, rows in studies.items()]


def _matrix(
    study: str, dataset: str, target: str, rows: dict[str, list[EstimateRecord]]
) -> MatrixRecord:
    columns = list(dict.fromkeys(str(e.at["masking"]) for row in rows.values() for e in row))
    # Rows in the order of the columns, so that cells tested as trained lie on the diagonal.
    order = {masking: position for position, masking in enumerate(columns)}
    trained = sorted(rows, key=lambda masking: (order.get(masking, len(order)), masking))
    folds = max(len(estimate.folds) for row in rows.values() for estimate in row)
    by_column = {
        masking: {str(estimate.at["masking"]): estimate for estimate in reversed(row)}
        for masking, row in rows.items()
    }
    return MatrixRecord(
        study=study,
        dataset=dataset,
        target=target,
        statistic=f"AUROC, mean of {folds} folds" if folds > 1 else "AUROC",
        rows=trained,
        columns=columns,
        cells=[[by_column[row].get(column) for column in columns] for row in trained],
    )


def view(record: Record, _findings: Sequence[Finding]) -> tuple[HeatMap, ...]:
    """One heat map per matrix."""
    return tuple(heatmap(matrix) for matrix in record.matrices)


def shows(finding: Finding, record: Record) -> bool:
    """Whether every number of the finding is a cell."""
    cells = [cell for matrix in record.matrices for row in matrix.cells for cell in row]
    return bool(finding.observations) and all(e in cells for e in finding.observations)


register_section(
    Section(
        name="matrix",
        title="Masking study",
        rank=500,
        collect=collect,
        fills="matrices",
        view=view,
        shows=shows,
    )
)
