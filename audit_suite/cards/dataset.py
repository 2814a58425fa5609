"""The card of a data set: its files or phantom, targets with their ROI, regions, metadata."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, model_validator

from audit_suite.cards.common import Card, Name, Part, with_path
from audit_suite.cards.phantom import PhantomSpec
from audit_suite.toml_files import read_toml


class Target(Part):
    """One class: its label column, and the regions where a reader would look for it."""

    column: str | None = None
    roi: tuple[Name, ...] = ()
    roi_margin: Annotated[int, Field(ge=0)] | None = None
    """How far disease may reach beyond the drawn ROI: pixels of a frame of 512 (C12)."""
    description: str = ""


class RegionColumn(Part):
    """A region drawn in mask files: non-zero pixels (or exactly ``value``) belong to it."""

    column: str
    value: int | None = None


class Columns(Part):
    """Which manifest columns hold the image file, the patient, the split and the image's id."""

    image: str = "image"
    patient: str = "patient_id"
    split: str | None = None
    id: str | None = None


class Holdout(Part):
    """A share of the patients set aside by chance; ``split`` says which side is audited."""

    share: Annotated[float, Field(gt=0, lt=1)] = 0.2
    seed: int = 1907


class MaskQuality(Part):
    """How good the masks are, and what follows: poor ones are dropped, weighed or kept apart.

    ``drop`` leaves images at or below ``minimum`` out; ``weight`` counts an image by its quality;
    ``stratify`` compares images above ``minimum`` among themselves, and the rest among themselves.
    """

    rule: Literal["drop", "weight", "stratify"] = "drop"
    minimum: Annotated[float, Field(ge=0, lt=1)] = 0.7
    column: str | None = None
    """Manifest column; readers of published masks know their own."""
    source: str = ""
    """Who or what drew the masks."""


_FILES: dict[str, tuple[set[str], set[str]]] = {
    "padchest": ({"labels", "images"}, {"masks", "invalid"}),
    "chestxray14": ({"labels", "images"}, {"masks", "test_list"}),
    "chaksu": (set(), set()),
    "airogs": ({"labels"}, {"masks"}),
    "dicom": ({"labels"}, {"masks"}),
}
"""Keys of ``files`` by reader: those needed, those allowed beside."""


class DatasetCard(Card):
    """A data set as it is audited: files or phantom, targets with their ROI, regions, metadata.

    ``manifest`` reads a CSV of one row an image; ``phantom`` draws synthetic patients; the other
    readers take public data sets, and folders of DICOM files, as their owners lay them out.
    """

    reader: Literal["manifest", "phantom", "padchest", "chestxray14", "chaksu", "airogs", "dicom"]
    modality: str = ""
    licence: str = ""
    citation: str = ""
    root: str = "."
    manifest: str | None = None
    files: dict[str, str] = Field(default_factory=dict)
    """Paths relative to ``root``, by what they hold (labels, images, masks ...)."""
    split: str | None = None
    holdout: Holdout | None = None
    internal: str | None = None
    """Card of the data set that this one is external to: the model was made on its like."""
    references: str | None = None
    """Card of the data set whose images stand for "absent" where a model is explained; without it
    images of this one, of patients that are not explained."""
    columns: Columns = Columns()
    targets: Annotated[dict[Name, Target], Field(min_length=1)]
    regions: dict[Name, RegionColumn] = Field(default_factory=dict)
    metadata: tuple[str, ...] = ()
    """Manifest columns; ``dicom.NAME`` is a tag of the image file (`datasets.dicom.METADATA`)."""
    mask_quality: MaskQuality | None = None
    dicom_frame: Annotated[int, Field(ge=0)] | None = None
    filter: dict[str, str | tuple[str, ...]] = Field(default_factory=dict)
    maskings: tuple[str, ...] = ()
    """What checks over ``MASKINGS`` run on; empty for the paper's five."""
    on_bad_image: Literal["error", "exclude"] = "error"
    phantom: PhantomSpec | None = None

    @model_validator(mode="after")
    def _consistent(self) -> DatasetCard:
        if self.reader in _FILES:
            needed, allowed = _FILES[self.reader]
            if missing := sorted(needed - set(self.files)):
                raise ValueError(f"reader '{self.reader}' needs {missing} under 'files'")
            if unknown := sorted(set(self.files) - needed - allowed):
                raise ValueError(
                    f"'files' names {unknown}; reader '{self.reader}' knows "
                    f"{sorted(needed | allowed)}"
                )
        elif {"manifest": self.manifest, "phantom": self.phantom}[self.reader] is None:
            raise ValueError(f"reader '{self.reader}' needs the key '{self.reader}'")
        if self.holdout is not None:
            if self.split not in ("train", "test") or self.columns.split is not None:
                raise ValueError("'holdout' needs split = 'train' or 'test', and no columns.split")
        elif self.split is not None and self.columns.split is None and self.reader == "manifest":
            raise ValueError("'split' needs 'columns.split', the manifest column that holds it")
        if self.reader == "manifest":
            for name, target in self.targets.items():
                if target.column is None:
                    raise ValueError(f"'targets.{name}' needs 'column', its label column")
                if unknown := sorted(set(target.roi) - set(self.regions)):
                    raise ValueError(f"'targets.{name}.roi' names {unknown}, not among 'regions'")
        return self


def load_dataset_card(path: str | Path) -> DatasetCard:
    """Read and validate a data set card.

    Raises:
        AuditError: If the file is missing, no TOML, or breaks the card's schema; names the key.
    """
    return with_path(read_toml(Path(path), DatasetCard, "data set card"), path)


def internal_card(card: DatasetCard) -> DatasetCard | None:
    """The card of the data set that a card's is external to, if it names one.

    Raises:
        AuditError: If that card is missing or wrong.
    """
    return None if card.internal is None else load_dataset_card(card.resolve(card.internal))
