"""What readers saw, place by place, beside what the model detects in the same images."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from audit_suite.errors import AuditError
from audit_suite.readings import FEWEST_READERS, LEVELS
from audit_suite.record import EstimateRecord, Finding, ReadImage, Record
from audit_suite.report.charts.skill import MEAN, MODEL, SkillPlot, skill_plot
from audit_suite.report.places import Place, by_place, place_of
from audit_suite.report.section import Gathered, Section, findings_of, register_section
from audit_suite.report.words import masking_in_words
from audit_suite.verdict import NotApplicable, Verdict

if TYPE_CHECKING:
    from audit_suite.evidence import Cell, EvidenceSource
    from audit_suite.maskings import Masking

COMPARISON, SKILL, AGREEMENT, PLAUSIBILITY = "comparison", "skill", "agreement", "plausibility"
MEASURES = ("AUROC", "sensitivity", "specificity", "cannot be read")


@dataclass(frozen=True)
class SkillTable:
    """One masking: the measures of every reader, their mean and the model."""

    masking: str
    measures: tuple[tuple[str, tuple[EstimateRecord | None, ...]], ...]
    ahead: EstimateRecord | None


@dataclass(frozen=True)
class RatedImage:
    """An image that was read, with masking and ratings in words."""

    image: ReadImage
    masking: str
    ratings: str


@dataclass(frozen=True)
class PlaceReadings:
    """What is shown of one place."""

    place: Place
    readers: int
    plot: SkillPlot
    tables: tuple[SkillTable, ...]
    agreement: tuple[EstimateRecord, ...]
    plausibility: tuple[EstimateRecord, ...]
    images: tuple[RatedImage, ...]
    sentence: str
    limits: str


def collect(gathered: Gathered) -> list[ReadImage]:
    """Images on which the model is furthest ahead of the readers, where their skill is known."""
    from audit_suite.needs.readers.answers import maskings_read

    skill = findings_of(gathered.findings, f"readers.{SKILL}")
    asked = {place_of(finding) for finding in skill if finding.observations}
    images: list[ReadImage] = []
    for cell in gathered.cells:
        if (cell.model_name, cell.dataset.name, cell.target) in asked:
            one = cell.each()[0]  # of several folds, audited by their mean, the first is shown
            for masking in maskings_read(one, gathered.source):
                images += _furthest_ahead(cell.model_name, one, masking, gathered.source)
    return images


def _furthest_ahead(
    name: str, cell: Cell, masking: Masking, source: EvidenceSource
) -> Iterator[ReadImage]:
    """Of the images with and of those without the finding, the one."""
    from audit_suite.needs.readers.answers import model_scores, read_images
    from audit_suite.needs.scores.cell_scores import cell_scores

    try:
        read = read_images(cell, source, masking)
        scores = model_scores(cell_scores(cell, source, masking), read)
    except (NotApplicable, AuditError):
        return  # the findings say why
    cases = source.dataset(cell.dataset).cases
    shown = np.array([cases[index].shown for index in read.index])
    known = np.isfinite(scores)
    ranks = np.array([np.mean(scores[known] < score) for score in scores])
    mean_rating = _mean_rating(read.ratings)
    for positive in (True, False):
        sign = 1 if positive else -1
        rows = np.flatnonzero((read.labels == positive) & known & shown & np.isfinite(mean_rating))
        if not len(rows):
            continue
        ahead = sign * (2 * ranks[rows] - 1 - mean_rating[rows] / LEVELS)
        row = int(rows[np.argmax(ahead)])
        region, side = cell.dataset.targets[cell.target].roi, max(cell.model.input.size)
        image = cell.dataset, int(read.index[row]), masking, region, side
        png = source.call("audit_suite.plausibility.picturing:thumbnail_of", *image)
        if png is None:
            continue
        yield ReadImage(
            model=name,
            dataset=cell.dataset.name,
            target=cell.target,
            masking=masking.id,
            positive=positive,
            png=png,
            model_rank=round(float(ranks[row]), 6),
            ratings={
                reader: int(rating)
                for reader, rating in zip(read.readers, read.ratings[:, row], strict=True)
                if np.isfinite(rating)
            },
        )


def _mean_rating(ratings: np.ndarray) -> np.ndarray:
    """Mean over the readers who answered; NaN if none did."""
    known = np.isfinite(ratings)
    sums = np.where(known, ratings, 0).sum(axis=0)
    return np.where(known.any(axis=0), sums / np.maximum(known.sum(axis=0), 1), np.nan)


def view(record: Record, findings: Sequence[Finding]) -> tuple[PlaceReadings, ...]:
    """Every place where the skill of readers is known."""
    images = by_place(record.read)
    here = by_place(findings)
    places = by_place(findings_of(findings, f"readers.{SKILL}"))
    return tuple(
        _place(place, here[place], images.get(place, ()))
        for place, skill in places.items()
        if any(finding.observations for finding in skill)
    )


def shows(finding: Finding, _record: Record) -> bool:
    """Whether the finding has numbers of readers."""
    return bool(finding.observations)


def _place(place: Place, findings: Sequence[Finding], images: Sequence[ReadImage]) -> PlaceReadings:
    comparison = findings_of(findings, f"readers.{COMPARISON}")
    ahead = {
        str(estimate.at["masking"]): estimate
        for finding in comparison
        for estimate in (*finding.observations, *(c.estimate for c in finding.comparisons))
    }
    skill = _by_masking(_observed(findings, SKILL))
    names = {who for measures in skill.values() for who in measures}
    readers = len(names - {MODEL, MEAN})
    aurocs = [
        (masking_in_words(masking), {who: of["AUROC"] for who, of in measures.items()})
        for masking, measures in skill.items()
    ]
    return PlaceReadings(
        place=place,
        readers=readers,
        plot=skill_plot(aurocs, readers),
        tables=tuple(
            SkillTable(
                masking_in_words(masking),
                tuple((who, tuple(of.get(m) for m in MEASURES)) for who, of in measures.items()),
                ahead.get(masking),
            )
            for masking, measures in skill.items()
        ),
        agreement=_observed(findings, AGREEMENT),
        plausibility=_observed(findings, PLAUSIBILITY),
        images=tuple(
            RatedImage(image, masking_in_words(image.masking), _in_words(image.ratings))
            for image in images
        ),
        sentence=_sentence(place[2], comparison),
        limits=_limits(readers),
    )


def _by_masking(
    skill: Sequence[EstimateRecord],
) -> dict[str, dict[str, dict[str, EstimateRecord]]]:
    """Estimates by masking, then by reader, then by measure."""
    table: dict[str, dict[str, dict[str, EstimateRecord]]] = {}
    for estimate in skill:
        masking, who, measure = (str(estimate.at[k]) for k in ("masking", "reader", "measure"))
        table.setdefault(masking, {}).setdefault(who, {})[measure] = estimate
    return table


def _observed(findings: Sequence[Finding], part: str) -> tuple[EstimateRecord, ...]:
    return tuple(e for f in findings_of(findings, f"readers.{part}") for e in f.observations)


def _in_words(ratings: dict[str, int]) -> str:
    words = []
    for reader, rating in ratings.items():
        if rating == 0:
            words.append(f"{reader}: cannot be read")
        else:
            answer = "present" if rating > 0 else "absent"
            words.append(f"{reader}: {answer} (confidence {abs(rating)} of {LEVELS})")
    return "; ".join(words)


def _sentence(target: str, comparison: Sequence[Finding]) -> str:
    """What a clinician can take from the comparison with the region hidden."""
    judged = [finding for finding in comparison if finding.comparisons]
    if any(finding.verdict in (Verdict.FAIL, Verdict.WAIVED) for finding in judged):
        return (
            f"On images without the region, the model detects {target} better than the readers do: "
            f"it uses a signal that no reader sees there."
        )
    if judged and all(finding.verdict is Verdict.PASS for finding in judged):
        return (
            f"On images without the region, the model detects {target} no better than the readers."
        )
    if any(finding.observations for finding in comparison):
        return (
            f"For {target}, the results of the model and these readers on images without the "
            f"region are shown without a verdict."
        )
    return f"These images do not show whether the model sees more of {target} than readers do."


def _limits(count: int) -> str:
    if count < FEWEST_READERS:
        who, they = ("One reader", "that reader") if count == 1 else ("Two readers", "they")
        return (
            f"{who} can show what {they} saw in these images, but not that other readers would see "
            f"the same. Readers differ, and so few do not show by how much, so the comparison gets "
            f"no verdict. It can raise a question: if the model is confident where trained readers "
            f"see nothing, investigate what the model uses. Three readers or more allow a verdict "
            f"on readers like them."
        )
    return (
        f"{count} readers are treated as a sample of readers like them, and the images as a sample "
        f"of patients like these (multi-reader multi-case analysis): intervals of the comparison "
        f"include both. Readers with more training in reading masked images may see more. An image "
        f"that cannot be read counts as neither present nor absent."
    )


register_section(
    Section(
        name="readers",
        title="What readers saw",
        parts=(COMPARISON, SKILL, AGREEMENT, PLAUSIBILITY),
        rank=400,
        collect=collect,
        fills="read",
        view=view,
        shows=shows,
    )
)
