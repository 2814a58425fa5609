"""Equal image files under several names: found by their content, as cheaply as can be."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Hashable, Sequence
from dataclasses import replace
from pathlib import Path

from audit_suite.cards import DatasetCard
from audit_suite.datasets.files.entry import Entry
from audit_suite.datasets.files.hashing import hash_content
from audit_suite.datasets.files.problems import SHOWN, Problems

_BLOCK = 4096  # bytes at the beginning, middle and end by which files of one size are told apart


def without_copies(
    card: DatasetCard, entries: Sequence[Entry], elsewhere: Sequence[str], problems: Problems
) -> list[Entry]:
    """The entries in which an image counts once: for one patient, and in one split.

    Patients who share an image file are made one. An image that another split has too is left out,
    because a model may have been trained on it. Where the card refuses either, it is a problem.

    Args:
        card: The card; its key ``repeated_images`` decides.
        entries: The images that are audited.
        elsewhere: Image files of other splits, below the card's root or as whole paths.
        problems: Where to note what was found.
    """
    root, here_are = card.resolve(card.root), len(entries)

    def file(place: int) -> Path:
        return entries[place].image if place < here_are else root / elsewhere[place - here_are]

    seen_before: set[int] = set()
    one_of: dict[str, str] = {}
    shared = 0
    for same in copies(here_are + len(elsewhere), file):
        here = [place for place in same if place < here_are]
        rows = ", ".join(str(entries[place].row) for place in here[:SHOWN])
        rows += " ..." if len(here) > SHOWN else ""
        if here and len(here) < len(same):
            seen_before.update(here)
            if card.repeated_images == "error":
                problems.add(f"rows {rows}: images of another split too")
        patients = sorted({entries[place].patient for place in here})
        if len(patients) > 1:
            shared += len(here)
            first = _root(one_of, patients[0])
            one_of.update({_root(one_of, patient): first for patient in patients[1:]})
            if card.repeated_images == "error":
                problems.add(f"rows {rows}: one image under {len(patients)} patients")
    for _ in seen_before:
        problems.leave_out("the image is in another split too")
    if shared:
        problems.note(
            f"{shared} images are files that several patients have: these count as one patient"
        )
    kept = [entry for place, entry in enumerate(entries) if place not in seen_before]
    if not one_of:
        return kept
    return [replace(entry, patient=_root(one_of, entry.patient)) for entry in kept]


def copies(count: int, file: Callable[[int], Path]) -> list[list[int]]:
    """Groups of two files or more with the same content, by their places in a list.

    Args:
        count: The length of the list.
        file: The file at a place.
    """
    groups: list[Sequence[int]] = [range(count)]
    for look in (_size, _sample, hash_content):
        groups = [alike for group in groups for alike in _alike(group, file, look)]
    return [list(group) for group in groups]


def _alike(
    group: Sequence[int], file: Callable[[int], Path], look: Callable[[Path], Hashable]
) -> list[list[int]]:
    """Of the places of a group those that look like others, together and in order."""
    first: dict[Hashable, int] = {}
    several: dict[int, list[int]] = {}
    for place in group:
        try:
            before = first.setdefault(look(file(place)), place)
        except OSError:  # it is refused where it is read
            continue
        if before != place:
            several.setdefault(before, [before]).append(place)
    return sorted(several.values())


def _size(path: Path) -> int:
    return path.stat().st_size


def _sample(path: Path) -> int:
    """A number made of some of the file's bytes: files of equal content have the same."""
    size = path.stat().st_size
    with path.open("rb") as file:
        digest = hashlib.sha256(file.read(_BLOCK))
        if size > _BLOCK:
            for start in (size // 2, size - _BLOCK):
                file.seek(start)
                digest.update(file.read(_BLOCK))
    return int.from_bytes(digest.digest()[:7])


def _root(one_of: dict[str, str], patient: str) -> str:
    """The patient that stands for another, over any number of steps."""
    while patient in one_of and one_of[patient] != patient:
        patient = one_of[patient]
    return patient
