"""Heat maps of matrices of estimates: numbers first, colour second."""

from __future__ import annotations

from dataclasses import dataclass

from audit_suite.record import EstimateRecord, MatrixRecord
from audit_suite.report.words import masking_in_words

_SHADES = 10  # from 0 to 1; the middle is chance


@dataclass(frozen=True)
class HeatCell:
    """One cell; ``shade`` runs from 0 (AUROC 0) over 5 (chance) to 10 (AUROC 1)."""

    estimate: EstimateRecord | None
    shade: int
    trained_as_tested: bool


@dataclass(frozen=True)
class HeatRow:
    """One training masking."""

    name: str
    cells: tuple[HeatCell, ...]


@dataclass(frozen=True)
class HeatMap:
    """One study on one data set and target."""

    matrix: MatrixRecord
    columns: tuple[str, ...]
    rows: tuple[HeatRow, ...]


def heatmap(matrix: MatrixRecord) -> HeatMap:
    """Lay a matrix out as a table.

    Args:
        matrix: Training maskings by test maskings.
    """
    rows = []
    for trained, cells in zip(matrix.rows, matrix.cells, strict=True):
        drawn = (
            HeatCell(cell, _shade(cell), trained == tested)
            for tested, cell in zip(matrix.columns, cells, strict=True)
        )
        rows.append(HeatRow(masking_in_words(trained), tuple(drawn)))
    return HeatMap(
        matrix, tuple(masking_in_words(column) for column in matrix.columns), tuple(rows)
    )


def _shade(cell: EstimateRecord | None) -> int:
    return _SHADES // 2 if cell is None else round(min(max(cell.value, 0), 1) * _SHADES)
