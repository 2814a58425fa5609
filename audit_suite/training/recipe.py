"""A training recipe: everything that decides a reference model's weights."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, PrivateAttr
from torch import Tensor

from audit_suite.cards import PhantomSpec, Share
from audit_suite.toml_files import read_toml


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class TrainingData(_Part):
    """One phantom cohort to learn from, and the region in which its finding lies."""

    phantom: PhantomSpec
    roi: tuple[str, ...]


class RecipeModel(_Part):
    """One model of a recipe.

    ``agreement`` replaces that of every planted shortcut: at .5 the shortcut says nothing of the
    label. ``indifference`` weighs a penalty on how far planting the shortcut moves the output, on
    whole images and on images without the ROI.
    """

    output: str
    agreement: Share
    indifference: Annotated[float, Field(ge=0)] = 0.0


class Recipe(_Part):
    """Architecture, data, schedule, and the models to train."""

    architecture: str
    arguments: dict[str, int] = Field(default_factory=dict)
    epochs: Annotated[int, Field(ge=1)]
    batch_size: Annotated[int, Field(ge=2)] = 64
    learning_rate: Annotated[float, Field(gt=0)] = 1e-3
    seed: int = 1907
    mean: float = 0.0
    std: Annotated[float, Field(gt=0)] = 1.0
    only_roi: Share = 0.0
    """Share of images shown with everything but the ROI, or but its box, blacked out."""
    data: Annotated[tuple[TrainingData, ...], Field(min_length=1)]
    models: Annotated[tuple[RecipeModel, ...], Field(min_length=1)]
    _path: Path = PrivateAttr(default=Path("recipe.toml"))

    def normalise(self, images: Tensor) -> Tensor:
        """Intensities as the models' cards must declare them (``input.mean`` and ``std``)."""
        return (images - self.mean) / self.std

    @property
    def path(self) -> Path:
        """The file the recipe was read from."""
        return self._path


def load_recipe(path: Path) -> Recipe:
    """Read and validate a recipe.

    Raises:
        AuditError: If it is missing, no TOML, or has a wrong key; names file and key.
    """
    recipe = read_toml(path, Recipe, "recipe")
    recipe._path = path.resolve()
    return recipe
