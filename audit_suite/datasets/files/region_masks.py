"""From the regions of a card to the masks of its images."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np

from audit_suite.cards import DatasetCard, MaskSpec
from audit_suite.datasets.files.entry import Entry, Mask, Regions, RegionSource, nothing
from audit_suite.datasets.files.mask_format import Find
from audit_suite.datasets.files.population import Population, PopulationMask
from audit_suite.datasets.files.problems import Problems
from audit_suite.datasets.once import kept_once
from audit_suite.errors import AuditError
from audit_suite.registry import MASK_FORMATS


def with_regions(card: DatasetCard, entries: list[Entry], problems: Problems) -> list[Entry]:
    """Give entries the masks of the card's regions, in place of a reader's of the same name.

    Entries that lack a mask which a target needs, and which the card does not replace, are noted
    as problems and left out.

    Args:
        card: The card.
        entries: The images; the list is emptied. Those that are returned have no ``columns``.
        problems: Where to note what is wrong.

    Raises:
        AuditError: If a file that all images share is missing or wrong.
    """
    in_order = sorted(card.regions, key=lambda name: bool(card.regions[name].made_of))
    finders = {name: _finder(card, name) for name in in_order}
    masked = []
    once: Callable[[tuple[str, ...]], tuple[str, ...]] = kept_once(tuple)
    entries.reverse()
    while entries:
        entry = _with_masks(card, entries.pop(), finders, problems)
        if entry is not None:
            regions = Regions(once(tuple(entry.regions)), tuple(entry.regions.values()))
            masked.append(replace(entry, regions=regions, columns=nothing()))
    return masked


def with_population(card: DatasetCard, entries: Sequence[Entry], problems: Problems) -> list[Entry]:
    """Give all entries one region where the card wants the population's.

    Args:
        card: The card.
        entries: The images that are audited: the population.
        problems: Where to note, for the report, which regions are one for all images.

    Raises:
        AuditError: If none has a mask of such a region.
    """
    kept = list(entries)
    for name, spec in card.regions.items():
        if not spec.is_shared:
            continue
        if not isinstance(spec, MaskSpec):
            problems.note(
                f"region '{name}' is drawn once in the frame of all images: it holds some "
                f"background, and may leave out some anatomy"
            )
            continue
        drawn = [(entry.image, entry.regions[name]) for entry in kept if name in entry.regions]
        if not drawn:
            raise AuditError(
                f"{card.path}: no image has a mask of 'regions.{name}', so there is no population "
                f"to draw the region from",
                "correct the keys that find its masks",
            )
        problems.note(
            f"region '{name}' is one for all images, of the {len(drawn)} of {len(kept)} that have "
            f"a mask of their own: it is larger than what they show"
        )
        population = Population(f"{card.path}: regions.{name}", drawn)
        kept = [
            replace(
                entry,
                regions={
                    **entry.regions,
                    name: PopulationMask(entry.where, population, entry.regions.get(name)),
                },
            )
            for entry in kept
        ]
    return kept


def read_region(card: DatasetCard, name: str, source: RegionSource, shape: tuple[int, int]) -> Mask:
    """The mask of one region of one image.

    Args:
        card: The data set's card.
        name: The region.
        source: Where its mask comes from.
        shape: Height and width of the image.

    Returns:
        A mask of any shape (H, W).

    Raises:
        ValueError: If it cannot be read; the message says why.
        OSError: If its file cannot be read.
        AuditError: If an extension's format raises anything else, or returns no mask.
    """
    if name not in card.regions:
        return source.read(shape)
    format = card.regions[name].format
    wrong: ValueError | OSError | None = None
    with MASK_FORMATS.blaming(format):
        try:
            mask = source.read(shape)
        except (ValueError, OSError) as error:  # the mask is wrong, not its format
            wrong = error
    if wrong is not None:
        raise wrong
    if getattr(mask, "dtype", None) != np.bool_ or mask.ndim != 2:
        raise MASK_FORMATS.misbehaved(format, "does not return a mask of truth values")
    return mask


def format_code(card: DatasetCard) -> list[tuple[str, str]]:
    """Fingerprints of the extensions' mask formats that a card uses; they decide its masks."""
    used = sorted({spec.format for spec in card.regions.values()})
    prints = [(name, MASK_FORMATS.fingerprint(name)) for name in used]
    return [(name, fingerprint) for name, fingerprint in prints if fingerprint]


def _finder(card: DatasetCard, name: str) -> Find:
    spec = card.regions[name]
    with MASK_FORMATS.blaming(spec.format):
        find: Find = MASK_FORMATS[spec.format].open(card, name, spec)
    return find


def _with_masks(
    card: DatasetCard, entry: Entry, finders: dict[str, Find], problems: Problems
) -> Entry | None:
    """An image with its masks; None if one is lacking that a target needs.

    Args:
        card: The card.
        entry: The image, with the masks that its reader gives.
        finders: By region; one that is made of others comes after them.
        problems: Where to note what is wrong.
    """
    for name, find in finders.items():
        mask: RegionSource | str | None = None
        with MASK_FORMATS.blaming(card.regions[name].format):
            try:
                mask = find(entry)
            except ValueError as error:
                problems.add(f"{entry.where}: 'regions.{name}' {error}")
        if mask is None:
            continue
        if not isinstance(mask, str):
            entry = replace(entry, regions={**entry.regions, name: mask})
        elif name in card.roi_regions and not card.regions[name].is_shared:
            problems.add_bad_file(mask)
            return None
    return entry
