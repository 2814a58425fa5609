"""What every reader of files makes of its lists, and the checks that hold for all of them."""

from __future__ import annotations

import hashlib
import json
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from audit_suite.cards import DatasetCard, Holdout
from audit_suite.datasets.dataset import BadImage, Case, Dataset, Sample
from audit_suite.datasets.images import read_image, read_mask
from audit_suite.errors import AuditError

_SHOWN = 5  # problems listed one by one

Mask = NDArray[np.bool_]


class RegionSource(Protocol):
    """Where the mask of one region of one image comes from."""

    @property
    def where(self) -> str:
        """Row and column that name it, for messages."""
        ...

    def read(self) -> Mask:
        """The mask, shape (H, W).

        Raises:
            ValueError: If it cannot be read; the message says why, without a file's name.
        """
        ...

    def update(self, digest: Any, hash_file: Callable[[Path], bytes]) -> None:
        """Add everything that decides the mask to a digest."""
        ...


@dataclass(frozen=True)
class MaskFile:
    """A mask in an image file: pixels of one value, or all but 0."""

    path: Path
    value: int | None
    where: str

    def read(self) -> Mask:
        """The mask."""
        return read_mask(self.path, self.value)

    def update(self, digest: Any, hash_file: Callable[[Path], bytes]) -> None:
        """Add the file's content: masks are the user's own, also of a published data set."""
        digest.update(_hash_content(self.path))


@dataclass(frozen=True)
class Entry:
    """One image as its list names it.

    Attributes:
        row: Line of the list, as an editor counts.
        where: Row and column that name the image file, for messages.
        image: The file.
        id: Unique in the data set.
        patient: Who it is of.
        labels: 0 or 1 by target.
        metadata: Declared tags.
        regions: Masks by region; a region may be missing.
        quality: Of the masks, 0 to 1; None where unknown.
        split: Part of the data set it belongs to; empty where there is none.
    """

    row: int
    where: str
    image: Path
    id: str
    patient: str
    labels: Mapping[str, int]
    metadata: Mapping[str, str]
    regions: Mapping[str, RegionSource] = field(default_factory=dict)
    quality: float | None = None
    split: str = ""


class Problems:
    """What is wrong with rows: excluded where the card allows it, else collected."""

    def __init__(self, card: DatasetCard, path: Path) -> None:
        self._card, self.path = card, path
        self._found: list[str] = []
        self._curable = False
        self._counted: Counter[str] = Counter()
        self._excluded: list[str] = []

    def add(self, text: str) -> None:
        """Note something that must be corrected."""
        self._found.append(text)

    def add_bad_file(self, text: str) -> None:
        """Note a file that is missing or broken: the card may allow to leave its row out."""
        if self._card.on_bad_image == "exclude":
            self._excluded.append(f"{self.path.name} {text}")
        else:
            self._found.append(text)
            self._curable = True

    def leave_out(self, why: str) -> None:
        """Note a row that the protocol leaves out; such rows are counted, not listed."""
        self._counted[why] += 1

    @property
    def excluded(self) -> tuple[str, ...]:
        """Why rows were left out, for the report."""
        counted = (
            f"{number} rows of {self.path.name}: {why}"
            for why, number in sorted(self._counted.items())
        )
        return (*self._excluded, *counted)

    def raise_if_any(self) -> None:
        """Raise all that was noted at once.

        Raises:
            AuditError: If anything was.
        """
        if not self._found:
            return
        shown = "; ".join(self._found[:_SHOWN])
        rest = len(self._found) - _SHOWN
        more = f"; and {rest} more" if rest > 0 else ""
        remedy = f"correct {'the manifest' if self._card.reader == 'manifest' else 'these rows'}"
        if self._curable:
            remedy += f', or leave such rows out with on_bad_image = "exclude" in {self._card.path}'
        raise AuditError(f"{self.path}: {shown}{more}", remedy)


def build(
    card: DatasetCard,
    entries: Sequence[Entry],
    problems: Problems,
    *,
    published: bool = False,
    one_patient_one_split: bool = True,
    patients: Iterable[str] = (),
) -> Dataset:
    """Check a reader's entries and make the data set of them.

    Args:
        card: The card; its split, held-out patients, filter on metadata and rule on mask quality
            are applied.
        entries: Every image listed.
        problems: What the reader has found wrong so far.
        published: The files are a public release that does not change: names and sizes stand for
            their contents in the digest, as hashing a terabyte at each start would not do.
        one_patient_one_split: Refuse patients that are in two splits.
        patients: Everybody listed, where ``entries`` are filtered already: held-out patients are
            drawn from all of them.

    Raises:
        AuditError: If anything is wrong, all of it at once.
    """
    if one_patient_one_split:
        _refuse_patients_in_two_splits(problems.path, entries)
    side = None
    if card.holdout is not None and entries:
        # Of all patients listed: the cards of the two sides may filter and drop differently.
        listed = {*patients, *(entry.patient for entry in entries)}
        side = one_side(card.path, card.holdout, card.split, listed)
    chosen = [
        entry
        for entry in entries
        if _selected(card, entry) and (side is None or entry.patient in side)
    ]
    if not chosen:
        problems.raise_if_any()
        counted = "; ".join(problems.excluded[:_SHOWN])
        raise AuditError(
            f"{problems.path}: no row is left by split '{card.split}' and filter {card.filter}"
            + (f" ({counted})" if counted else ""),
            f"correct the keys 'split' and 'filter' of {card.path}",
        )
    _refuse_impossible_quality(card, chosen, problems)
    kept = [entry for entry in chosen if _present(entry, problems) and _good(card, entry, problems)]
    _refuse_duplicates(kept, problems)
    problems.raise_if_any()
    needed = {region for target in card.targets.values() for region in target.roi}
    cases = tuple(
        Case(
            id=entry.id,
            patient=entry.patient,
            labels=entry.labels,
            metadata=entry.metadata,
            quality=entry.quality,
            row=entry.row,
        )
        for entry in kept
    )
    return Dataset(
        card=card,
        digest=_digest(card, kept, published),
        cases=cases,
        read=lambda index: _read(card, problems.path, kept[index], needed),
        excluded=problems.excluded,
    )


def one_side(card: Path, holdout: Holdout, split: str | None, patients: Iterable[str]) -> set[str]:
    """The patients of one side of a random split (Sourget et al. 2024: 20 %, seed 1907).

    Args:
        card: The card's file, for messages.
        holdout: Share and seed.
        split: Which side: "test", or else the rest.
        patients: All of them, in any order and number.

    Raises:
        AuditError: If there are too few for two sides.
    """
    from sklearn.model_selection import GroupShuffleSplit

    groups = sorted(set(patients))
    splitter = GroupShuffleSplit(1, test_size=holdout.share, random_state=holdout.seed)
    try:
        train, test = next(splitter.split(groups, groups=range(len(groups))))
    except ValueError:
        raise AuditError(
            f"{card}: key 'holdout': {len(groups)} patients cannot be split in two",
            "check that the data set is complete, or drop the key",
        ) from None
    return {groups[index] for index in (test if split == "test" else train)}


def is_there(path: Path) -> bool:
    """Whether a file exists; False too for what no file can be called, such as a whole sentence."""
    try:
        return path.is_file()
    except (OSError, ValueError):
        return False


def _selected(card: DatasetCard, entry: Entry) -> bool:
    """Whether split and filter keep an entry; manifest columns are filtered by their reader."""
    if card.split is not None and card.holdout is None and entry.split != card.split:
        return False
    if card.reader == "manifest":
        return True
    for name, wanted in card.filter.items():
        if entry.metadata[name] not in ({wanted} if isinstance(wanted, str) else wanted):
            return False
    return True


def _refuse_patients_in_two_splits(path: Path, entries: Sequence[Entry]) -> None:
    seen: dict[str, Entry] = {}
    for entry in entries:
        first = seen.setdefault(entry.patient, entry) if entry.patient else entry
        if first.split != entry.split:
            raise AuditError(
                f"{path}: rows {first.row} and {entry.row} are of one patient, in the splits "
                f"'{first.split}' and '{entry.split}'",
                "split by patient: a model has seen the patients it was trained on",
            )


def _present(entry: Entry, problems: Problems) -> bool:
    files = [(entry.where, entry.image)]
    files += [
        (mask.where, mask.path) for mask in entry.regions.values() if isinstance(mask, MaskFile)
    ]
    for where, path in files:
        if not is_there(path):
            problems.add_bad_file(f"{where}: the file does not exist")
            return False
    return True


def _refuse_impossible_quality(
    card: DatasetCard, entries: Sequence[Entry], problems: Problems
) -> None:
    """Not a number passes every "at or below", and would weigh an image by nothing."""
    column = card.mask_quality.column if card.mask_quality else None
    named = f", column '{column}'" if column else ""
    for entry in entries:
        if entry.quality is not None and not 0 <= entry.quality <= 1:
            problems.add(f"row {entry.row}{named}: the mask quality is no number from 0 to 1")


def _good(card: DatasetCard, entry: Entry, problems: Problems) -> bool:
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


def _refuse_duplicates(entries: Sequence[Entry], problems: Problems) -> None:
    for what, key in (("id", lambda e: e.id), ("image", lambda e: str(e.image))):
        rows = defaultdict(list)
        for entry in entries:
            rows[key(entry)].append(entry.row)
        for same in rows.values():
            if len(same) > 1:
                problems.add(f"rows {', '.join(map(str, same))} have the same {what}")


def _read(card: DatasetCard, path: Path, entry: Entry, needed: set[str]) -> Sample:
    def bad(where: str, why: str) -> BadImage:
        return BadImage(
            f"{path.name} {where}: {why}",
            f'mend the file, or leave such rows out with on_bad_image = "exclude" in {card.path}',
        )

    try:
        image = read_image(entry.image, card.dicom_frame)
    except (ValueError, OSError) as error:
        why = f"cannot be read ({error.strerror})" if isinstance(error, OSError) else error
        raise bad(entry.where, f"the image {why}") from None
    regions = {}
    for name, source in entry.regions.items():
        try:
            mask = source.read()
        except (ValueError, OSError) as error:
            why = f"cannot be read ({error.strerror})" if isinstance(error, OSError) else error
            raise bad(source.where, f"the mask {why}") from None
        if mask.shape != image.shape[:2]:
            raise bad(
                source.where,
                f"the mask is {mask.shape[1]} x {mask.shape[0]} pixels, the image "
                f"{image.shape[1]} x {image.shape[0]}",
            )
        if name in needed and not mask.any():
            raise bad(source.where, "the mask is empty")
        regions[name] = mask
    if missing := sorted(needed - set(regions)):
        raise bad(entry.where, f"the image has no mask of {', '.join(missing)}")
    return Sample(image, regions)


def _digest(card: DatasetCard, entries: Sequence[Entry], published: bool) -> str:
    content = card.model_dump(
        mode="json",
        include={
            "reader",
            "columns",
            "files",
            "targets",
            "regions",
            "metadata",
            "mask_quality",
            "dicom_frame",
            "on_bad_image",
        },
    )
    digest = hashlib.sha256(json.dumps(content, sort_keys=True).encode())
    hash_file = _hash_size if published else _hash_content
    for entry in entries:
        said = {
            "row": [entry.row, entry.id, entry.patient, entry.split, entry.quality],
            "labels": dict(entry.labels),
            "metadata": dict(entry.metadata),
        }
        digest.update(json.dumps(said, sort_keys=True).encode())
        digest.update(hash_file(entry.image))
        for name, source in sorted(entry.regions.items()):
            digest.update(name.encode())
            source.update(digest, hash_file)
    return digest.hexdigest()


def _hash_content(path: Path) -> bytes:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").digest()


def _hash_size(path: Path) -> bytes:
    return f"{path.name} {path.stat().st_size}".encode()
