"""Training recipes (TOML): everything that determines the weights of the models they train."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, PrivateAttr, RootModel, model_validator
from torch import Tensor

from audit_suite.cards import InputSpec, Name, PhantomSpec, Share
from audit_suite.errors import AuditError
from audit_suite.maskings import PAPER, Masking
from audit_suite.toml_files import read_toml


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class _File(_Part):
    _path: Path = PrivateAttr(default=Path("recipe.toml"))

    @property
    def path(self) -> Path:
        """The file the recipe was read from."""
        return self._path


class TrainingData(_Part):
    """One phantom cohort for training, and the region in which its finding lies."""

    phantom: PhantomSpec
    """The synthetic patients."""
    roi: tuple[str, ...]
    """The regions in which the finding lies."""


class RecipeModel(_Part):
    """One model of a recipe."""

    output: str
    """The weights file to write, relative to the recipe."""
    agreement: Share
    """Replaces that of every planted shortcut: at .5 the shortcut is independent of the label."""
    indifference: Annotated[float, Field(ge=0)] = 0.0
    """Weight of a penalty on how far planting the shortcut moves the output, on whole images and on
    images without the ROI."""


class Recipe(_File):
    """The reference models: architecture, data, schedule, and the models to train."""

    kind: Literal["reference"]
    """Models for tests and examples."""
    architecture: str
    """The network, as a model card names it."""
    arguments: dict[str, int] = Field(default_factory=dict)
    """Arguments of the function that ``architecture`` names."""
    epochs: Annotated[int, Field(ge=1)]
    """Passes over the data."""
    batch_size: Annotated[int, Field(ge=2)] = 64
    """Images of a step."""
    learning_rate: Annotated[float, Field(gt=0)] = 1e-3
    """The largest learning rate."""
    seed: int = 1907
    """The seed of weights and order."""
    mean: float = 0.0
    """Subtracted from pixels in [0, 1]."""
    std: Annotated[float, Field(gt=0)] = 1.0
    """Divides them afterwards."""
    only_roi: Share = 0.0
    """Share of images shown with everything outside the ROI, or outside its box, in black."""
    data: Annotated[tuple[TrainingData, ...], Field(min_length=1)]
    """The cohorts to train on, together."""
    models: Annotated[tuple[RecipeModel, ...], Field(min_length=1)]
    """The models to train."""

    def normalise(self, images: Tensor) -> Tensor:
        """Intensities as the models' cards must declare them (``input.mean`` and ``std``)."""
        return (images - self.mean) / self.std


class StudyData(_Part):
    """One data set of a study: training on ``train``, tests on ``test`` and ``external``.

    All are data set cards, relative to the recipe.
    """

    name: Name
    """The data set's name in the names of models."""
    train: str
    """Card of the data to train on."""
    test: str
    """Card of the data to test on."""
    external: tuple[str, ...] = ()
    """Cards of further test data."""
    targets: Annotated[tuple[Name, ...], Field(min_length=1)]
    """The findings that the models learn."""
    roi: tuple[Name, ...] | None = None
    """The region that is masked; without it, the one that all targets declare."""


class Augmentation(_Part):
    """Random changes of masked training images (Sourget et al. 2024: 45, true, .7 to 1.1)."""

    rotation: Annotated[float, Field(ge=0, le=180)] = 0.0
    """Largest angle in either direction, in degrees."""
    flip: bool = False
    """Whether images are mirrored at random."""
    brightness: tuple[Annotated[float, Field(gt=0)], Annotated[float, Field(gt=0)]] = (1.0, 1.0)
    """Smallest and largest factor of the intensities."""

    @property
    def none(self) -> bool:
        """Whether it changes nothing."""
        return self == Augmentation()


class StudyRecipe(_File):
    """One model per data set, training masking and fold (5 x 5 models in Sourget et al. 2024)."""

    kind: Literal["masking-study"]
    """One model for each data set, masking and fold."""
    name: Name
    """The study's name; cards of its models have it under ``study``."""
    out: str
    """Folder to write to, relative to the recipe."""
    architecture: str
    """The network, as a model card names it."""
    arguments: dict[str, Any] = Field(default_factory=dict)
    """Arguments of the function that ``architecture`` names."""
    initial: str | None = None
    """The starting point: a weights file that fits the architecture except for its trainable part,
    or a factory of a pretrained network."""
    trainable: tuple[str, ...] = ()
    """The layers to train; the rest stays frozen, in evaluation mode. Empty for all."""
    only_head: bool = False
    """Whether ``trainable`` is one layer applied to the embedding: a linear probe."""
    embedding_layer: str | None = None
    """The layer whose output is the embedding."""
    input: InputSpec
    """How an image becomes the models' input, as in a model card."""
    maskings: tuple[str, ...] = tuple(masking.id for masking in PAPER)
    """Ids of the maskings to train under; by default the paper's five."""
    folds: Annotated[int, Field(ge=2)] = 5
    """Folds of the cross-validation, by patient."""
    epochs: Annotated[int, Field(ge=1)] = 250
    """The most passes over the data."""
    patience: Annotated[int, Field(ge=1)] = 25
    """Passes without improvement after which training stops."""
    delta: Annotated[float, Field(ge=0)] = 0.001
    """The smallest fall of the validation loss that counts as an improvement."""
    batch_size: Annotated[int, Field(ge=2)] = 32
    """Images of a step."""
    learning_rate: Annotated[float, Field(gt=0)] = 1e-4
    """The learning rate."""
    weight_decay: Annotated[float, Field(ge=0)] = 0.0
    """The weight decay."""
    seed: int = 1907
    """The seed of weights, folds and order."""
    augmentation: Augmentation = Augmentation()
    """Random changes of training images."""
    data: Annotated[tuple[StudyData, ...], Field(min_length=1)]
    """The data sets of the study."""

    @model_validator(mode="after")
    def _consistent(self) -> StudyRecipe:
        for id in self.maskings:
            try:
                masking = Masking.parse(id)
            except AuditError as error:
                raise ValueError(f"'maskings': {error.what}") from None
            if masking.names_region:
                raise ValueError(f"'maskings': '{id}' names a region; use the key 'data.roi'")
        if self.input.function:
            raise ValueError("'input.function' is for audits: say here with keys what it does")
        if self.only_head and (len(self.trainable) != 1 or self.embedding_layer is None):
            raise ValueError("'only_head' needs one 'trainable' layer and 'embedding_layer'")
        names = [data.name for data in self.data]
        if len(set(names)) < len(names):
            raise ValueError("'data' holds two data sets with the same name")
        return self


class _RecipeFile(RootModel[Annotated[Recipe | StudyRecipe, Field(discriminator="kind")]]):
    pass


def load_recipe(path: Path) -> Recipe | StudyRecipe:
    """Read and validate a recipe of either kind.

    Raises:
        AuditError: If it is missing, is not TOML, or has a wrong key; names file and key.
    """
    recipe = read_toml(path, _RecipeFile, "recipe").root
    recipe._path = path.resolve()
    return recipe
