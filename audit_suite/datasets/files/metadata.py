"""Metadata that a card declares: columns of a table, or tags of DICOM files."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from audit_suite.cards import DatasetCard
from audit_suite.datasets.dicom import read_metadata
from audit_suite.datasets.dicom_tags import METADATA
from audit_suite.datasets.files.problems import Problems
from audit_suite.errors import AuditError

_DICOM = "dicom."  # metadata of this kind are tags of the image file


def pick(card: DatasetCard, values: Mapping[str, str]) -> dict[str, str]:
    """The metadata that a card declares or filters by.

    Raises:
        AuditError: If the reader has no such metadata; names what it has.
    """
    wanted = dict.fromkeys([*card.metadata, *card.filter])
    if unknown := [name for name in wanted if name not in values]:
        raise AuditError(
            f"{card.path}: 'metadata' or 'filter' names {unknown}",
            f"reader '{card.reader}' gives: {', '.join(values)}",
        )
    return {name: values[name] for name in wanted}


def metadata_of(
    card: DatasetCard, image: Path, where: str, problems: Problems, columns: Mapping[str, str]
) -> dict[str, str]:
    """The metadata that a card declares: columns, and tags of the image file.

    Args:
        card: The card.
        image: The image file.
        where: Row and column that name it.
        problems: Where to note a file without readable tags.
        columns: Values by column.
    """
    values = {name: columns[name] for name in declared_columns(card)}
    tags = {name: _tag(name) for name in card.metadata if _tag(name)}
    if tags and image.is_file():
        try:
            header = read_metadata(image)
        except (ValueError, OSError) as error:
            header = {}
            problems.add(f"{where}: the file {error}")
        values |= {name: header.get(tag, "") for name, tag in tags.items()}
    return values


def declared_columns(card: DatasetCard) -> list[str]:
    """Metadata that are columns of the table."""
    return [name for name in card.metadata if not _tag(name)]


def refuse_unknown_tags(card: DatasetCard) -> None:
    """Refuse DICOM tags that are not on the allow-list.

    Raises:
        AuditError: If the card names one.
    """
    if unknown := [name for name in card.metadata if _tag(name) and _tag(name) not in METADATA]:
        raise AuditError(
            f"{card.path}: key 'metadata' names {unknown}: only tags that cannot identify are read",
            f"tags that may be named: {', '.join(_DICOM + name for name in METADATA)}",
        )


def _tag(name: str) -> str:
    """The DICOM tag that a metadata name asks for; empty for a column."""
    return name.removeprefix(_DICOM) if name.startswith(_DICOM) else ""
