"""Noticing: could the model tell that it is shown masked images?"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from audit_suite.record import EstimateRecord, Finding, Record
from audit_suite.report.places import Place, by_place
from audit_suite.report.section import Section, findings_of, register_section


@dataclass(frozen=True)
class Noticing:
    """What is known about one place.

    Attributes:
        place: Model, data set and target.
        told_apart: The highest AUROC with which a classifier of the model's embedding tells masked
            images from full ones; None where it was not measured.
        why: Why it was not measured.
        unmasked: Findings from images of which nothing is hidden.
    """

    place: Place
    told_apart: EstimateRecord | None
    why: str
    unmasked: tuple[Finding, ...]


def view(_record: Record, findings: Sequence[Finding]) -> tuple[Noticing, ...]:
    """One row for each place where either was asked."""
    rows = []
    for place, here in by_place(findings).items():
        asked = findings_of(here, "noticing.embedding")
        told = [e for finding in asked for e in finding.observations if "classifier" in e.at]
        rows.append(
            Noticing(
                place,
                max(told, key=lambda estimate: estimate.value, default=None),
                asked[0].reason if asked and not told else "not asked",
                tuple(findings_of(here, "noticing.unmasked")),
            )
        )
    return tuple(rows)


register_section(
    Section(
        name="noticing",
        title="Could the model notice the masking?",
        parts=("embedding", "unmasked"),
        rank=130,
        view=view,
    )
)
