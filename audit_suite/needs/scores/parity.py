"""Whether the audit preprocesses images as the release pipeline does (O3): an exact figure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from pydantic import TypeAdapter

from audit_suite.evidence import Cell, EvidenceSource, Request
from audit_suite.evidence.breakdown import checked
from audit_suite.statistics import Exact
from audit_suite.verdict import NotApplicable

_ANSWER = TypeAdapter(tuple[float, str])
_DIFFERENCE = "audit_suite.evidence.golden_files:preprocessing_difference"


@dataclass(frozen=True)
class Parity:
    """Largest difference between the audit's input and the release pipeline's, on golden files."""

    @property
    def id(self) -> str:
        """Its name."""
        return "parity"

    def requests(self, cell: Cell) -> tuple[Request[Any], ...]:
        """Nothing: the golden files are read on demand."""
        return ()

    def answer(self, cell: Cell, source: EvidenceSource) -> Exact:
        """The difference, in units of the model's input.

        Raises:
            NotApplicable: If the model's card names no golden files.
            AuditError: If a golden file is missing or has another shape.
        """
        card = cell.model
        if card.parity is None:
            raise NotApplicable(
                "the model card names no golden files of its release pipeline (parity)"
            )
        code = (card,) if card.input.function else ()  # it runs where the model does
        difference, advice = checked(_ANSWER, source.call(_DIFFERENCE, card, card.parity, of=code))
        return Exact(
            "largest difference between the audit's input and the release pipeline's",
            difference,
            len(card.parity.images),
            advice,
        )
