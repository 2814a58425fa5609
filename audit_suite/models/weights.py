"""Weights files: find them, read state dicts without running code, fit them into a network."""

from __future__ import annotations

import json
import pickle
from pathlib import Path
from typing import TYPE_CHECKING

from audit_suite.cards import ModelCard
from audit_suite.errors import AuditError
from audit_suite.models.pickles import file_imports

if TYPE_CHECKING:
    from torch import Tensor, nn


def weights_file(card: ModelCard, fold: int | None) -> Path | None:
    """The weights file of a model or of one of its folds; None if the card names none.

    Raises:
        AuditError: If the file does not exist.
    """
    name = card.weights if fold is None else card.folds[fold]
    if name is None:
        return None
    path = card.resolve(name)
    if not path.is_file():
        key = "weights" if fold is None else f"folds[{fold}]"
        raise AuditError(
            f"{card.path}: key '{key}': {path} does not exist",
            "paths are relative to the card; check the key",
        )
    return path


def inspect_state(card: ModelCard, path: Path) -> None:
    """Check that a file can hold a state dict, without loading it.

    Raises:
        AuditError: If it is no such file, or would run code when loaded.
    """
    where = f"{card.path}: key 'weights': {path}"
    try:
        if path.suffix == ".safetensors":
            with path.open("rb") as file:
                json.loads(file.read(int.from_bytes(file.read(8), "little")))
        elif imported := file_imports(path):
            raise _unsafe(where, f"it imports {', '.join(imported[:3])}")
    except (OSError, ValueError, MemoryError, OverflowError) as error:
        raise AuditError(f"{where} cannot be read: {error}", "save it again") from None


def _unsafe(where: str, why: str) -> AuditError:
    return AuditError(
        f"{where} holds more than tensors and would run code when loaded: refused ({why})",
        "save the state dict alone as .safetensors (safetensors.torch.save_file)",
    )


def read_state(card: ModelCard, path: Path) -> dict[str, Tensor]:
    """Read a state dict, from a safetensors file or one written by ``torch.save``.

    A checkpoint that holds it under ``state_dict`` is read too. Nothing but tensors is unpickled.

    Args:
        card: Named in messages.
        path: The file.

    Raises:
        AuditError: If the file cannot be read, would run code, or is not a state dict.
    """
    import torch
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    where = f"{card.path}: key 'weights': {path}"
    if path.suffix == ".safetensors":
        try:
            tensors: dict[str, Tensor] = load_file(path)
        except (SafetensorError, OSError) as error:
            raise AuditError(
                f"{where} is not a readable safetensors file: {error}", "save it again"
            ) from None
        return tensors
    try:
        state = torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        raise _unsafe(where, str(error).partition("\n")[0]) from None
    except Exception as error:
        raise AuditError(f"{where} cannot be read: {error}", "save it again") from None
    state = state.get("state_dict", state) if isinstance(state, dict) else state
    if not isinstance(state, dict) or not all(isinstance(v, torch.Tensor) for v in state.values()):
        raise AuditError(f"{where} is not a state dict", "save model.state_dict()")
    return state


def fit_state(card: ModelCard, module: nn.Module, path: Path, state: dict[str, Tensor]) -> None:
    """Put a state dict into a network, by the rules of torch's strict `load_state_dict`.

    Args:
        card: Named in messages.
        module: The network; its parameters and buffers are replaced.
        path: The file that the state dict comes from, for messages.
        state: Every parameter and buffer by name.

    Raises:
        AuditError: If names or shapes differ; lists up to three of each.
    """
    own = module.state_dict()
    before = {name: value.clone() for name, value in own.items()}
    try:
        module.load_state_dict(state)  # strict, but copies what fits before it raises
    except RuntimeError as error:
        module.load_state_dict(before)
        raise AuditError(
            f"{card.path}: the weights {path} do not fit '{card.architecture}': "
            f"{_differences(own, state) or str(error).partition(chr(10))[0]}",
            "check the keys 'architecture' and 'arguments' (the number of outputs, for example)",
        ) from None


def _differences(own: dict[str, Tensor], state: dict[str, Tensor]) -> str:
    shapes = [
        f"{name} {tuple(state[name].shape)} instead of {tuple(own[name].shape)}"
        for name in sorted(own.keys() & state.keys())
        if state[name].shape != own[name].shape
    ]
    kinds = (
        ("missing", sorted(own.keys() - state.keys())),
        ("unexpected", sorted(state.keys() - own.keys())),
        ("shape", shapes),
    )
    return "; ".join(
        f"{what}: {', '.join(names[:3])}{' ...' if len(names) > 3 else ''}"
        for what, names in kinds
        if names
    )


def unreadable_archive(card: ModelCard, path: Path, kind: str, error: Exception) -> AuditError:
    """The error for an archive that its loader cannot read, and why."""
    return AuditError(
        f"{card.path}: key 'weights': {path} cannot be read as a {kind} archive: "
        f"{str(error).partition(chr(10))[0]}",
        "check the key 'loader', or export the model again",
    )
