"""The identity of a model: a digest of everything that decides its scores."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from audit_suite.cards import ModelCard, canonical_digest
from audit_suite.models.weights import files_digest
from audit_suite.registry import LOADERS

_SCORED = {"targets", "loader", "architecture", "arguments", "activation", "embedding_layer"}
_SCORED |= {"head", "input", "state", "outputs", "output"}  # keys of a card that decide scores
_TRUNK = {"loader", "architecture", "arguments", "state"}
_TRUNK |= {"embedding_layer", "input"}  # and an embedding
_KERAS = "audit_suite.models.keras_model"
_OF_TORCH = frozenset(vars(nn.Module()))  # attributes of every module


class Identity:
    """What decides the scores of a loaded model.

    The card's keys, the module's parameters, buffers and numbers as they are in memory, the source
    of the project's modules behind it and library versions (`sources`), the weights file or every
    file of its folder, and an extension's loader. Name, description, claims and margins do not
    count, so that stored evidence stays valid when they change.

    Args:
        card: The model's card.
        weights: The file or folder it was loaded from, if the card names one.
        module: The loaded module, before it scored anything.
        code: From `sources.sources`.
    """

    def __init__(
        self, card: ModelCard, weights: Path | None, module: nn.Module, code: dict[str, Any]
    ) -> None:
        fingerprint = LOADERS.fingerprint(card.loader)
        self._code = {**code, **({"loader_source": fingerprint} if fingerprint else {})}
        self._card = card
        self._file = None if weights is None else files_digest(card, weights)
        self._state = {name: _value_digest(value) for name, value in _state(module)}

    def digest(self) -> str:
        """SHA-256 of what decides the scores."""
        content = self._card.model_dump(mode="json", include=_SCORED)
        return canonical_digest(content | self._code | {"state": self._state, "file": self._file})

    def trunk(self) -> str | None:
        """SHA-256 of what decides the embedding: all but the head; None if the card names none."""
        if self._card.head is None:
            return None
        content = self._card.model_dump(mode="json", include=_TRUNK)
        head = f"{self._card.head}."
        state = {name: value for name, value in self._state.items() if not name.startswith(head)}
        return canonical_digest(content | self._code | {"state": state})


def _state(module: nn.Module) -> Iterator[tuple[str, Any]]:
    """Parameters and buffers of a module, and the numbers and arrays that its layers hold.

    Nothing of a Keras model, which our loader builds from its file alone: what Keras keeps in
    memory beside the weights (names, counters) differs from process to process.
    """
    if type(module).__module__ == _KERAS:
        return
    yield from module.named_parameters(remove_duplicate=False)
    yield from module.named_buffers(remove_duplicate=False)
    for path, layer in module.named_modules():
        if isinstance(layer, torch.jit.ScriptModule | torch.fx.GraphModule):
            continue  # a program: its file counts as a whole
        for name, value in vars(layer).items():
            if name not in _OF_TORCH:
                yield from _leaves(f"{path}.{name}", value)


def _leaves(name: str, value: Any) -> Iterator[tuple[str, Any]]:
    """The numbers and arrays inside nested lists and tables; text may be a path of this machine."""
    if isinstance(value, list | tuple):
        value = dict(enumerate(value))
    if isinstance(value, dict):
        for key, each in value.items():
            yield from _leaves(f"{name}.{key}", each)
    elif isinstance(value, np.ndarray):
        if not value.dtype.hasobject:
            yield name, value
    elif isinstance(value, Tensor | int | float | complex | np.number | np.bool_):
        yield name, value


def _value_digest(value: Any) -> str:
    if isinstance(value, Tensor):
        tensor = value.detach().cpu()
        head, content = f"{tensor.dtype}{tuple(tensor.shape)}", _bytes(tensor)
    elif isinstance(value, np.ndarray):
        head, content = f"{value.dtype}{value.shape}", value.tobytes()
    else:
        head, content = repr(value), b""
    digest = hashlib.sha256(head.encode())
    digest.update(content)
    return digest.hexdigest()


def _bytes(tensor: Tensor) -> Any:
    try:
        return tensor.contiguous().reshape(-1).view(torch.uint8).numpy()
    except (RuntimeError, TypeError):  # sparse or quantised
        buffer = io.BytesIO()
        torch.save(tensor, buffer)
        return buffer.getvalue()
