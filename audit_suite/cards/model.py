"""The card of a model: its weights, its input, its maker's claims, clinicians' expectations."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import (
    Field,
    SerializerFunctionWrapHandler,
    StrictBool,
    field_validator,
    model_serializer,
    model_validator,
)

from audit_suite.cards.common import Card, Name, Once, Part, with_path
from audit_suite.registry import LOADERS
from audit_suite.toml_files import read_toml


class Claim(Part):
    """The maker's claim for one target; check R1 tests it."""

    auroc: Annotated[float, Field(gt=0.5, lt=1)]
    source: str


class Expectation(Part):
    """Which regions should matter for one target, and which must not, by a named source (P1, P2).

    Names are those of the data set's regions; ``border`` is the rim of any image.
    """

    expected: tuple[Name, ...] = ()
    """Where a clinician would look."""
    never: tuple[Name, ...] = ()
    """Regions that must not matter: markers, devices, the border."""
    source: Annotated[str, Field(min_length=1)]
    """Where this comes from: a guideline, a paper, a clinician."""

    @model_validator(mode="after")
    def _apart(self) -> Expectation:
        named = (*self.expected, *self.never)
        if not named:
            raise ValueError("name regions under 'expected', under 'never', or both")
        if twice := sorted({name for name in named if named.count(name) > 1}):
            raise ValueError(f"names {twice} twice: keep each under one of 'expected' and 'never'")
        return self


Side = Annotated[int, Field(ge=8, le=8192)]  # the largest detectors have about 5,000 pixels


class InputSpec(Part):
    """How a decoded image becomes the model's input: geometry first, then intensities.

    ``scale = "unit"`` divides by the bit depth's maximum, ``"image_max"`` by the image's own
    maximum (as Sourget et al. 2024 do); ``mean`` and ``std`` are applied afterwards, per channel.
    """

    size: tuple[Side, Side]
    channels: Literal[1, 3] = 3
    resize: Literal["pad", "stretch", "crop"] = "pad"
    scale: Literal["unit", "image_max"] = "unit"
    mean: tuple[float, ...] = (0.0,)
    std: tuple[Annotated[float, Field(gt=0)], ...] = (1.0,)

    @model_validator(mode="after")
    def _lengths(self) -> InputSpec:
        for key in ("mean", "std"):
            if len(getattr(self, key)) not in (1, self.channels):
                raise ValueError(f"'{key}' needs 1 or {self.channels} numbers (one per channel)")
        return self


class ParitySpec(Part):
    """Golden files: the release pipeline's input for some images, to compare with the audit's.

    ``expected`` is a safetensors file with one array per image, of shape (C, H, W) as it enters the
    model, named by the image's path as written in ``images`` or by its file name.
    """

    images: Annotated[tuple[str, ...], Field(min_length=1)]
    expected: str
    tolerance: Annotated[float, Field(ge=0)] = 0.0


class ModelCard(Card):
    """A model as it ships: its weights and its input.

    ``loader`` says how to load it: ``architecture`` (a state dict, in the network of
    ``torchvision:NAME`` or ``package.module:factory``), ``export`` (torch.export archive),
    ``torchscript``, ``callable`` (``package.module:function`` or ``file.py:function`` returning a
    module), or an extension's. ``weights`` names one file, ``folds`` one per fold; each fold is
    audited on its own. ``trusted`` says that the code which loading runs (a function, a program)
    was read and may run on this machine; an audit runs none without it.
    """

    targets: Annotated[tuple[Name, ...], Field(min_length=1), Once]
    task: Literal["classification", "segmentation"] = "classification"
    """What the model returns: scores, which are audited, or the channels of masks, which
    ``audit-suite segment`` makes; then ``targets`` names the channels in their order."""
    loader: str
    architecture: str | None = None
    arguments: dict[str, Any] = Field(default_factory=dict)
    weights: str | None = None
    folds: Annotated[tuple[str, ...], Once] = ()
    trusted: StrictBool = False
    activation: Literal["sigmoid", "softmax", "none"] = "sigmoid"
    embedding_layer: str | None = None
    head: str | None = None
    """Last layer, if scores = head(embedding). Models with the same trunk share one pass."""
    held_out: str | None = None
    """Metadata column of the data set with the 0-based fold that did not train on the image."""
    input: InputSpec
    claims: dict[Name, Claim] = Field(default_factory=dict)
    expectations: dict[Name, Expectation] = Field(default_factory=dict)
    parity: ParitySpec | None = None
    datasets: Annotated[tuple[Name, ...], Once] = ()
    """Names of the data sets this model is audited on; empty for all that share a target."""
    study: Name | None = None
    trained_on: str | None = None
    """Id of the masking it was trained on, if it belongs to a masking study."""

    @field_validator("loader")
    @classmethod
    def _known(cls, name: str) -> str:
        if name not in LOADERS:
            known = ", ".join(sorted(LOADERS))
            raise ValueError(f"there is no {LOADERS.kind} '{name}' (known: {known})")
        return name

    @model_validator(mode="after")
    def _consistent(self) -> ModelCard:
        if self.activation == "softmax" and len(self.targets) == 1:
            raise ValueError(
                "key 'activation': softmax over the single output that 'targets' names is 1 for "
                "every image; write sigmoid, or name all outputs"
            )
        if self.weights is not None and self.folds:
            raise ValueError("give either 'weights' (one file) or 'folds' (one file per fold)")
        loader = LOADERS[self.loader]
        if loader.needs_architecture and not self.architecture:
            raise ValueError(f"loader '{self.loader}' needs the key 'architecture'")
        if loader.needs_weights and self.weights is None and not self.folds:
            raise ValueError(f"loader '{self.loader}' needs 'weights' or 'folds'")
        if self.head is not None and self.embedding_layer is None:
            raise ValueError("'head' needs 'embedding_layer', the layer it is applied to")
        if self.held_out is not None and not self.folds:
            raise ValueError("'held_out' needs 'folds', one weights file per fold")
        for key in ("claims", "expectations"):
            if unknown := sorted(set(getattr(self, key)) - set(self.targets)):
                raise ValueError(f"'{key}' names {unknown}, which are not among 'targets'")
        return self

    def fold_name(self, fold: int | None) -> str:
        """What findings and messages call one fold; the model's own name if it has no folds."""
        return self.name if fold is None else f"{self.name}.fold{fold}"

    @model_serializer(mode="wrap")
    def _without_unused(self, write: SerializerFunctionWrapHandler) -> dict[str, Any]:
        """Leave out unused keys that older cards lack, so that their digests do not change."""
        content: dict[str, Any] = write(self)
        for key in ("expectations", "trusted"):
            if not getattr(self, key):
                content.pop(key, None)
        if self.task == "classification":
            content.pop("task", None)
        return content


def load_model_card(path: str | Path) -> ModelCard:
    """Read and validate a model card.

    Raises:
        AuditError: If the file is missing, is not TOML, or breaks the card's schema; names the key.
    """
    return with_path(read_toml(Path(path), ModelCard, "model card"), path)
