"""Checks of entries that hold for every list of images."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Hashable, Iterable, Sequence
from functools import lru_cache
from pathlib import Path

from audit_suite.cards import DatasetCard
from audit_suite.datasets.files.entry import Entry
from audit_suite.datasets.files.paths import is_there, leaving
from audit_suite.datasets.files.problems import Problems
from audit_suite.datasets.tags import is_missing
from audit_suite.errors import AuditError

_SHARED = 1024  # files of which is remembered that they can be used


def refuse_patients_in_two_splits(path: Path, rows: Iterable[tuple[int, str, str]]) -> None:
    """Refuse a list in which a patient has rows of two splits.

    Args:
        path: The list, for the message.
        rows: Row number, patient and split of every row; a missing patient is not compared.

    Raises:
        AuditError: If there is one; names the two rows.
    """
    first: dict[str, tuple[int, str]] = {}
    for row, patient, split in rows:
        if is_missing(patient):
            continue
        first_row, first_split = first.setdefault(patient, (row, split))
        if first_split != split:
            raise AuditError(
                f"{path}: rows {first_row} and {row} belong to the same patient, but to the splits "
                f"'{first_split}' and '{split}'",
                "split by patient: otherwise a model is tested on patients it was trained on",
            )


def refuse_duplicates(entries: Sequence[Entry], problems: Problems) -> None:
    """Note rows with the same id or the same image file."""
    keys: tuple[tuple[str, Callable[[Entry], Hashable]], ...] = (
        ("id", lambda entry: entry.id),
        ("image", lambda entry: (entry.folder, entry.file)),
    )
    for what, key in keys:
        seen: set[Hashable] = set()
        twice: set[Hashable] = set()
        for entry in entries:
            (twice if key(entry) in seen else seen).add(key(entry))
        rows = defaultdict(list)
        for entry in entries if twice else ():
            if key(entry) in twice:
                rows[key(entry)].append(entry.row)
        for same in rows.values():
            problems.add(f"rows {', '.join(map(str, same))} have the same {what}")


def refuse_impossible_quality(
    card: DatasetCard, entries: Sequence[Entry], problems: Problems
) -> None:
    """Note mask qualities outside 0 to 1: NaN passes every "at or below", and is not a weight."""
    column = card.mask_quality.column if card.mask_quality else None
    named = f", column '{column}'" if column else ""
    for entry in entries:
        if entry.quality is not None and not 0 <= entry.quality <= 1:
            problems.add(f"row {entry.row}{named}: the mask quality is not a number from 0 to 1")


def has_files(entry: Entry, fault_of: Callable[[Path], str], problems: Problems) -> bool:
    """Whether all files of an entry can be used (`faults_of_files`)."""
    files = [(entry.where, entry.image)]
    files += [(mask.where, path) for mask in entry.regions.values() for path in mask.files]
    for where, path in files:
        if fault := fault_of(path):
            problems.add_bad_file(f"{where}: the file {fault}")
            return False
    return True


def faults_of_files(homes: Sequence[Path]) -> Callable[[Path], str]:
    """What says why a file cannot be used, as far as its content does not matter; empty if it can.

    It looks once at a file that many entries share.

    Args:
        homes: The folders in which files must lie, links followed; none where any may.
    """
    leaves = leaving(homes)

    @lru_cache(_SHARED)
    def fault_of(path: Path) -> str:
        if not is_there(path):
            return "does not exist"
        if leaves(path):
            return "is a link that leads out of 'root' (follow_links = true allows it)"
        try:
            with path.open("rb"):
                return ""
        except OSError as error:
            return f"cannot be read ({error.strerror})"

    return fault_of


def has_good_masks(card: DatasetCard, entry: Entry, problems: Problems) -> bool:
    """Whether the card's rule on mask quality keeps an entry."""
    rule = card.mask_quality
    if rule is None or rule.rule != "drop":
        return True
    if entry.quality is None:
        problems.leave_out("no mask, or one of unknown quality")
        return False
    if entry.quality <= rule.minimum:
        problems.leave_out(f"mask quality not above {rule.minimum:g}")
        return False
    return True
