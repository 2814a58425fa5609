"""The record in the order in which a reader needs it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from audit_suite.record import (
    CaseMix,
    CausesRecord,
    ComparisonRecord,
    DatasetRecord,
    EstimateRecord,
    Finding,
    GalleryImage,
    Record,
)
from audit_suite.report.attributions import Attributions, attributions
from audit_suite.report.charts import Forest, forest
from audit_suite.report.curves import Curves, curves
from audit_suite.report.embeddings import Embeddings, embeddings, shown
from audit_suite.report.heatmap import HeatMap, heatmap
from audit_suite.report.readers import Readers, readers, stands_here
from audit_suite.signoff import SignOff
from audit_suite.verdict import Verdict

ASSOCIATION = "M3"
MANY = 400  # comparisons: beyond it, passes are listed and not drawn

Place = tuple[str, str, str]  # model, data set, target


@dataclass(frozen=True)
class Problem:
    """A finding that keeps the gate from opening, with its plot."""

    finding: Finding
    chart: Forest | None


@dataclass(frozen=True)
class MatrixRow:
    """One check over all places; an empty list where it was not asked."""

    check: str
    title: str
    cells: tuple[tuple[Finding, ...], ...]


@dataclass(frozen=True)
class GalleryRow:
    """One case under every masking."""

    case: str
    images: tuple[GalleryImage, ...]


@dataclass(frozen=True)
class Gallery:
    """The cases of one data set and target."""

    place: Place
    rows: tuple[GalleryRow, ...]


@dataclass(frozen=True)
class Association:
    """One tag or image property: how well it tells the label, and how the score follows it."""

    name: str
    told: EstimateRecord
    following: tuple[EstimateRecord, ...]


@dataclass(frozen=True)
class Associations:
    """What tells the label besides, at one place, the strongest first."""

    place: Place
    rows: tuple[Association, ...]
    extremes: tuple[GalleryImage, ...]


@dataclass(frozen=True)
class View:
    """Everything the template shows."""

    record: Record
    waived: tuple[Finding, ...]
    problems: tuple[Problem, ...]
    places: tuple[Place, ...]
    matrix: tuple[MatrixRow, ...]
    plots: tuple[tuple[Place, Forest], ...]
    passed: tuple[Finding, ...]
    reported: tuple[Finding, ...]
    not_applicable: tuple[Finding, ...]
    galleries: tuple[Gallery, ...]
    heatmaps: tuple[HeatMap, ...]
    case_mix: tuple[tuple[str, str, tuple[str, ...]], ...]
    curves: tuple[tuple[Finding, Curves], ...]
    causes: tuple[CausesRecord, ...]
    associations: tuple[Associations, ...]
    attributions: tuple[Attributions, ...]
    embeddings: tuple[Embeddings, ...]
    readers: tuple[Readers, ...]
    signoff: SignOff | None


def view(record: Record, signoff: SignOff | None = None) -> View:
    """Sort and group a record.

    Args:
        record: What to show.
        signoff: What a reviewer decided on it.
    """
    findings = record.findings
    many = sum(len(finding.comparisons) for finding in findings) > MANY
    severity = [Verdict.ERROR, Verdict.FAIL, Verdict.NONE, Verdict.INCONCLUSIVE]
    problems = sorted(
        (finding for finding in findings if finding.verdict in severity),
        key=lambda finding: severity.index(finding.verdict),
    )
    places = _places(record)
    outside = [f for f in findings if f.verdict is Verdict.NOT_APPLICABLE]
    drawn = () if many else _curves(findings)
    elsewhere = {finding.id for finding, _ in drawn} | _in_matrices(record)
    elsewhere |= {finding.id for finding in findings if finding.check == ASSOCIATION}
    mapped = {(e.model, e.dataset, e.target) for e in record.embeddings}
    read = readers(record)
    elsewhere |= {finding.id for finding in findings if shown(finding, mapped)}
    elsewhere |= {finding.id for finding in findings if read and stands_here(finding)}
    return View(
        record=record,
        waived=tuple(f for f in findings if f.verdict is Verdict.WAIVED),
        problems=tuple(
            Problem(f, None if i >= MANY else _chart([f])) for i, f in enumerate(problems)
        ),
        places=places,
        matrix=_matrix(findings, places),
        plots=() if many else _plots(findings),
        passed=tuple(f for f in findings if f.verdict is Verdict.PASS),
        reported=tuple(f for f in outside if f.observations and f.id not in elsewhere),
        not_applicable=tuple(f for f in outside if not f.observations and not shown(f, mapped)),
        galleries=_galleries([image for image in record.gallery if not _extreme(image)]),
        heatmaps=tuple(heatmap(matrix) for matrix in record.matrices),
        case_mix=tuple(_case_mix(record.provenance.datasets)),
        curves=drawn,
        associations=_associations(record),
        attributions=attributions(record.attributions, findings),
        embeddings=embeddings(findings, record.embeddings),
        readers=read,
        signoff=signoff,
        causes=tuple(cause for cause in record.causes if cause.flags),
    )


def place(finding: Finding) -> Place:
    """Where a finding was made."""
    return finding.model, finding.dataset, finding.target


def _places(record: Record) -> tuple[Place, ...]:
    """Every model with every target of every data set, asked or not, and what findings name."""
    spanned = [
        (model.name, dataset.name, target)
        for model in record.provenance.models
        for dataset in record.provenance.datasets
        for target in dataset.targets
    ]
    return tuple(dict.fromkeys([*spanned, *(place(finding) for finding in record.findings)]))


def _matrix(findings: Sequence[Finding], places: Sequence[Place]) -> tuple[MatrixRow, ...]:
    found: dict[tuple[str, str], dict[Place, list[Finding]]] = defaultdict(
        lambda: defaultdict(list)
    )
    for finding in findings:
        found[finding.check, finding.title][place(finding)].append(finding)
    return tuple(
        MatrixRow(check, title, tuple(tuple(cells.get(here, ())) for here in places))
        for (check, title), cells in found.items()
    )


def _plots(findings: Sequence[Finding]) -> tuple[tuple[Place, Forest], ...]:
    by_place: dict[Place, list[Finding]] = defaultdict(list)
    for finding in findings:
        if finding.comparisons:
            by_place[place(finding)].append(finding)
    charts = ((here, _chart(group)) for here, group in by_place.items())
    return tuple((here, chart) for here, chart in charts if chart is not None)


def _chart(findings: Sequence[Finding]) -> Forest | None:
    rows: list[tuple[Finding, ComparisonRecord]] = [(f, c) for f in findings for c in f.comparisons]
    return forest(rows) if rows else None


def _curves(findings: Sequence[Finding]) -> tuple[tuple[Finding, Curves], ...]:
    drawn = ((finding, curves(finding.observations)) for finding in findings)
    return tuple((finding, chart) for finding, chart in drawn if chart is not None)


def _associations(record: Record) -> tuple[Associations, ...]:
    rows: dict[Place, list[Association]] = defaultdict(list)
    for finding in record.findings:
        if finding.check == ASSOCIATION and finding.observations:
            told, *following = finding.observations
            name = str(told.at.get("property", finding.case))
            rows[place(finding)].append(Association(name, told, tuple(following)))
    return tuple(
        Associations(
            here,
            tuple(sorted(found, key=lambda row: -abs(row.told.value - 0.5))),
            tuple(
                image
                for image in record.gallery
                if _extreme(image) and (image.model, image.dataset, image.target) == here
            ),
        )
        for here, found in rows.items()
    )


def _extreme(image: GalleryImage) -> bool:
    """Whether a picture is there for having least or most of something."""
    return image.case.startswith(("least ", "most "))


def _in_matrices(record: Record) -> set[str]:
    """Findings whose every number stands in a heat map."""
    shown = {
        estimate.model_dump_json()
        for matrix in record.matrices
        for row in matrix.cells
        for estimate in row
        if estimate is not None
    }
    return {
        finding.id
        for finding in record.findings
        if finding.observations and {e.model_dump_json() for e in finding.observations} <= shown
    }


def _case_mix(datasets: Sequence[DatasetRecord]) -> Iterator[tuple[str, str, tuple[str, ...]]]:
    """Tag, value, and how often each data set has it: side by side."""
    for name in dict.fromkeys(name for dataset in datasets for name in dataset.case_mix):
        mixes = [dataset.case_mix.get(name) for dataset in datasets]
        known = [
            "not declared" if mix is None else f"{mix.known / dataset.n_images:.0%}"
            for mix, dataset in zip(mixes, datasets, strict=True)
        ]
        yield name, "known", tuple(known)
        if any(mix is not None and mix.quartiles for mix in mixes):
            yield name, "median (quartiles)", tuple(_quartiles(mix) for mix in mixes)
        for level in dict.fromkeys(level for mix in mixes if mix for level in mix.levels):
            counts = (
                ""
                if mix is None or not mix.known
                else f"{mix.levels.get(level, 0) / mix.known:.0%}"
                for mix in mixes
            )
            yield name, level, tuple(counts)


def _quartiles(mix: CaseMix | None) -> str:
    if mix is None or mix.quartiles is None:
        return ""
    low, middle, high = mix.quartiles
    return f"{middle:g} ({low:g} to {high:g})"


def _galleries(images: Sequence[GalleryImage]) -> tuple[Gallery, ...]:
    found: dict[Place, dict[str, list[GalleryImage]]] = defaultdict(lambda: defaultdict(list))
    for image in images:
        found[image.model, image.dataset, image.target][image.case].append(image)
    return tuple(
        Gallery(here, tuple(GalleryRow(case, tuple(row)) for case, row in rows.items()))
        for here, rows in found.items()
    )
