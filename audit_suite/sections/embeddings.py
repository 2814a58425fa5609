"""Embeddings: a map, similarities under maskings, and what a regression reads from them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from audit_suite.errors import AuditError
from audit_suite.record import EmbeddingRecord, EstimateRecord, Finding, Record
from audit_suite.report.charts.scatter import Scatter, scatter
from audit_suite.report.places import Place, by_place, place_of
from audit_suite.report.section import APPENDIX, Gathered, Section, findings_of, register_section
from audit_suite.report.words import masking_in_words

DIFFERENCE, PROBE, MAP, SIMILARITY = "difference", "probe", "map", "similarity"
MOST = 12  # maps of one audit
_AMONG = ("all", "positive", "negative")


@dataclass(frozen=True)
class SimilarityRow:
    """Cosine similarity under one masking, of all and of each class; None where not known."""

    masking: str
    cells: tuple[EstimateRecord | None, ...]


@dataclass(frozen=True)
class ProbeRow:
    """How well one tag, or a masking, can be read from the embedding, and whether it is used.

    Attributes:
        name: The tag or masking.
        auroc: How well it can be read.
        score: How well it can be read from the score alone, where that is known.
        share: How much of what separates the classes it explains, where that is known.
        words: Whether the tag is encoded and used, and by how much.
    """

    name: str
    auroc: EstimateRecord
    score: EstimateRecord | None
    share: EstimateRecord | None
    words: str


@dataclass(frozen=True)
class PlaceEmbeddings:
    """What is shown of one place."""

    place: Place
    map: Scatter | None
    similarities: tuple[SimilarityRow, ...]
    probes: tuple[ProbeRow, ...]
    notes: tuple[str, ...]


def collect(gathered: Gathered) -> list[EmbeddingRecord]:
    """Maps of the first cells where one was asked for."""
    from audit_suite.pictures.embedding_map import embedding_map

    asked = {place_of(f) for f in findings_of(gathered.findings, f"embeddings.{MAP}")}
    maps: list[EmbeddingRecord] = []
    for cell in gathered.cells:
        if len(maps) < MOST and (cell.model_name, cell.dataset.name, cell.target) in asked:
            try:
                drawn = embedding_map(cell, gathered.source)
            except AuditError:
                continue  # the findings of this cell say what is wrong with it
            maps += [] if drawn is None else [drawn]
    return maps


def view(record: Record, findings: Sequence[Finding]) -> tuple[PlaceEmbeddings, ...]:
    """The map and the tables of each place."""
    maps = {place_of(drawn): drawn for drawn in record.embeddings}
    here = by_place(finding for finding in findings if shows(finding, record))
    return tuple(
        _place(place, here.get(place, []), maps.get(place))
        for place in dict.fromkeys([*here, *maps])
    )


def shows(finding: Finding, record: Record) -> bool:
    """Whether the finding's numbers, or its map, are there."""
    if finding.section == f"embeddings.{MAP}":
        return place_of(finding) in {place_of(drawn) for drawn in record.embeddings}
    return bool(finding.observations)


def _place(
    place: Place, findings: Sequence[Finding], drawn: EmbeddingRecord | None
) -> PlaceEmbeddings:
    differences = findings_of(findings, f"embeddings.{DIFFERENCE}")
    return PlaceEmbeddings(
        place,
        None if drawn is None else scatter(drawn),
        _similarities([*findings_of(findings, f"embeddings.{SIMILARITY}"), *differences]),
        _probes(findings_of(findings, f"embeddings.{PROBE}")),
        tuple(f"{finding.check}, {finding.reason}" for finding in differences),
    )


def _similarities(findings: Sequence[Finding]) -> tuple[SimilarityRow, ...]:
    """One row per masking, and the difference of own region and equal area last."""
    rows: dict[tuple[str, str], dict[str, EstimateRecord]] = {}
    for finding in findings:
        for estimate in finding.observations:
            key = str(estimate.at["masking"]), str(estimate.at.get("against", ""))
            rows.setdefault(key, {})[str(estimate.at["among"])] = estimate
    return tuple(
        SimilarityRow(_in_words(*key), tuple(cells.get(among) for among in _AMONG))
        for key, cells in rows.items()
    )


def _in_words(masking: str, against: str) -> str:
    words = masking_in_words(masking)
    return f"{words}, minus {masking_in_words(against)}" if against else words


def _probes(findings: Sequence[Finding]) -> tuple[ProbeRow, ...]:
    """The strongest first; the masking, which most models see, last."""
    rows = [_row(finding) for finding in findings]
    return tuple(
        sorted(rows, key=lambda row: ("tag" not in row.auroc.at, -abs(row.auroc.value - 0.5)))
    )


def _row(finding: Finding) -> ProbeRow:
    auroc, *others = finding.observations
    return ProbeRow(
        name=_probed(auroc),
        auroc=auroc,
        score=next((one for one in others if one.at.get("of") == "score"), None),
        share=next((one for one in others if "cue" in one.at), None),
        words=finding.reason.removeprefix("reported only: ") if "tag" in auroc.at else "",
    )


def _probed(auroc: EstimateRecord) -> str:
    if "tag" in auroc.at:
        return str(auroc.at["tag"])
    return f"masking: {masking_in_words(str(auroc.at['masking']))} or full"


register_section(
    Section(
        name="embeddings",
        title="Embeddings",
        parts=(DIFFERENCE, PROBE, MAP, SIMILARITY),
        rank=APPENDIX + 30,
        collect=collect,
        fills="embeddings",
        view=view,
        shows=shows,
    )
)
