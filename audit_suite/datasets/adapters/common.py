"""What the adapters share: classes, metadata and image files by the card."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from pathlib import Path

from audit_suite.cards import DatasetCard
from audit_suite.errors import AuditError


def file_of(card: DatasetCard, role: str) -> Path:
    """The file or folder a card names under ``files``.

    Raises:
        AuditError: If it does not exist.
    """
    path = card.resolve(card.root) / card.files[role]
    if not path.exists():
        raise AuditError(f"{path} does not exist", f"correct 'files.{role}' of {card.path}")
    return path


def folder_of(card: DatasetCard, role: str) -> Path:
    """The folder a card names under ``files``.

    Raises:
        AuditError: If it does not exist or is a file, such as an archive that is still packed.
    """
    path = file_of(card, role)
    if not path.is_dir():
        raise AuditError(
            f"{path} is no folder", f"unpack it, or correct 'files.{role}' of {card.path}"
        )
    return path


def refuse_several_regions(card: DatasetCard, files: str) -> None:
    """Refuse more than one region where masks are one file an image: it cannot show both.

    Raises:
        AuditError: If the targets name several and there are masks.
    """
    needed = sorted({region for target in card.targets.values() for region in target.roi})
    if len(needed) > 1 and files in card.files:
        raise AuditError(
            f"{card.path}: key 'roi' names {needed}, but 'files.{files}' holds one mask an image",
            "name the one region that these masks show",
        )


def labels_of(card: DatasetCard, classes: Collection[str]) -> dict[str, int]:
    """1 for every target whose class is among an image's; names compare in lower case."""
    found = {name.strip().lower() for name in classes}
    return {
        name: int((target.column or name).strip().lower() in found)
        for name, target in card.targets.items()
    }


def require_classes(card: DatasetCard, path: Path, known: Iterable[str]) -> None:
    """Refuse a target whose class occurs nowhere: a typing error would make it all negative.

    Raises:
        AuditError: If there is one; names some classes that do occur.
    """
    there = {name.strip().lower() for name in known}
    for name, target in card.targets.items():
        if (target.column or name).strip().lower() not in there:
            raise AuditError(
                f"{card.path}: key 'targets.{name}': no image of {path} has the class "
                f"'{target.column or name}'",
                f"classes there: {', '.join(sorted(there)[:20])}",
            )


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


def require_regions(card: DatasetCard, known: Collection[str]) -> None:
    """Refuse a ROI that a reader has no masks of.

    Raises:
        AuditError: If a target names one.
    """
    for name, target in card.targets.items():
        if unknown := sorted(set(target.roi) - set(known)):
            raise AuditError(
                f"{card.path}: key 'targets.{name}.roi' names {unknown}",
                f"reader '{card.reader}' gives: {', '.join(sorted(known)) or 'no regions'}",
            )
