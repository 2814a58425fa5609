"""Choose the images of a reader study, and allot them to sittings."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from audit_suite.discreet import Discreet

QUARTILES = (0.25, 0.50, 0.75)
"""Quantiles of the positives' scores (Sourget et al. 2024)."""


@dataclass(frozen=True, repr=False)
class Picture(Discreet):
    """One image under one masking, or one map of it.

    Attributes:
        index: Row of the image in the data set.
        patient: The patient; stays inside the process.
        target: The target for which it was chosen, whose region is masked.
        masking: The masking's id.
        method: The explainer of a map; empty for an image to be read.
    """

    index: int
    patient: str = field(repr=False)
    target: str
    masking: str
    method: str = ""


def choose_positives(
    scores: NDArray[np.float64],
    candidates: NDArray[np.int_],
    patients: NDArray[np.str_],
    number: int,
) -> list[int]:
    """Positives whose scores lie nearest the quartiles of all positives' scores, one per patient.

    Args:
        scores: Shape (n,), of every image.
        candidates: Indices of the positives.
        patients: Shape (n,).
        number: How many; divided evenly among the quartiles as far as possible.

    Returns:
        Indices, at most ``number``.
    """
    order = candidates[np.argsort(scores[candidates], kind="stable")]
    ranks = np.arange(len(order))
    near = [np.argsort(np.abs(ranks - q * (len(order) - 1)), kind="stable") for q in QUARTILES]
    taken: dict[str, int] = {}
    for place in range(len(order)):
        for nearest in near:
            index = int(order[nearest[place]])
            if len(taken) < number:
                taken.setdefault(str(patients[index]), index)
    return list(taken.values())


def match_negatives(
    positives: Sequence[int],
    candidates: NDArray[np.int_],
    patients: NDArray[np.str_],
    metadata: Sequence[Mapping[str, str]],
    rng: np.random.Generator,
) -> list[int]:
    """For each positive the negative of another patient with the most similar metadata.

    The score is not matched, because that would pull the model's AUROC towards chance. Ties are
    broken at random.

    Args:
        positives: Indices of the chosen positives.
        candidates: Indices of the negatives.
        patients: Shape (n,).
        metadata: Declared tags of every image.
        rng: Breaks ties.
    """
    shuffled = rng.permutation(candidates)
    spread = _spreads(metadata)
    used = {str(patients[i]) for i in positives}
    negatives: list[int] = []
    for positive in positives:
        free = [int(i) for i in shuffled if str(patients[i]) not in used]
        if not free:
            break
        best = min(free, key=lambda i: _distance(metadata[positive], metadata[i], spread))
        used.add(str(patients[best]))
        negatives.append(best)
    return negatives


def allot_sittings(
    pictures: Sequence[Picture], repeats: Sequence[Picture], rng: np.random.Generator
) -> tuple[list[int], list[int]]:
    """Give each picture a sitting so that no sitting shows a patient's image in two ways.

    The number of sittings is the largest number of ways in which one patient is shown; maskings are
    spread evenly over them. A picture is repeated in another sitting if the patient has one free.

    Args:
        pictures: The pictures to read, each once.
        repeats: The pictures that are shown a second time.
        rng: Decides the sittings.

    Returns:
        Sittings, numbered from 0, of the pictures and of the repeats.
    """
    ways = Counter(picture.patient for picture in pictures)
    count = max(ways.values(), default=1)
    taken: dict[str, set[int]] = {patient: set() for patient in ways}
    loads: Counter[tuple[int, str, str]] = Counter()
    totals: Counter[int] = Counter()

    def place(picture: Picture, free: Sequence[int]) -> int:
        kind = (picture.target, picture.masking)
        best = min(free, key=lambda s: (loads[s, *kind], totals[s], s))
        taken[picture.patient].add(best)
        loads[best, *kind] += 1
        totals[best] += 1
        return best

    sittings = dict.fromkeys(range(len(pictures)), 0)
    for number in rng.permutation(len(pictures)):
        picture = pictures[number]
        used = taken[picture.patient]
        sittings[int(number)] = place(picture, [s for s in range(count) if s not in used])
    first = {picture: sittings[number] for number, picture in enumerate(pictures)}
    again = [
        place(p, [s for s in range(count) if s not in taken[p.patient]] or [first[p]])
        for p in repeats
    ]
    return list(sittings.values()), again


def choose_repeats(
    pictures: Sequence[Picture], share: float, rng: np.random.Generator
) -> list[Picture]:
    """Pictures that are shown a second time, unannounced: the same share of each masking."""
    groups: dict[tuple[str, str], list[Picture]] = {}
    for picture in pictures:
        groups.setdefault((picture.target, picture.masking), []).append(picture)
    repeats = []
    for group in groups.values():
        number = min(len(group), math.ceil(share * len(group)))
        repeats += [group[i] for i in sorted(rng.permutation(len(group))[:number])]
    return repeats


def order_sitting(
    codes: Sequence[str], repeats: Mapping[str, str | None], rng: np.random.Generator
) -> list[str]:
    """Shuffle a sitting; of a picture that is repeated within it, the repeat is in the second half.

    Args:
        codes: The items of the sitting.
        repeats: For each item the code that it repeats, if any.
        rng: Decides the order.
    """
    shuffled = [codes[i] for i in rng.permutation(len(codes))]
    late = [code for code in shuffled if repeats[code] in codes]
    early = [code for code in shuffled if code in {repeats[c] for c in late}]
    rest = [code for code in shuffled if code not in late and code not in early]
    cut = max(0, len(codes) // 2 - len(early))
    halves = early + rest[:cut], rest[cut:] + late
    return [half[i] for half in halves for i in rng.permutation(len(half))]


def _spreads(metadata: Sequence[Mapping[str, str]]) -> dict[str, float]:
    """Standard deviation of each tag whose known values are all numbers."""
    spreads = {}
    for name in metadata[0] if metadata else ():
        try:
            values = [float(tags[name]) for tags in metadata if tags[name]]
        except ValueError:
            continue
        if len(values) > 1 and float(np.std(values)) > 0:
            spreads[name] = float(np.std(values))
    return spreads


def _distance(
    one: Mapping[str, str], other: Mapping[str, str], spread: Mapping[str, float]
) -> float:
    """Gower's distance, unscaled: 1 per tag that differs or is unknown, less for near numbers."""
    total = 0.0
    for name in one:
        if name in spread and one[name] and other[name]:
            total += min(1.0, abs(float(one[name]) - float(other[name])) / (2 * spread[name]))
        elif one[name] != other[name] or not one[name]:
            total += 1.0
    return total
