"""Load a Keras 3 model, which Keras computes with torch."""

from __future__ import annotations

import json
import os
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from audit_suite.errors import AuditError
from audit_suite.models.libraries import needing
from audit_suite.models.loader import Loader, card_files, register_loader
from audit_suite.models.weights import unreadable_archive

if TYPE_CHECKING:
    from torch import nn

    from audit_suite.cards import ModelCard

_LARGEST = 1 << 26  # bytes of a configuration
_CODE = {"Lambda", "TorchModuleWrapper", "TFSMLayer", "JaxLayer", "FlaxLayer"}
_CODE |= {"StringLookup", "IntegerLookup", "TextVectorization"}  # read files that they name
_ROOMS = {"layers", "models", "initializers", "regularizers", "constraints", "activations", "ops"}
_ROOMS |= {"dtype_policies", "quantizers", "optimizers", "losses", "metrics", "random", "backend"}
"""What a configuration may name of Keras; ``utils``, say, holds functions that fetch and write."""


@dataclass(frozen=True)
class KerasLoader(Loader):
    """A ``.keras`` file; it needs the card's word only if it holds code or names other modules."""

    name: str = "keras"

    def code(self, card: ModelCard) -> str:
        """The layers that run code, such as ``Lambda``."""
        names = card.folds if card.weights is None else (card.weights,)
        layers: dict[str, None] = {}
        for path in map(card.resolve, names):
            try:
                layers |= dict.fromkeys(_code_in(_config(path)))
            except (OSError, ValueError):  # `inspect` reports it
                continue
        return f"Keras {', '.join(layers)} in {card_files(card)}" if layers else ""

    def inspect(self, card: ModelCard, weights: Path) -> None:
        """Refuse what is no ``.keras`` file.

        Raises:
            AuditError: If it is none.
        """
        try:
            _config(weights)
        except (OSError, ValueError) as error:
            raise AuditError(
                f"{card.path}: key 'weights': {weights} cannot be read as a Keras 3 model: {error}",
                'save it with model.save("model.keras"); older .h5 files and SavedModels are not '
                "read",
            ) from None

    def load(self, card: ModelCard, weights: Path | None) -> nn.Module:
        """Build the model on the torch backend.

        Raises:
            AuditError: If it cannot be read, or Keras runs on another backend in this process.
        """
        assert weights is not None, "the card's validation guarantees it"
        self.inspect(card, weights)
        os.environ["KERAS_BACKEND"] = "torch"  # read when Keras is imported first
        with needing("keras", "keras"):
            import keras
        if keras.backend.backend() != "torch":
            raise AuditError(
                f"{card.path}: Keras already runs on {keras.backend.backend()} in this process",
                "audit in a process of its own: --audit-executor process",
            )
        from audit_suite.models.keras_model import ChannelsLast

        keras.backend.clear_session()  # it numbers names, and names are in the digest
        try:
            model = keras.saving.load_model(str(weights), compile=False, safe_mode=not card.trusted)
        except Exception as error:  # Keras raises many kinds
            raise unreadable_archive(card, weights, "Keras", error) from None
        return ChannelsLast(card, model)


def _config(path: Path) -> Any:
    """The configuration in a ``.keras`` file.

    Raises:
        ValueError: If it is no such file.
        OSError: If it cannot be read.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            if archive.getinfo("config.json").file_size > _LARGEST:
                raise ValueError("its config.json is too large")
            return json.loads(archive.read("config.json"))
    except (zipfile.BadZipFile, KeyError) as error:
        raise ValueError(str(error).strip("'\"")) from None


def _code_in(content: Any) -> Iterator[str]:
    """What of a configuration runs code: layers that hold it, modules other than Keras."""
    if isinstance(content, dict):
        name, module = content.get("class_name"), content.get("module")
        if name in _CODE or name == "__lambda__":
            yield str(name)
        elif isinstance(name, str) and module is not None and not _is_keras(str(module)):
            yield f"{module}.{name}"
        elif content.get("registered_name") not in (None, name):
            yield str(content["registered_name"])
        for value in content.values():
            yield from _code_in(value)
    elif isinstance(content, list):
        for value in content:
            yield from _code_in(value)


def _is_keras(module: str) -> bool:
    parts = module.removeprefix("keras.src.").removeprefix("keras.").split(".")
    return module == "keras" or (module.startswith("keras.") and parts[0] in _ROOMS)


register_loader(KerasLoader())
