"""What is wrong with the rows of a list: collected, and raised all at once."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

from audit_suite.cards import DatasetCard
from audit_suite.errors import AuditError

SHOWN = 5  # problems listed one by one


class Problems:
    """What is wrong with rows: left out where the card allows it, else collected.

    Args:
        card: The card; its ``on_bad_image`` decides.
        path: The list, or the folder that holds several.
    """

    def __init__(self, card: DatasetCard, path: Path) -> None:
        self._card, self.path = card, path
        self._texts: list[str] = []
        self._remedies: dict[str, None] = {}
        self._counted: Counter[str] = Counter()
        self._excluded: list[str] = []
        self._notes: list[str] = []

    def add(self, text: str, remedy: str = "") -> None:
        """Note something that must be corrected, and what else than that may be done."""
        self._texts.append(text)
        if remedy:
            self._remedies[remedy] = None

    def add_bad_file(self, text: str) -> None:
        """Note a missing or broken file: the card may allow its row to be left out."""
        if self._card.on_bad_image == "exclude":
            self._excluded.append(f"{self.path.name} {text}")
        else:
            leaving = f'leave such rows out with on_bad_image = "exclude" in {self._card.path}'
            self.add(text, leaving)

    def leave_out(self, why: str) -> None:
        """Note a row that the protocol leaves out; such rows are counted, not listed."""
        self._counted[why] += 1

    def note(self, text: str) -> None:
        """Note something about rows that are kept, for the report."""
        self._notes.append(f"{self.path.name}: {text}")

    @property
    def notes(self) -> tuple[str, ...]:
        """What the report should say of the rows that are kept."""
        return tuple(self._notes)

    @property
    def excluded(self) -> tuple[str, ...]:
        """Why rows were left out, for the report."""
        counted = (
            f"{number} rows of {self.path.name}: {why}"
            for why, number in sorted(self._counted.items())
        )
        return (*self._excluded, *counted)

    def raise_if_any(self) -> None:
        """Raise everything that was noted.

        Raises:
            AuditError: If anything was.
        """
        if not self._texts:
            return
        shown = "; ".join(self._texts[:SHOWN])
        rest = len(self._texts) - SHOWN
        more = f"; and {rest} more" if rest > 0 else ""
        remedies = list(self._remedies)[:SHOWN]
        raise AuditError(
            f"{self.path}: {shown}{more}", "; or ".join(["correct these rows", *remedies])
        )
