"""The numbers first: AUROC on the whole image, and with the region and its box hidden or alone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from audit_suite.record import EstimateRecord, Finding, Record
from audit_suite.report.places import Place, by_place
from audit_suite.report.section import APPENDIX, Section, register_section


@dataclass(frozen=True)
class Row:
    """What images are shown, in words, and the numbers on them."""

    shown: str
    auroc: EstimateRecord
    folded: EstimateRecord | None

    @property
    def ties(self) -> float:
        """Share of the pairs of one image of each class whose scores are equal."""
        return float(self.auroc.at.get("ties", 0))


@dataclass(frozen=True)
class Skill:
    """The rows of one place, and why there are none where there are none."""

    place: Place
    rows: tuple[Row, ...]
    reason: str

    @property
    def whole(self) -> EstimateRecord | None:
        """AUROC on the whole image: how many patients there are."""
        return self.rows[0].auroc if self.rows else None


def view(_record: Record, findings: Sequence[Finding]) -> tuple[Skill, ...]:
    """One table for each place."""
    return tuple(_table(place, here) for place, here in by_place(findings).items())


def _table(place: Place, findings: Sequence[Finding]) -> Skill:
    estimates = [estimate for finding in findings for estimate in finding.observations]
    folded = {e.at.get("masking"): e for e in estimates if e.at.get("statistic") == "folded"}
    rows = tuple(
        Row(_words(e), e, folded.get(e.at.get("masking")))
        for e in estimates
        if "statistic" not in e.at
    )
    return Skill(place, rows, findings[0].reason)


def _words(estimate: EstimateRecord) -> str:
    return estimate.label.removeprefix("AUROC").strip() or "the whole image"


def shows(finding: Finding, _record: Record) -> bool:
    """Whether there are numbers, all of which are cells of the table."""
    return bool(finding.observations)


register_section(
    Section(
        name="skill",
        title="Skill on the whole image and its parts",
        rank=APPENDIX,
        view=view,
        shows=shows,
    )
)
