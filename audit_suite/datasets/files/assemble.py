"""From a reader's entries to a data set: select, check, and decode images when asked for."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from pathlib import Path

from audit_suite.cards import DatasetCard
from audit_suite.datasets.dataset import BadImage, Case, Dataset, Sample
from audit_suite.datasets.dicom import shows_burned_in
from audit_suite.datasets.files.checks import (
    faults_of_files,
    has_files,
    has_good_masks,
    refuse_duplicates,
    refuse_impossible_quality,
    refuse_patients_in_two_splits,
)
from audit_suite.datasets.files.copies import without_copies
from audit_suite.datasets.files.digest import contents_by, entries_digest
from audit_suite.datasets.files.entry import Entry, ImageFiles, Mask, RegionSource
from audit_suite.datasets.files.labels import note_rules, with_labels
from audit_suite.datasets.files.paths import homes
from audit_suite.datasets.files.problems import SHOWN, Problems
from audit_suite.datasets.files.region_masks import read_region, with_population, with_regions
from audit_suite.datasets.images import read_image
from audit_suite.datasets.reading import Reading
from audit_suite.datasets.selection import one_side, passes_filter
from audit_suite.errors import AuditError


def dataset_from(
    card: DatasetCard,
    entries: list[Entry],
    problems: Problems,
    *,
    published: bool = False,
    filtered_from: Collection[str] | None = None,
    elsewhere: Sequence[str] = (),
) -> Dataset:
    """Make a data set of a reader's entries.

    The card's split, holdout, filter and rule on mask quality are applied.

    Args:
        card: The card.
        entries: Every image listed, or those that pass the filter if the reader has applied it.
            The list is emptied: what is no longer needed of an image is not held any longer.
        problems: What the reader has noted so far.
        published: The files are a public release that does not change: names and sizes stand for
            their contents in the digest, because hashing a terabyte at each start takes too long.
        filtered_from: If the reader has applied the filter, the patients of all rows: held-out
            patients are drawn from them.
        elsewhere: Image files of other splits that are not among the entries, below the card's
            root or as whole paths.

    Raises:
        AuditError: If anything is wrong, all of it at once.
    """
    splits = ((entry.row, entry.patient, entry.split) for entry in entries)
    refuse_patients_in_two_splits(problems.path, splits)
    chosen = _select(card, entries, filtered_from)
    others = [] if published else [*elsewhere, *_other_split(card, entries, chosen)]
    entries.clear()
    audited = chosen if card.unlabelled else with_labels(chosen, problems)
    del chosen
    if not audited:
        problems.raise_if_any()
        counted = "; ".join(problems.excluded[:SHOWN])
        raise AuditError(
            f"{problems.path}: no row is left after split '{card.split}' and filter {card.filter}"
            + (f" ({counted})" if counted else ""),
            f"correct the keys 'split' and 'filter' of {card.path}",
        )
    refuse_impossible_quality(card, audited, problems)
    fault_of = faults_of_files(homes(card))
    kept = [
        entry
        for entry in with_regions(card, audited, problems)
        if has_files(entry, fault_of, problems) and has_good_masks(card, entry, problems)
    ]
    refuse_duplicates(kept, problems)
    if not published:
        kept = without_copies(card, kept, others, problems)
    problems.raise_if_any()
    note_rules(card, kept, problems)
    kept = with_population(card, kept, problems)
    # All else that entries hold is in the cases, or done; by column it takes a third of the memory.
    columns = [[getattr(entry, name) for entry in kept] for name in ImageFiles._fields]

    def files(index: int) -> ImageFiles:
        return ImageFiles(*(column[index] for column in columns))

    content_of = contents_by(card)
    return Dataset(
        card=card,
        digest=entries_digest(card, kept, published),
        cases=tuple(_case(card, entry, published) for entry in kept),
        read=Reading(
            lambda index: _read(card, problems.path, files(index)),
            lambda index: content_of(files(index)),
        ),
        excluded=problems.excluded,
        notes=problems.notes,
    )


def _select(
    card: DatasetCard, entries: Sequence[Entry], filtered_from: Collection[str] | None
) -> list[Entry]:
    chosen = list(entries)
    if card.holdout is not None and entries:
        # Of all patients listed: the cards of the two sides may filter and drop differently.
        patients = {*(filtered_from or ()), *(entry.patient for entry in entries)}
        side = one_side(card.path, card.holdout, card.split, patients)
        chosen = [entry for entry in chosen if entry.patient in side]
    elif card.split is not None:
        chosen = [entry for entry in chosen if entry.split == card.split]
    if filtered_from is None:
        chosen = [entry for entry in chosen if passes_filter(card, entry.metadata)]
    return chosen


def _other_split(card: DatasetCard, entries: Sequence[Entry], chosen: Sequence[Entry]) -> list[str]:
    """Images that the card's split or holdout, not its filter, keeps from being audited."""
    if card.holdout is not None:
        here = {entry.patient for entry in chosen}
        return [str(entry.image) for entry in entries if entry.patient not in here]
    if card.split is None:
        return []
    return [str(entry.image) for entry in entries if entry.split != card.split]


def _case(card: DatasetCard, entry: Entry, published: bool) -> Case:
    marked = entry.burned_in
    if marked is None:
        marked = not published and shows_burned_in(entry.image)
    return Case(
        id=entry.id,
        patient=entry.patient,
        labels=entry.labels,
        metadata=entry.metadata,
        quality=entry.quality,
        row=entry.row,
        burned_in=card.burned_in or marked,
    )


def _read(card: DatasetCard, path: Path, entry: ImageFiles) -> Sample:
    def bad(where: str, why: str) -> BadImage:
        return BadImage(
            f"{path.name} {where}: {why}",
            f'fix the file, or leave such rows out with on_bad_image = "exclude" in {card.path}',
        )

    def mask_of(name: str, source: RegionSource, shape: tuple[int, int]) -> Mask:
        try:
            return read_region(card, name, source, shape)
        except (ValueError, OSError) as error:
            raise bad(source.where, f"the mask {_why(error)}") from None

    try:
        image = read_image(entry.image, card.dicom_frame)
    except (ValueError, OSError) as error:
        raise bad(entry.where, f"the image {_why(error)}") from None
    regions = {}
    for name, source in entry.regions.items():
        height, width = image.shape[:2]
        mask = mask_of(name, source, (height, width))
        if mask.shape != (height, width):
            turned = ": its rows and columns are exchanged" if mask.shape == (width, height) else ""
            raise bad(
                source.where,
                f"the mask is {mask.shape[1]} x {mask.shape[0]} pixels, the image {width} x "
                f"{height}{turned}",
            )
        if name in card.roi_regions and not mask.any():
            raise bad(source.where, "the mask is empty")
        regions[name] = mask
    if missing := sorted(card.roi_regions - set(regions)):
        raise bad(entry.where, f"the image has no mask of {', '.join(missing)}")
    return Sample(image, regions, entry.image)


def _why(error: ValueError | OSError) -> str:
    """Why a file cannot be read; an OSError's own text would give its name away."""
    return f"cannot be read ({error.strerror})" if isinstance(error, OSError) else str(error)
