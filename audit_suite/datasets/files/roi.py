"""Whether a reader has masks of the regions that targets name as their ROI."""

from __future__ import annotations

from collections.abc import Collection

from audit_suite.cards import DatasetCard
from audit_suite.errors import AuditError


def roi_of_reader(card: DatasetCard) -> frozenset[str]:
    """The regions that targets name and the reader itself must give: not the card's own."""
    return card.as_drawn(card.roi_regions) - set(card.regions)


def require_regions(card: DatasetCard, known: Collection[str]) -> None:
    """Refuse a ROI that a reader has no masks of.

    Raises:
        AuditError: If a target names one.
    """
    for name, target in card.targets.items():
        if unknown := sorted(set(target.roi) - set(known) - set(card.regions)):
            raise AuditError(
                f"{card.path}: key 'targets.{name}.roi' names {unknown}",
                f"reader '{card.reader}' gives: {', '.join(sorted(known)) or 'no regions'}",
            )


def refuse_several_regions(card: DatasetCard, role: str) -> None:
    """Refuse more than one region where each image has one mask file: it cannot show both.

    Args:
        card: The card.
        role: The key of ``files`` that names the masks.

    Raises:
        AuditError: If the targets name several regions and there are masks.
    """
    if len(roi_of_reader(card)) > 1 and role in card.files:
        raise AuditError(
            f"{card.path}: key 'roi' names {sorted(roi_of_reader(card))}, but 'files.{role}' holds "
            f"one mask per image",
            "name the one region that these masks show",
        )
