"""One sick patient as the model saw him, each picture with the model's score."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from audit_suite.record import GalleryImage, Record
from audit_suite.report.first.rows import SHOWN
from audit_suite.report.places import Place, place_of
from audit_suite.report.words import number as words

SECTION = "case"
"""The record's section that holds the scores."""


@dataclass(frozen=True)
class Shot:
    """A picture, what it shows, and what the model said of it."""

    name: str
    png: str
    score: str


@dataclass(frozen=True)
class Strip:
    """The pictures of one place."""

    model: str
    dataset: str
    target: str
    shots: tuple[Shot, ...]


def strip(record: Record) -> Strip | None:
    """The strip of the place that decided: the first that is not open, else the first.

    None without pictures.
    """
    wanted = sorted(record.targets, key=lambda target: target.decision == "open")
    scores = {
        (one["model"], one["dataset"], one["target"]): one
        for one in record.sections.get(SECTION, [])
    }
    for target in wanted:
        at = target.model, target.dataset, target.target
        images = [
            image
            for image in record.gallery
            if (image.dataset, image.target, image.case) == (*at[1:], "positive 1")
        ]
        shots = tuple(_shots(record, at, images, scores.get(at, {}), _roi(record, at)))
        if len(shots) > 1:
            return Strip(*at, shots)
    return None


def _roi(record: Record, at: Place) -> tuple[str, ...]:
    """The target's region, by which the pictures' maskings are named."""
    for data in record.provenance.datasets:
        if data.name == at[1] and at[2] in data.targets:
            return tuple(data.targets[at[2]].roi)
    return ()


def _shots(
    record: Record,
    at: Place,
    images: list[GalleryImage],
    known: Mapping[str, Any],
    roi: tuple[str, ...],
) -> Iterator[Shot]:
    by_masking = {image.masking: image for image in images}
    scores = known.get("scores", {})
    for name, maskings in SHOWN.items():
        for masking in maskings:
            named = masking.of(roi) if masking.hides else masking
            if (image := by_masking.get(named.id)) is not None:
                yield Shot(name, image.png, score_in_words(scores.get(masking.id)))
                break
    shot = _counterexample(record, at) or _overlay(record, at, known.get("explained"))
    if shot is not None:
        yield shot


def _counterexample(record: Record, at: Place) -> Shot | None:
    """The change outside the region that moved the score most, if a search found one."""
    for finding in record.findings:
        counterexample = finding.counterexample
        if counterexample is not None and counterexample.pictures and place_of(finding) == at:
            before, *after = counterexample.scores
            moved = [abs(score - before) for score in after]
            number = 1 + moved.index(max(moved))
            name = "changed outside the region (another patient)"
            score = f"score {words(counterexample.scores[number], 2)}, before it {words(before, 2)}"
            return Shot(name, counterexample.pictures[number], score)
    return None


def _overlay(record: Record, at: Place, score: dict[str, Any] | None) -> Shot | None:
    """What moved the score, on a patient with the finding."""
    for attribution in record.attributions:
        if place_of(attribution) == at:
            for overlay in attribution.overlays[:1]:
                name = f"what moved the score ({overlay.method}, another patient)"
                return Shot(name, overlay.png, score_in_words(score))
    return None


def score_in_words(score: dict[str, Any] | None) -> str:
    """A probability, or the share of the data set's images that score lower."""
    if not score:
        return ""
    above = f"higher than {score['above']:.0%} of these patients' whole images"
    if score["probability"] is None:
        return above
    return f"score {score['probability']:.3f}, {above}"
