"""Which images are read, by whom and when: sampling and the order of sittings."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

QUARTILES = (0.25, 0.50, 0.75)
"""Of the model's score among the positives (Sourget et al. 2024)."""


@dataclass(frozen=True)
class Picture:
    """One image under one masking, or one map of it.

    Attributes:
        index: Row of the image in the data set.
        patient: Who it is of; stays inside the process.
        target: Whose region is masked, and for whose sake it was chosen.
        masking: The masking's id.
        method: Of a map: the explainer; empty for an image to be read.
    """

    index: int
    patient: str
    target: str
    masking: str
    method: str = ""


def choose_positives(
    scores: NDArray[np.float64],
    candidates: NDArray[np.int_],
    patients: NDArray[np.str_],
    number: int,
) -> list[int]:
    """Positives whose scores lie nearest the quartiles of all positives' scores, one a patient.

    Args:
        scores: Shape (n,), of every image.
        candidates: Indices of the positives.
        patients: Shape (n,).
        number: How many; as many from each quartile as can be.

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
    """For each positive the negative of another patient most like it in the declared metadata.

    Not in the model's score: that would make the model guess. Ties are broken by chance.

    Args:
        positives: Indices chosen.
        candidates: Indices of the negatives.
        patients: Shape (n,).
        metadata: Declared tags of every image.
        rng: Breaks ties.
    """
    shuffled = rng.permutation(candidates)
    spread = _spreads(metadata)
    used = {str(patients[i]) for i in positives}
    found: list[int] = []
    for positive in positives:
        free = [int(i) for i in shuffled if str(patients[i]) not in used]
        if not free:
            break
        best = min(free, key=lambda i: _distance(metadata[positive], metadata[i], spread))
        used.add(str(patients[best]))
        found.append(best)
    return found


def allot_sittings(
    pictures: Sequence[Picture], repeats: Sequence[Picture], rng: np.random.Generator
) -> tuple[list[int], list[int]]:
    """Give each picture a sitting so that none shows a patient's image in two ways.

    There are as many sittings as the most ways in which one patient is shown; maskings are spread
    evenly over them. A picture is repeated in another sitting where the patient has one free.

    Args:
        pictures: What is read, each once.
        repeats: Which of them are shown once more.
        rng: Decides who comes when.

    Returns:
        Sittings from 0: of the pictures, and of the repeats.
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
    """Pictures that are shown once more, unannounced: as many of each masking."""
    groups: dict[tuple[str, str], list[Picture]] = {}
    for picture in pictures:
        groups.setdefault((picture.target, picture.masking), []).append(picture)
    found = []
    for group in groups.values():
        number = min(len(group), math.ceil(share * len(group)))
        found += [group[i] for i in sorted(rng.permutation(len(group))[:number])]
    return found


def order_sitting(
    codes: Sequence[str], repeats: Mapping[str, str | None], rng: np.random.Generator
) -> list[str]:
    """Shuffle a sitting; a repeat of one of its own pictures is kept half a sitting apart from it.

    Args:
        codes: What is read in it.
        repeats: Of each the code it shows once more, if any.
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
    """Standard deviation of each tag that is a number wherever it is known."""
    found = {}
    for name in metadata[0] if metadata else ():
        try:
            values = [float(tags[name]) for tags in metadata if tags[name]]
        except ValueError:
            continue
        if len(values) > 1 and float(np.std(values)) > 0:
            found[name] = float(np.std(values))
    return found


def _distance(
    one: Mapping[str, str], other: Mapping[str, str], spread: Mapping[str, float]
) -> float:
    """Gower's distance, unscaled: 1 a tag that differs or is unknown, less for near numbers."""
    total = 0.0
    for name in one:
        if name in spread and one[name] and other[name]:
            total += min(1.0, abs(float(one[name]) - float(other[name])) / (2 * spread[name]))
        elif one[name] != other[name] or not one[name]:
            total += 1.0
    return total
