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
    roi: tuple[str, ...]


class RecipeModel(_Part):
    """One model of a recipe.

    ``agreement`` replaces that of every planted shortcut: at .5 the shortcut is independent of the
    label. ``indifference`` is the weight of a penalty on how far planting the shortcut moves the
    output, on whole images and on images without the ROI.
    """

    output: str
    agreement: Share
    indifference: Annotated[float, Field(ge=0)] = 0.0


class Recipe(_File):
    """The reference models: architecture, data, schedule, and the models to train."""

    kind: Literal["reference"]
    architecture: str
    arguments: dict[str, int] = Field(default_factory=dict)
    epochs: Annotated[int, Field(ge=1)]
    batch_size: Annotated[int, Field(ge=2)] = 64
    learning_rate: Annotated[float, Field(gt=0)] = 1e-3
    seed: int = 1907
    mean: float = 0.0
    std: Annotated[float, Field(gt=0)] = 1.0
    only_roi: Share = 0.0
    """Share of images shown with everything outside the ROI, or outside its box, in black."""
    data: Annotated[tuple[TrainingData, ...], Field(min_length=1)]
    models: Annotated[tuple[RecipeModel, ...], Field(min_length=1)]

    def normalise(self, images: Tensor) -> Tensor:
        """Intensities as the models' cards must declare them (``input.mean`` and ``std``)."""
        return (images - self.mean) / self.std


class StudyData(_Part):
    """One data set of a study: training on ``train``, tests on ``test`` and ``external``.

    All are data set cards, relative to the recipe. ``roi`` is the region that is masked; None for
    the one that all targets declare.
    """

    name: Name
    train: str
    test: str
    external: tuple[str, ...] = ()
    targets: Annotated[tuple[Name, ...], Field(min_length=1)]
    roi: tuple[Name, ...] | None = None


class Augmentation(_Part):
    """Random changes of masked training images (Sourget et al. 2024: 45, true, .7 to 1.1)."""

    rotation: Annotated[float, Field(ge=0, le=180)] = 0.0
    """Largest angle in either direction, in degrees."""
    flip: bool = False
    brightness: tuple[Annotated[float, Field(gt=0)], Annotated[float, Field(gt=0)]] = (1.0, 1.0)

    @property
    def none(self) -> bool:
        """Whether it changes nothing."""
        return self == Augmentation()


class StudyRecipe(_File):
    """One model per data set, training masking and fold (the 5 x 5 models of Sourget et al. 2024).

    ``initial`` is the starting point: a weights file that fits the architecture except for its
    trainable part, or a factory of a pretrained network. ``trainable`` names the layers to train;
    the rest stays frozen, in evaluation mode. If it is empty, all layers are trained.
    """

    kind: Literal["masking-study"]
    name: Name
    out: str
    architecture: str
    arguments: dict[str, Any] = Field(default_factory=dict)
    initial: str | None = None
    trainable: tuple[str, ...] = ()
    only_head: bool = False
    """Whether ``trainable`` is one layer applied to the embedding: a linear probe."""
    embedding_layer: str | None = None
    input: InputSpec
    maskings: tuple[str, ...] = tuple(masking.id for masking in PAPER)
    folds: Annotated[int, Field(ge=2)] = 5
    epochs: Annotated[int, Field(ge=1)] = 250
    patience: Annotated[int, Field(ge=1)] = 25
    delta: Annotated[float, Field(ge=0)] = 0.001
    batch_size: Annotated[int, Field(ge=2)] = 32
    learning_rate: Annotated[float, Field(gt=0)] = 1e-4
    weight_decay: Annotated[float, Field(ge=0)] = 0.0
    seed: int = 1907
    augmentation: Augmentation = Augmentation()
    data: Annotated[tuple[StudyData, ...], Field(min_length=1)]

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
