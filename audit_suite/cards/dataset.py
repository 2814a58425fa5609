"""The card of a data set: its files or phantom, targets with their ROI, regions, metadata."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, field_validator, model_validator

from audit_suite.cards.common import Card, Name, Once, Part, with_path
from audit_suite.cards.names import RegionName
from audit_suite.cards.phantom import PhantomSpec
from audit_suite.cards.regions import Region
from audit_suite.cards.target import Target
from audit_suite.registry import READERS
from audit_suite.toml_files import read_toml


class Columns(Part):
    """What the columns of the table are called.

    Of a table beside DICOM files only ``patient`` counts, where it has these columns: it replaces
    the headers' ids.
    """

    image: str = "image"
    """The column of the image file, relative to ``root``."""
    patient: str | Annotated[tuple[str, ...], Field(min_length=1), Once] = "patient_id"
    """The column of the patient, or a list of columns that identify a patient together, such as
    hospital and number."""
    split: str | None = None
    """The column of the part (train, test ...); the key ``split`` of the card chooses one."""
    id: str | None = None
    """The column of the image's id; without it, the image file is the id."""
    burned_in: str | None = None
    """A column of yes and no: whether text is burned into the image."""

    @property
    def patients(self) -> tuple[str, ...]:
        """The columns that identify a patient together."""
        return (self.patient,) if isinstance(self.patient, str) else self.patient


class Holdout(Part):
    """A random share of the patients is held out; ``split`` selects the audited side."""

    share: Annotated[float, Field(gt=0, lt=1)] = 0.2
    """The share of patients that is held out."""
    seed: int = 1907
    """The seed of the draw."""


class MaskQuality(Part):
    """The quality of the masks, and what to do with poor ones."""

    rule: Literal["drop", "weight", "stratify"] = "drop"
    """``drop`` leaves out images at or below ``minimum``; ``weight`` weights an image by its
    quality; ``stratify`` compares images only with those on the same side of ``minimum``."""
    minimum: Annotated[float, Field(ge=0, lt=1)] = 0.7
    """The quality at or below which a mask is poor."""
    column: str | None = None
    """Manifest column; readers of published masks know their own column."""
    source: str = ""
    """Who or what drew the masks."""


class ExpectedMasks(Part):
    """What is odd about the masks by design; where nobody says so, C14 takes it for a fault."""

    surrounding: Annotated[tuple[Name, ...], Once] = ()
    """Regions along most of the frame's edge, such as a background."""
    shared: Annotated[tuple[Name, ...], Once] = ()
    """Regions drawn once for many patients, such as a template."""
    source: Annotated[str, Field(min_length=1)]
    """Who says so: a protocol, the person who drew them."""


class DatasetCard(Card):
    """A data set as it is audited: files or phantom, targets with their ROI, regions, metadata.

    The reader decides which other keys a card needs: ``manifest`` reads a CSV with one row per
    image, ``phantom`` draws synthetic patients, and others take public data sets and folders of
    DICOM files as published. Extensions may register more (`audit_suite.registry.READERS`).
    """

    reader: str
    """How the data are read: ``manifest``, ``dicom``, ``phantom``, or a public data set by name."""
    modality: str = ""
    """The kind of image, in words."""
    licence: str = ""
    """The licence of the data."""
    citation: str = ""
    """The publication of the data."""
    root: str = "."
    """The folder of the images, relative to the card."""
    manifest: str | None = None
    """The table with one row per image (reader ``manifest``), relative to ``root``."""
    files: dict[str, str] = Field(default_factory=dict)
    """Paths relative to ``root``, by what they hold (labels, images, masks ...)."""
    delimiter: Literal[",", ";", "\t", "|"] | None = None
    """What separates the columns of the table; without it, the header line shows which."""
    split: str | None = None
    """The part of the data that is audited, as the split's column, the reader or ``holdout`` calls
    it."""
    holdout: Holdout | None = None
    """A random share of the patients as the part ``test``, where the data have no parts."""
    internal: str | None = None
    """Card of the internal data set, like that of the model's development; this one is external."""
    training: str | None = None
    """Card of the images that models were trained on, as of another split of the same table: images
    that look the same as one of these are found (C17-training)."""
    unlabelled: bool = False
    """Whether images may lack labels, and the table their columns: new cases, which
    ``audit-suite watch`` compares with an audited data set. Checks that need labels leave such
    images out."""
    audited: str | None = None
    """Card of the data set of the audit with which these new cases are compared; ``audit-suite
    watch`` takes it from the baseline."""
    watch_by: Annotated[tuple[str, ...], Once] = ()
    """Tags of ``metadata``, such as the site, by whose values new cases are compared too."""
    near_duplicates: Literal["report", "exclude"] = "report"
    """What to do with images that look the same as one of another patient or of ``training``:
    report them (C17), or leave all but the first out, which decodes every image before the audit.
    """
    references: str | None = None
    """Card of the data set whose images serve as references in explanations; without it, images of
    this data set whose patients are not explained."""
    columns: Columns = Columns()
    """What the columns of the table are called."""
    targets: Annotated[dict[Name, Target], Field(min_length=1)]
    """The findings by name; a model is audited on those that its card names too."""
    regions: dict[RegionName, Region] = Field(default_factory=dict)
    """Parts of the image by name, and how their masks are kept."""
    metadata: Annotated[tuple[str, ...], Once] = ()
    """Manifest columns; ``dicom.NAME`` is a tag of the image file (`dicom_tags.METADATA`)."""
    legitimate: dict[str, Annotated[str, Field(min_length=1)]] = Field(default_factory=dict)
    """Of ``metadata`` the tags that report the disease itself, such as its severity, each with the
    reason: the model may follow them, so what they explain of its skill is shown and not judged."""
    mask_quality: MaskQuality | None = None
    """What to do with poor masks."""
    masks: ExpectedMasks | None = None
    """What is odd about the masks by design."""
    dicom_frame: Annotated[int, Field(ge=0)] | None = None
    """The frame, from 0, that is read of DICOM files with several."""
    filter: dict[str, str | tuple[str, ...]] = Field(default_factory=dict)
    """Columns and the value, or list of values, that a row must have to be audited."""
    maskings: Annotated[tuple[str, ...], Once] = ()
    """The maskings that checks over ``MASKINGS`` run on; empty for the paper's five."""
    on_bad_image: Literal["error", "exclude"] = "error"
    """What to do with an image that cannot be used: stop, or leave it out and list its row."""
    repeated_images: Literal["cluster", "error"] = "cluster"
    """What to do with equal image files under several patients: count these as one patient, or
    refuse the data set."""
    follow_links: bool = False
    """Whether symbolic links may lead out of ``root`` and of what ``files`` names."""
    burned_in: bool = False
    """Whether text is burned into the images, so that people never see them in reports and packs;
    DICOM files say so themselves, and ``columns.burned_in`` for each image."""
    phantom: PhantomSpec | None = None
    """Settings of synthetic patients (reader ``phantom``)."""

    @property
    def roi_regions(self) -> frozenset[str]:
        """The regions that any target names as its ROI: every audited image needs them."""
        return frozenset(name for target in self.targets.values() for name in target.roi)

    def as_drawn(self, names: Collection[str]) -> frozenset[str]:
        """Some regions, with those that are made of others replaced by these others."""
        made = {name: self.regions[name].made_of for name in names if name in self.regions}
        return frozenset(part for name in names for part in made.get(name) or (name,))

    @property
    def table_keys(self) -> tuple[str, ...]:
        """The keys that say how a table of the user's own is written, as far as they are used."""
        keys = [f"targets.{name}.{key}" for name, one in self.targets.items() for key in one.said]
        keys += ["delimiter"] if self.delimiter else []
        keys += ["columns.patient"] if len(self.columns.patients) > 1 else []
        return tuple(keys)

    @property
    def shared_regions(self) -> frozenset[str]:
        """The regions that are drawn once for many images, by the card's ``masks`` or by design."""
        named = self.masks.shared if self.masks else ()
        return frozenset(named) | self.one_region_for_all

    @property
    def one_region_for_all(self) -> frozenset[str]:
        """The regions that all images have alike: drawn in the frame, or the population's."""
        return frozenset(name for name, region in self.regions.items() if region.is_shared)

    @field_validator("reader")
    @classmethod
    def _registered(cls, name: str) -> str:
        if name not in READERS:
            known = ", ".join(sorted(READERS))
            raise ValueError(f"there is no data set reader '{name}'; known: {known}")
        return name

    @model_validator(mode="after")
    def _consistent(self) -> DatasetCard:
        reader = READERS[self.reader]
        needed, optional = set(reader.needed_files), set(reader.optional_files)
        if missing := sorted(needed - set(self.files)):
            raise ValueError(f"reader '{self.reader}' needs {missing} under 'files'")
        if unknown := sorted(set(self.files) - needed - optional):
            raise ValueError(
                f"'files' names {unknown}; reader '{self.reader}' knows {sorted(needed | optional)}"
            )
        if self.holdout is not None and (
            self.split not in ("train", "test") or self.columns.split is not None
        ):
            raise ValueError("'holdout' needs split = 'train' or 'test', and no columns.split")
        expected = self.masks.surrounding + self.masks.shared if self.masks else ()
        if unknown := sorted(set(self.legitimate) - set(self.metadata)):
            raise ValueError(
                f"'legitimate' names {unknown}, which 'metadata' does not: name declared tags"
            )
        if unknown := sorted(set(self.watch_by) - set(self.metadata)):
            raise ValueError(
                f"'watch_by' names {unknown}, which 'metadata' does not: name declared tags"
            )
        if unknown := sorted(set(expected) - self.as_drawn(self.roi_regions) - set(self.regions)):
            raise ValueError(f"'masks' names {unknown}, which are neither 'regions' nor a 'roi'")
        for name, target in self.targets.items():
            if target.finding in self.one_region_for_all | self.roi_regions:
                raise ValueError(
                    f"'targets.{name}.finding' is '{target.finding}', which images without the "
                    f"finding have too: name a region of its own, with masks where the finding is"
                )
            known = set(self.regions) | self.as_drawn(self.regions)
            if self.regions and target.finding is not None and target.finding not in known:
                raise ValueError(
                    f"'targets.{name}.finding' is '{target.finding}', which is none of 'regions'"
                )
        _refuse_regions_made_in_two_steps(self)
        _require_what_its_reader_needs(self)
        return self


def _refuse_regions_made_in_two_steps(card: DatasetCard) -> None:
    for name, region in card.regions.items():
        for part in region.made_of:
            if part == name or (part in card.regions and card.regions[part].made_of):
                raise ValueError(
                    f"'regions.{name}' is made of '{part}', which has no masks of its own: name "
                    f"the regions that have"
                )
            if part in card.one_region_for_all:
                raise ValueError(
                    f"'regions.{name}' is made of '{part}', which is one region for all images: "
                    f"draw that one as large as is meant"
                )


def _require_what_its_reader_needs(card: DatasetCard) -> None:
    wrong: ValueError | None = None
    with READERS.blaming(card.reader):
        try:
            READERS[card.reader].check(card)
        except ValueError as error:  # the card is wrong, not the reader
            wrong = error
    if wrong is not None:
        raise wrong


def load_dataset_card(path: str | Path) -> DatasetCard:
    """Read and validate a data set card.

    Raises:
        AuditError: If the file is missing, is not TOML, or breaks the card's schema; names the key.
    """
    return with_path(read_toml(Path(path), DatasetCard, "data set card"), path)


class _Undrawn(DatasetCard):
    """A card of which nothing about regions counts: they are yet to be drawn."""

    @model_validator(mode="before")
    @classmethod
    def _without_regions(cls, content: Any) -> Any:
        kept = {k: v for k, v in content.items() if k not in ("regions", "masks", "mask_quality")}
        if isinstance(targets := kept.get("targets"), dict):
            kept["targets"] = {
                name: {k: v for k, v in target.items() if k not in ("roi", "roi_margin")}
                if isinstance(target, dict)
                else target
                for name, target in targets.items()
            }
        return kept


def load_undrawn_card(path: str | Path) -> DatasetCard:
    """Read a data set card whose targets may name regions that it does not have yet.

    Raises:
        AuditError: As `load_dataset_card`, but for what is about regions, which is passed over.
    """
    return with_path(read_toml(Path(path), _Undrawn, "data set card"), path)


def audited_card(card: DatasetCard) -> DatasetCard | None:
    """The card of the data set that new cases are compared with, if their card names one.

    Raises:
        AuditError: If that card is missing or wrong.
    """
    return None if card.audited is None else load_dataset_card(card.resolve(card.audited))


def internal_card(card: DatasetCard) -> DatasetCard | None:
    """The card of the data set that this one is external to, if it names one.

    Raises:
        AuditError: If that card is missing or wrong.
    """
    return None if card.internal is None else load_dataset_card(card.resolve(card.internal))
