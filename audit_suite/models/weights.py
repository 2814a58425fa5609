"""Weights files: find them, read state dicts without running code, fit them into a network."""

from __future__ import annotations

import hashlib
import json
import pickle
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from audit_suite.cards import ModelCard, canonical_digest
from audit_suite.errors import AuditError
from audit_suite.models.pickles import file_imports
from audit_suite.registry import LOADERS

if TYPE_CHECKING:
    from torch import Tensor, nn

_AROUND = {".git", ".cache", ".DS_Store"}
"""What lies in a folder beside a model, and is no part of it."""


def weights_file(card: ModelCard, fold: int | None) -> Path | None:
    """The weights file of a model or of one of its folds, or its folder; None if there is none.

    Raises:
        AuditError: If it does not exist, or is a folder where the loader takes a file.
    """
    name = card.weights if fold is None else card.folds[fold]
    if name is None:
        return None
    path = card.resolve(name)
    takes = getattr(LOADERS[card.loader], "takes", ("file",))
    kind = "folder" if path.is_dir() else "file"
    if path.exists() and kind in takes:
        return path
    key = "weights" if fold is None else f"folds[{fold}]"
    where = f"{card.path}: key '{key}': {path}"
    if not path.exists():
        raise AuditError(f"{where} does not exist", "paths are relative to the card; check the key")
    raise AuditError(
        f"{where} is a {kind}", f"name the {' or '.join(takes)} that loader '{card.loader}' reads"
    )


def files_of(card: ModelCard, weights: Path) -> dict[str, Path]:
    """All files that a model is loaded from, by their names on every machine.

    They are the weights file and those that its loader says belong to it, or all of a folder,
    except what version control and downloads leave there.
    """
    if weights.is_dir():
        paths = sorted(path for path in weights.rglob("*") if path.is_file())
        named = {path.relative_to(weights): path for path in paths}
        return {str(k.as_posix()): v for k, v in named.items() if not _AROUND & set(k.parts)}
    beside = getattr(LOADERS[card.loader], "beside", lambda _: ())(weights)
    return {"": weights, **{path.name: path for path in beside}}


def files_digest(card: ModelCard, weights: Path) -> str:
    """SHA-256 of the content of `files_of`."""
    digests = {name: _file_digest(path) for name, path in files_of(card, weights).items()}
    return digests[""] if digests.keys() == {""} else canonical_digest(digests)


def _file_digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


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
        "where you have its code, save the state dict alone: "
        'safetensors.torch.save_file(model.state_dict(), "model.safetensors")',
    )


def read_tensors(card: ModelCard, path: Path) -> dict[str, Any]:
    """What a safetensors file holds, or one written by ``torch.save``.

    Nothing but tensors, numbers, text and collections of these is unpickled.

    Args:
        card: Named in messages.
        path: The file.

    Raises:
        AuditError: If the file cannot be read, would run code, or holds no table of tensors.
    """
    import torch
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    where = f"{card.path}: key 'weights': {path}"
    if path.suffix == ".safetensors":
        try:
            tensors: dict[str, Any] = load_file(path)
        except (SafetensorError, OSError) as error:
            raise AuditError(
                f"{where} is not a readable safetensors file: {error}", "save it again"
            ) from None
        return tensors
    try:
        content = torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        raise _unsafe(where, str(error).partition("\n")[0]) from None
    except Exception as error:
        raise AuditError(f"{where} cannot be read: {error}", "save it again") from None
    if not isinstance(content, dict):
        raise AuditError(f"{where} is not a state dict", "save model.state_dict()")
    return content


def fit_state(
    card: ModelCard, module: nn.Module, path: Path, state: Mapping[str, Tensor], place: str = ""
) -> None:
    """Put a state dict into a network, by the rules of torch's strict `load_state_dict`.

    Args:
        card: Named in messages.
        module: The network; its parameters and buffers are replaced.
        path: The file that the state dict comes from, for messages.
        state: Every parameter and buffer by name.
        place: Where in the file it lies, for messages.

    Raises:
        AuditError: If names or shapes differ; lists up to three of each.
    """
    own = module.state_dict()
    before = {name: value.clone() for name, value in own.items()}
    try:
        module.load_state_dict(state)  # strict, but copies what fits before it raises
    except RuntimeError as error:
        module.load_state_dict(before)
        words = "; ".join(_words(kind, names) for kind, names in _differences(own, state) if names)
        raise AuditError(
            f"{card.path}: the weights {path}{f' (state {place!r})' if place else ''} do not fit "
            f"'{card.architecture}': {words or str(error).partition(chr(10))[0]}",
            "check the keys 'architecture' and 'arguments' (the number of outputs, for example)",
        ) from None


def difference(own: Mapping[str, Tensor], state: Mapping[str, Tensor]) -> list[str]:
    """The names in which a state dict and a network differ."""
    return [name for _, names in _differences(own, state) for name in names]


def _differences(
    own: Mapping[str, Tensor], state: Mapping[str, Tensor]
) -> tuple[tuple[str, list[str]], ...]:
    shapes = [
        f"{name} {tuple(state[name].shape)} instead of {tuple(own[name].shape)}"
        for name in sorted(own.keys() & state.keys())
        if state[name].shape != own[name].shape
    ]
    return (
        ("missing", sorted(own.keys() - state.keys())),
        ("unexpected", sorted(state.keys() - own.keys())),
        ("shape", shapes),
    )


def _words(kind: str, names: list[str]) -> str:
    return f"{kind}: {', '.join(names[:3])}{' ...' if len(names) > 3 else ''}"


def unreadable_archive(card: ModelCard, path: Path, kind: str, error: Exception) -> AuditError:
    """The error for an archive that its loader cannot read, and why."""
    article = "an" if kind[0] in "AEIOU" else "a"
    return AuditError(
        f"{card.path}: key 'weights': {path} cannot be read as {article} {kind} archive: "
        f"{str(error).partition(chr(10))[0]}",
        "check the key 'loader', or export the model again, with its weights on the CPU",
    )
