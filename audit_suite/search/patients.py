"""Who is searched on and who decides: disjoint patients, and lenders apart from both."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from audit_suite.datasets import Dataset
from audit_suite.verdict import NotApplicable

FEWEST = 30  # images that can be changed, in each half: with fewer nothing is said
LENDERS = 10  # least patients of either class whose content is put there, in each half
SEARCHED, CONFIRMED = 32, 200  # images that are changed in the search, and at most to confirm

Rows = NDArray[np.int_]


@dataclass(frozen=True)
class Roles:
    """The images of one half, as positions in the data set.

    Attributes:
        changed: Shape (n,), images that are changed; one per patient.
        having: Shape (n,), whose content each is given first: of patients with the finding. Empty
            where the change is painted.
        lacking: Shape (n,), likewise of patients without it.
    """

    changed: Rows
    having: Rows
    lacking: Rows


def halves(dataset: Dataset, usable: Rows, target: str, seed: int) -> tuple[list[int], list[int]]:
    """One image of each patient, in two halves of the patients of either class, by hash.

    Args:
        dataset: The data set.
        usable: Positions of images that can be read and are labelled.
        target: Whose labels divide the patients.
        seed: The run's seed.

    Returns:
        Positions for the search and for the confirmation, in the order of the hash.
    """

    def drawn(index: int) -> bytes:
        text = f"{seed}/{dataset.digest}/search/{index}"
        return hashlib.sha256(text.encode()).digest()

    first: dict[str, int] = {}
    for index in sorted((int(i) for i in usable), key=drawn):
        first.setdefault(dataset.cases[index].patient, index)
    sides: tuple[list[int], list[int]] = ([], [])
    seen = {0: 0, 1: 0}
    for index in first.values():
        label = dataset.cases[index].labels[target]
        sides[seen[label] % 2].append(index)
        seen[label] += 1
    return sides


def contrast_roles(half: Sequence[int], labels: NDArray[np.int_], count: int) -> Roles:
    """Images that are changed and images that lend content, of different patients.

    Args:
        half: Positions, one per patient.
        labels: Of all images of the data set, 0 or 1.
        count: Images that are changed, at most: half of them positive, as far as there are some.

    Raises:
        NotApplicable: If there are too few patients.
    """
    classes = [[index for index in half if labels[index] == label] for label in (0, 1)]
    taken = [min(count // 2, len(group) // 2) for group in classes]
    changed = [index for group, n in zip(classes, taken, strict=True) for index in group[:n]]
    lacking, having = (group[n:] for group, n in zip(classes, taken, strict=True))
    if len(changed) < FEWEST or min(len(lacking), len(having)) < LENDERS:
        raise NotApplicable(
            f"a search needs {FEWEST} patients to change and {LENDERS} of either class to lend "
            f"content, once to search and again to confirm: these data have {len(changed)} to "
            f"change, and {len(having)} with and {len(lacking)} without the finding to lend, in "
            f"one half. This is not an all-clear"
        )
    turn = np.arange(len(changed))
    first, second = (np.array(side)[turn % len(side)] for side in (having, lacking))
    return Roles(np.array(changed), first, second)


def risk_roles(half: Sequence[int], at_risk: NDArray[np.bool_], count: int, words: str) -> Roles:
    """Images whose decision could be changed for the worse.

    Args:
        half: Positions, one per patient.
        at_risk: Of all images of the data set.
        count: At most so many.
        words: What they are, for the message.

    Raises:
        NotApplicable: If there are too few.
    """
    changed = [index for index in half if at_risk[index]][:count]
    if len(changed) < FEWEST:
        raise NotApplicable(
            f"only {len(changed)} patients of one half are {words}: with fewer than {FEWEST} a "
            f"search says nothing. This is not an all-clear"
        )
    none = np.zeros(0, np.int_)
    return Roles(np.array(changed), none, none)
