"""Model and data set cards: TOML files that say what is audited, validated key by key."""

from __future__ import annotations

import hashlib
import json
import os
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    PrivateAttr,
    SerializerFunctionWrapHandler,
    model_serializer,
    model_validator,
)

from audit_suite.errors import AuditError
from audit_suite.toml_files import read_toml

Name = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9._-]*$", max_length=64)]
Share = Annotated[float, Field(ge=0, le=1)]


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class _Card(_Part):
    """What both kinds of card share: a name, the file they came from, a digest of the content."""

    schema_version: Literal[1] = Field(alias="schema")
    name: Name
    description: str = ""
    margins: dict[str, MarginEntry] = Field(default_factory=dict)
    _path: Path = PrivateAttr(default=Path("card.toml"))

    @property
    def path(self) -> Path:
        """The file this card was read from."""
        return self._path

    def __hash__(self) -> int:
        return hash((self.name, self._path))

    def resolve(self, path: str) -> Path:
        """Make a path of the card absolute: variables expanded, relative to the card's folder.

        Raises:
            AuditError: If the path names an environment variable that is not set.
        """
        expanded = os.path.expandvars(path)
        if "$" in expanded:
            raise AuditError(
                f"{self.path}: the path '{path}' uses an environment variable that is not set",
                "set it, for example `export AUDIT_REAL_DATA=/data`, or write the path out",
            )
        return (self.path.parent / Path(expanded).expanduser()).resolve()

    def digest(self) -> str:
        """SHA-256 of the card's content; independent of the file's place and layout."""
        return canonical_digest(self.model_dump(mode="json", by_alias=True))


class MarginEntry(_Part):
    """A margin pre-registered for one check, with where it comes from."""

    value: float
    source: str


class Claim(_Part):
    """What the maker claims for one target; R1 holds the model to it."""

    auroc: Annotated[float, Field(gt=0.5, lt=1)]
    source: str


class InputSpec(_Part):
    """How a decoded image becomes the model's input: geometry first, then intensities.

    ``scale = "unit"`` divides by the bit depth's maximum, ``"image_max"`` by the image's own
    maximum (the paper's); ``mean`` and ``std`` are applied afterwards, per channel.
    """

    size: tuple[Annotated[int, Field(ge=8)], Annotated[int, Field(ge=8)]]
    channels: Literal[1, 3] = 3
    resize: Literal["pad", "stretch", "crop"] = "pad"
    scale: Literal["unit", "image_max"] = "unit"
    mean: tuple[float, ...] = (0.0,)
    std: tuple[Annotated[float, Field(gt=0)], ...] = (1.0,)

    @model_validator(mode="after")
    def _lengths(self) -> InputSpec:
        for key in ("mean", "std"):
            if len(getattr(self, key)) not in (1, self.channels):
                raise ValueError(f"'{key}' needs 1 or {self.channels} numbers (one a channel)")
        return self


class ParitySpec(_Part):
    """Golden files: what the release pipeline makes of images, to hold the audit's input to.

    ``expected`` is a safetensors file with one array an image, (C, H, W) as it enters the model,
    under the image's path as written in ``images`` or its file name.
    """

    images: Annotated[tuple[str, ...], Field(min_length=1)]
    expected: str
    tolerance: Annotated[float, Field(ge=0)] = 0.0


class ModelCard(_Card):
    """A model as it ships: where its weights are and how it wants its input.

    ``loader`` says how it is loaded: ``architecture`` (a state dict put into
    ``torchvision:NAME`` or ``package.module:factory``), ``export`` (torch.export archive),
    ``torchscript``, or ``callable`` (``package.module:function`` or ``file.py:function`` returning
    a module). ``weights`` lists one file, ``folds`` one a fold; each fold is audited on its own.
    """

    targets: Annotated[tuple[Name, ...], Field(min_length=1)]
    loader: Literal["architecture", "export", "torchscript", "callable"]
    architecture: str | None = None
    arguments: dict[str, Any] = Field(default_factory=dict)
    weights: str | None = None
    folds: tuple[str, ...] = ()
    activation: Literal["sigmoid", "softmax", "none"] = "sigmoid"
    embedding_layer: str | None = None
    head: str | None = None
    """Last layer, where scores are it applied to the embedding: models of one trunk share that."""
    held_out: str | None = None
    """Tag of the data set that names, from 0, the fold that never saw the image."""
    input: InputSpec
    claims: dict[Name, Claim] = Field(default_factory=dict)
    parity: ParitySpec | None = None
    datasets: tuple[Name, ...] = ()
    """Data sets this model is audited on, by name; empty for all that share a target."""
    study: Name | None = None
    trained_on: str | None = None
    """Masking it was trained on, by its id, where it belongs to a masking study."""

    @model_validator(mode="after")
    def _consistent(self) -> ModelCard:
        if self.weights is not None and self.folds:
            raise ValueError("give either 'weights' (one file) or 'folds' (one file a fold)")
        if self.loader in ("architecture", "callable") and not self.architecture:
            raise ValueError(f"loader '{self.loader}' needs the key 'architecture'")
        if self.loader != "callable" and self.weights is None and not self.folds:
            raise ValueError(f"loader '{self.loader}' needs 'weights' or 'folds'")
        if self.head is not None and self.embedding_layer is None:
            raise ValueError("'head' needs 'embedding_layer', the layer it is applied to")
        if self.held_out is not None and not self.folds:
            raise ValueError("'held_out' needs 'folds', one weights file a fold")
        if unknown := sorted(set(self.claims) - set(self.targets)):
            raise ValueError(f"'claims' names {unknown}, which are not among 'targets'")
        return self


class Target(_Part):
    """One class: its label column, and the regions where a reader would look for it."""

    column: str | None = None
    roi: tuple[Name, ...] = ()
    roi_margin: Annotated[int, Field(ge=0)] | None = None
    """How far disease may reach beyond the drawn ROI: pixels of a frame of 512 (C12)."""
    description: str = ""


class RegionColumn(_Part):
    """A region drawn in mask files: non-zero pixels (or exactly ``value``) belong to it."""

    column: str
    value: int | None = None


class Columns(_Part):
    """Which manifest columns hold the image file, the patient, the split and the image's id."""

    image: str = "image"
    patient: str = "patient_id"
    split: str | None = None
    id: str | None = None


class ShortcutSpec(_Part):
    """A planted shortcut: present where it agrees with the target's label, else absent.

    ``target`` is the phantom's first unless another is named; ``agreement`` is the share of
    patients whose shortcut equals the label (.5 = no information); ``strength`` is how visible it
    is drawn.
    """

    name: str
    target: Name | None = None
    agreement: Share = 1.0
    strength: Share = 1.0


class CoLabel(_Part):
    """A second finding, with a label of its own: independent of the first target, or tied to it.

    ``prevalence`` draws it independently (.5 if nothing is said); ``agreement`` is the share of
    patients whose co-label equals the first target's label.
    """

    target: Name
    prevalence: Annotated[float, Field(gt=0, lt=1)] | None = None
    agreement: Share | None = None

    @model_validator(mode="after")
    def _one_rule(self) -> CoLabel:
        if self.prevalence is not None and self.agreement is not None:
            raise ValueError("give 'prevalence' (independent) or 'agreement' (tied), not both")
        return self


class MetadataTie(_Part):
    """Metadata that travel with the first target's label, and how far the image shows them.

    Sick patients come from ``site-c``, lie down (``AP``; fundus: ``OS``) or are older, well ones
    the reverse, in a share ``agreement`` of all patients. A tied site shows: every image from
    ``site-c`` carries the shortcuts that ``shows`` names, at ``strength``, whatever its label. View
    and age show as they do in any phantom.
    """

    key: Literal["site", "view", "age"]
    agreement: Share = 1.0
    strength: Share = 1.0
    shows: tuple[str, ...] = ("exposure", "scanner_noise")


_LATER_KEYS = ("co_labels", "metadata", "under_segmentation")


class PhantomSpec(_Part):
    """Settings of a synthetic data set (``audit_suite.phantoms``)."""

    kind: Literal["cxr", "fundus"]
    patients: Annotated[int, Field(ge=2)]
    images_per_patient: tuple[Annotated[int, Field(ge=1)], Annotated[int, Field(ge=1)]] = (1, 1)
    size: Annotated[int, Field(ge=32)] = 64
    seed: int = 1907
    prevalence: Annotated[float, Field(gt=0, lt=1)] = 0.5
    finding_strength: Share = 1.0
    shortcuts: tuple[ShortcutSpec, ...] = ()
    co_labels: tuple[CoLabel, ...] = ()
    metadata: tuple[MetadataTie, ...] = ()
    under_segmentation: Share = 0.0
    """How large a hole the ROI's mask has where a sick patient's finding is densest: at 1 its
    radius is 10 % of the frame."""

    @model_serializer(mode="wrap")
    def _without_unused(self, write: SerializerFunctionWrapHandler) -> dict[str, Any]:
        """Leave keys that came later out while unused: digests of older cards stay as they are."""
        content: dict[str, Any] = write(self)
        unused = [k for k in _LATER_KEYS if getattr(self, k) == type(self).model_fields[k].default]
        return {key: value for key, value in content.items() if key not in unused}


class Holdout(_Part):
    """A share of the patients set aside by chance; ``split`` says which side is audited."""

    share: Annotated[float, Field(gt=0, lt=1)] = 0.2
    seed: int = 1907


class MaskQuality(_Part):
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


class DatasetCard(_Card):
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


_Kind = TypeVar("_Kind", bound=_Card)


def load_model_card(path: str | Path) -> ModelCard:
    """Read and validate a model card.

    Raises:
        AuditError: If the file is missing, no TOML, or breaks the card's schema; names the key.
    """
    return _with_path(read_toml(Path(path), ModelCard, "model card"), path)


def load_dataset_card(path: str | Path) -> DatasetCard:
    """Read and validate a data set card.

    Raises:
        AuditError: If the file is missing, no TOML, or breaks the card's schema; names the key.
    """
    return _with_path(read_toml(Path(path), DatasetCard, "data set card"), path)


def internal_card(card: DatasetCard) -> DatasetCard | None:
    """The card of the data set that a card's is external to, if it names one.

    Raises:
        AuditError: If that card is missing or wrong.
    """
    return None if card.internal is None else load_dataset_card(card.resolve(card.internal))


def canonical_digest(content: Any) -> str:
    """SHA-256 (hex) of JSON-able content, independent of key order and white space."""
    text = json.dumps(content, sort_keys=True, separators=(",", ":"), allow_nan=False)
    return hashlib.sha256(text.encode()).hexdigest()


def _with_path(card: _Kind, path: str | Path) -> _Kind:
    card._path = Path(path).resolve()
    return card


_Card.model_rebuild()
