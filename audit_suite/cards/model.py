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
from audit_suite.cards.input import InputSpec
from audit_suite.registry import LOADERS
from audit_suite.toml_files import read_toml


class Claim(Part):
    """The maker's claim for one target; check R1 tests it."""

    auroc: Annotated[float, Field(gt=0.5, lt=1)]
    """The claimed AUROC on full images."""
    source: str
    """Where the claim is made."""


class OperatingPoint(Part):
    """Where the maker draws the line between positive and negative for one target (R15).

    A score at or above it counts as positive. Give one of ``probability`` and ``score``.
    """

    probability: Annotated[float, Field(gt=0, lt=1)] | None = None
    """The line as a probability, between 0 and 1."""
    score: float | None = None
    """The line as a score: the log odds under ``sigmoid`` or ``softmax``, else as returned."""
    source: Annotated[str, Field(min_length=1)]
    """Where it is written: the instructions for use, a protocol, a paper."""

    @model_validator(mode="after")
    def _one(self) -> OperatingPoint:
        if (self.probability is None) == (self.score is None):
            raise ValueError("give either 'probability' or 'score'")
        return self


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


class ParitySpec(Part):
    """Golden files: the release pipeline's input for some images, to compare with the audit's (O3).

    ``audit-suite parity record`` writes them, and prints these lines.
    """

    images: Annotated[tuple[str, ...], Field(min_length=1)]
    """Image files, relative to the card."""
    expected: str
    """A safetensors file with one array per image, of shape (C, H, W) as it enters the model, named
    by the image's path as written in ``images`` or by its file name."""
    tolerance: Annotated[float, Field(ge=0)] = 0.0
    """Largest difference of a pixel that passes, in units of the model's input."""


_LATER = (
    "version",
    "intended_use",
    "expectations",
    "trusted",
    "outputs",
    "probabilities",
    "operating_points",
)


class ModelCard(Card):
    """A model as it ships: its weights, its input and its outputs."""

    version: str = ""
    """The maker's name for this release of the model, such as ``2.1``; the report shows it."""
    intended_use: str = ""
    """For whom and for what the model is meant, in a sentence; the report shows it."""
    targets: Annotated[tuple[Name, ...], Field(min_length=1), Once]
    """What is audited: some or all of the outputs, by the names of the data set's targets."""
    task: Literal["classification", "segmentation"] = "classification"
    """What the model returns: scores, which are audited, or the channels of masks, which
    ``audit-suite segment`` makes; then ``targets`` names the channels in their order."""
    loader: str
    """How the model is loaded: ``architecture`` (a state dict), ``onnx``, ``huggingface`` ..."""
    architecture: str | None = None
    """The network: ``torchvision:NAME``, ``timm:NAME``, ``monai:NAME``, ``torchxrayvision:NAME``,
    ``package.module:function``, or ``file.py:function`` relative to the card."""
    arguments: dict[str, Any] = Field(default_factory=dict)
    """Arguments of the function that ``architecture`` names."""
    weights: str | None = None
    """The file of the model, or its folder, relative to the card."""
    folds: Annotated[tuple[str, ...], Once] = ()
    """One weights file per fold, in place of ``weights``; each fold is audited on its own."""
    state: str | None = None
    """Which state of a checkpoint that holds several is loaded, such as ``ema``."""
    trusted: StrictBool = False
    """The code that loading runs (a function, a program) was read and may run on this machine."""
    outputs: Annotated[tuple[Name, ...], Once] = ()
    """Every output of the model by name, in its order, if ``targets`` are not all of them."""
    output: str | Annotated[int, Field(ge=0)] | None = None
    """Which of several things that the model returns holds the scores: its name or position."""
    activation: Literal["sigmoid", "softmax", "none"] = "sigmoid"
    """What turns outputs into probabilities; ``none`` if the model has applied it, or none is."""
    probabilities: StrictBool = False
    """With ``activation = "none"``: the model returns probabilities, from 0 to 1."""
    embedding_layer: str | None = None
    """The layer whose output is the embedding, averaged over space."""
    head: str | None = None
    """Last layer, if scores = head(embedding). Models with the same trunk share one pass."""
    held_out: str | None = None
    """Metadata column of the data set with the 0-based fold that did not train on the image."""
    same_as: str | None = None
    """Card of the model that this one was exported from: their outputs must agree on 16 images."""
    input: InputSpec
    """How an image becomes the model's input."""
    claims: dict[Name, Claim] = Field(default_factory=dict)
    """The maker's claims by target."""
    operating_points: dict[Name, OperatingPoint] = Field(default_factory=dict)
    """By target, from which score on the model calls an image positive (check R15)."""
    expectations: dict[Name, Expectation] = Field(default_factory=dict)
    """By target, which regions should matter and which must not."""
    parity: ParitySpec | None = None
    """Golden files of the release pipeline (check O3)."""
    datasets: Annotated[tuple[Name, ...], Once] = ()
    """Names of the data sets this model is audited on; empty for all that share a target."""
    study: Name | None = None
    """The masking study that the model belongs to."""
    trained_on: str | None = None
    """Id of the masking it was trained on, if it belongs to a masking study."""

    @model_validator(mode="before")
    @classmethod
    def _with_input(cls, content: Any) -> Any:
        """A card without a table ``input`` is told what to write there."""
        return {"input": {}, **content} if isinstance(content, dict) else content

    @field_validator("loader")
    @classmethod
    def _known(cls, name: str) -> str:
        if name not in LOADERS:
            known = ", ".join(sorted(LOADERS))
            raise ValueError(f"there is no {LOADERS.kind} '{name}' (known: {known})")
        return name

    @model_validator(mode="after")
    def _consistent(self) -> ModelCard:
        if unknown := sorted(set(self.targets) - set(self.outputs)) if self.outputs else []:
            raise ValueError(
                f"'targets' names {unknown}, which are not among 'outputs': name every output of "
                f"the model there, in its order"
            )
        if self.activation == "softmax" and len(self.output_names) == 1:
            raise ValueError(
                "key 'activation': softmax over the single output that 'targets' names is 1 for "
                "every image; write sigmoid, or name every output of the model, in its order: "
                f'outputs = ["normal", "{self.targets[0]}"]'
            )
        if self.weights is not None and self.folds:
            raise ValueError("give either 'weights' (one file) or 'folds' (one file per fold)")
        if self.input.function and not self.trusted:
            raise ValueError(
                f"key 'input.function': {self.input.function} is code: read it, and if it may run "
                f"on this machine add the line `trusted = true` above the tables of the card"
            )
        loader = LOADERS[self.loader]
        if loader.needs_architecture and not self.architecture:
            raise ValueError(f"loader '{self.loader}' needs the key 'architecture'")
        if loader.needs_weights and self.weights is None and not self.folds:
            raise ValueError(f"loader '{self.loader}' needs 'weights' or 'folds'")
        if self.state is not None and not getattr(loader, "has_states", False):
            raise ValueError(
                f"key 'state' chooses in a checkpoint, and loader '{self.loader}' reads none: "
                f"leave it out"
            )
        if self.head is not None and self.embedding_layer is None:
            raise ValueError("'head' needs 'embedding_layer', the layer it is applied to")
        if self.held_out is not None and not self.folds:
            raise ValueError("'held_out' needs 'folds', one weights file per fold")
        for key in ("claims", "operating_points", "expectations"):
            if unknown := sorted(set(getattr(self, key)) - set(self.targets)):
                raise ValueError(f"'{key}' names {unknown}, which are not among 'targets'")
        return self

    @model_validator(mode="after")
    def _scaled(self) -> ModelCard:
        """What the card says of probabilities must agree with its activation."""
        if self.probabilities and self.activation != "none":
            raise ValueError(
                "key 'probabilities' says that the model returns probabilities already; write "
                'activation = "none" beside it, or leave it out'
            )
        for target, point in self.operating_points.items():
            if point.probability is not None and not self.gives_probabilities:
                raise ValueError(
                    f"key 'operating_points.{target}.probability': with activation = \"none\" the "
                    f"scores are not probabilities; give 'score', or write probabilities = true"
                )
        return self

    @property
    def output_names(self) -> tuple[str, ...]:
        """Every output of the model by name, in its order, as far as the card says."""
        return self.outputs or self.targets

    @property
    def gives_probabilities(self) -> bool:
        """Whether its scores stand for probabilities."""
        return self.activation != "none" or self.probabilities

    def fold_name(self, fold: int | None) -> str:
        """What findings and messages call one fold; the model's own name if it has no folds."""
        return self.name if fold is None else f"{self.name}.fold{fold}"

    @model_serializer(mode="wrap")
    def _without_unused(self, write: SerializerFunctionWrapHandler) -> dict[str, Any]:
        """Leave out unused keys that older cards lack, so that their digests do not change."""
        content: dict[str, Any] = write(self)
        for key in _LATER:
            if not getattr(self, key):
                content.pop(key, None)
        for key in ("state", "output", "same_as"):
            if getattr(self, key) is None:
                content.pop(key, None)
        if self.task == "classification":
            content.pop("task", None)
        return content


def load_model_card(path: str | Path) -> ModelCard:
    """Read and validate a model card.

    Raises:
        AuditError: If the file is missing, is not TOML, or breaks the card's schema; names the key.
    """
    card = with_path(read_toml(Path(path), ModelCard, "model card"), path)
    card.input.placed(card.path.parent)
    return card
