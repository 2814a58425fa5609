"""The card of a model: its weights, its input, what is claimed and expected of it."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, SerializerFunctionWrapHandler, model_serializer, model_validator

from audit_suite.cards.common import Card, Name, Part, with_path
from audit_suite.toml_files import read_toml


class Claim(Part):
    """What the maker claims for one target; R1 holds the model to it."""

    auroc: Annotated[float, Field(gt=0.5, lt=1)]
    source: str


class Expectation(Part):
    """Which regions of the image matter for one target, and which must not, by who knows (P1, P2).

    Names are those of the data set's regions; ``border`` is the rim of any frame.
    """

    expected: tuple[Name, ...] = ()
    """Where a clinician would look."""
    never: tuple[Name, ...] = ()
    """What must not matter: markers, devices, the border."""
    source: Annotated[str, Field(min_length=1)]
    """Who says so."""

    @model_validator(mode="after")
    def _apart(self) -> Expectation:
        named = (*self.expected, *self.never)
        if not named:
            raise ValueError("name regions under 'expected', under 'never', or both")
        if twice := sorted({name for name in named if named.count(name) > 1}):
            raise ValueError(f"names {twice} twice: keep each under one of 'expected' and 'never'")
        return self


class InputSpec(Part):
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


class ParitySpec(Part):
    """Golden files: what the release pipeline makes of images, to hold the audit's input to.

    ``expected`` is a safetensors file with one array an image, (C, H, W) as it enters the model,
    under the image's path as written in ``images`` or its file name.
    """

    images: Annotated[tuple[str, ...], Field(min_length=1)]
    expected: str
    tolerance: Annotated[float, Field(ge=0)] = 0.0


class ModelCard(Card):
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
    expectations: dict[Name, Expectation] = Field(default_factory=dict)
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
        for key in ("claims", "expectations"):
            if unknown := sorted(set(getattr(self, key)) - set(self.targets)):
                raise ValueError(f"'{key}' names {unknown}, which are not among 'targets'")
        return self

    @model_serializer(mode="wrap")
    def _without_unused(self, write: SerializerFunctionWrapHandler) -> dict[str, Any]:
        """Leave a key that came later out while unused: digests of older cards stay as they are."""
        content: dict[str, Any] = write(self)
        if not self.expectations:
            content.pop("expectations", None)
        return content


def load_model_card(path: str | Path) -> ModelCard:
    """Read and validate a model card.

    Raises:
        AuditError: If the file is missing, no TOML, or breaks the card's schema; names the key.
    """
    return with_path(read_toml(Path(path), ModelCard, "model card"), path)
