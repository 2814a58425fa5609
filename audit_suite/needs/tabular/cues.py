"""The cues that a model could read instead of the disease: tags, image properties, acquisition."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit

from audit_suite.datasets.acquisition import AREAS, EACH
from audit_suite.datasets.properties import INSIDE, OF_THE_FILE, PROPERTIES
from audit_suite.evidence import Cell, EvidenceSource
from audit_suite.maskings import Full
from audit_suite.needs.classifier import Classifier, cross_validate, imputer, logistic, scaler
from audit_suite.needs.scores.cell_scores import CellScores
from audit_suite.needs.tabular.mask_alone import centres
from audit_suite.statistics.separation import basis_of_numbers, basis_of_words
from audit_suite.verdict import NotApplicable

ACQUISITION = "acquisition"
"""The cue that a classifier makes of how images look outside the region's box (M5)."""

POSITION = "position"
"""The cue where the region lies in the frame (C1)."""

_ENOUGH = 0.95  # of the images of each class: a region, and with it an outside, must be known

Floats = NDArray[np.float64]
Kind = Literal["tag", "property", "acquisition", "position"]


class Cue(NamedTuple):
    """A cue as `statistics.separation` takes it.

    Attributes:
        kind: What it is.
        basis: Shape (n, k).
        only_shown: Why a share of it says nothing against the model; empty if it does.
    """

    kind: Kind
    basis: Floats
    only_shown: str


def tags_of(cell: Cell) -> tuple[str, ...]:
    """The declared tags, without the one that names each image's fold.

    Images of different folds are never compared.
    """
    names = (*PROPERTIES, ACQUISITION, POSITION, cell.model.held_out)
    return tuple(name for name in cell.dataset.metadata if name not in names)


def cue_of(name: str, cell: Cell, source: EvidenceSource, scores: CellScores) -> Cue:
    """A cue on the images that the model scored.

    Raises:
        NotApplicable: If all images are alike in it, or too few patients are there to learn it.
    """
    if name == ACQUISITION:
        return Cue("acquisition", _acquisition(cell, source, scores), _inside(cell, source, scores))
    if name == POSITION:
        return Cue("position", _position(cell, source, scores), "")
    if name in PROPERTIES:
        basis = basis_of_numbers(different(name, property_of(name, cell, source, scores)))
        within = "" if name in OF_THE_FILE else _inside(cell, source, scores)
        if name in INSIDE:
            within = "it is measured inside the region, where the finding itself moves it"
        return Cue("property", basis, within)
    texts = tag_of(name, cell, source, scores)
    numbers = numbers_in(texts)
    basis = basis_of_words(texts, scores.patients) if numbers is None else basis_of_numbers(numbers)
    reason = cell.dataset.legitimate.get(name, "")
    return Cue(
        "tag", basis, f"the card declares that it may be followed: {reason}" if reason else ""
    )


def property_of(name: str, cell: Cell, source: EvidenceSource, scores: CellScores) -> Floats:
    """An image property of the scored images; NaN where it could not be measured."""
    return _measured(cell, source, scores)[:, PROPERTIES.index(name)]


def tag_of(name: str, cell: Cell, source: EvidenceSource, scores: CellScores) -> list[str]:
    """A declared tag of the scored images as text; empty where unknown.

    Raises:
        NotApplicable: If all known values are the same.
    """
    cases = source.dataset(cell.dataset).cases
    texts = [str(cases[i].metadata[name]) for i in np.flatnonzero(scores.used)]
    if len({text for text in texts if text}) < 2:
        raise NotApplicable(f"all images have the same '{name}'")
    return texts


def numbers_in(texts: Sequence[str]) -> Floats | None:
    """The numbers in texts, NaN where unknown; None if some are words."""
    try:
        return np.array([float(text) if text else np.nan for text in texts])
    except ValueError:
        return None


def different(name: str, numbers: Floats) -> Floats:
    """The numbers.

    Raises:
        NotApplicable: If all known ones are the same.
    """
    if len(np.unique(numbers[np.isfinite(numbers)])) < 2:
        raise NotApplicable(f"all images have the same '{name}'")
    return numbers


def acquisition_classifier(
    areas: Sequence[str], cell: Cell, source: EvidenceSource, scores: CellScores
) -> tuple[NDArray[Any], Classifier]:
    """Features of how images look in areas outside the region, and the recipe that learns from it.

    Args:
        areas: Of `datasets.acquisition.AREAS`.
        cell: Where.
        source: Stored evidence.
        scores: Which images.

    Raises:
        NotApplicable: If nothing of these areas is known: there is no region, or no outside.
    """
    looks = _measured(cell, source, scores)[:, len(PROPERTIES) :]
    columns = [AREAS.index(area) * EACH + number for area in areas for number in range(EACH)]
    features = looks[:, columns]
    if not np.isfinite(features).any():
        raise NotApplicable(
            "no image has a region of interest with anything left of the image outside its box"
        )
    return features, logistic(f"acquisition {' '.join(areas)}", imputer, scaler)


def _acquisition(cell: Cell, source: EvidenceSource, scores: CellScores) -> Floats:
    """What classifiers that saw other patients make of each image's acquisition, shape (n, 3).

    Powers of the probability, not ranks: two devices are two clusters, which ranks would blur. Of a
    planted exposure that truly explained .62 ranks showed .32, probabilities .59.
    """
    features, make = acquisition_classifier(AREAS, cell, source, scores)
    fitted, _ = cross_validate(features, scores.labels, scores.patients, make, source.profile.seed)
    probability = expit(np.stack(fitted)).mean(axis=0)
    return np.stack([probability, probability**2, probability**3], axis=1)


def _position(cell: Cell, source: EvidenceSource, scores: CellScores) -> Floats:
    where = centres(cell, source)[scores.used]
    moves = [axis for axis in where.T if len(np.unique(axis[np.isfinite(axis)])) > 1]
    if not moves:
        raise NotApplicable("the region lies at the same place in all images")
    return np.hstack([basis_of_numbers(axis) for axis in moves])


def _inside(cell: Cell, source: EvidenceSource, scores: CellScores) -> str:
    """Why what is measured may be the disease; empty where nearly all images have an outside."""
    looks = _measured(cell, source, scores)[:, len(PROPERTIES) : len(PROPERTIES) + EACH]
    known = np.asarray(np.isfinite(looks).all(axis=1))
    if min(known[scores.labels == side].mean() for side in (0, 1)) >= _ENOUGH:
        return ""
    return (
        "without a region in every image it is measured on the whole image, where the finding "
        "itself moves it"
    )


def _measured(cell: Cell, source: EvidenceSource, scores: CellScores) -> Floats:
    properties = source.read(cell.requests(Full())[0]).properties
    assert properties is not None, "full images carry their properties"
    measured: Floats = properties[scores.used].astype(np.float64)
    return measured
