"""The identity of a model: everything that changes what it says of an image."""

from __future__ import annotations

import hashlib
from pathlib import Path

from torch import nn

from audit_suite.cards import ModelCard, canonical_digest
from audit_suite.errors import AuditError
from audit_suite.models.factory import source_file


def weights_file(card: ModelCard, fold: int | None) -> Path | None:
    """The weights of a model or of one of its folds.

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


def model_digest(card: ModelCard, fold: int | None = None) -> str:
    """SHA-256 of what decides a model's scores: weights, architecture, input and activation.

    Not of its name, description, claims or margins, so that editing those keeps stored evidence
    valid. For a factory outside this package its source file counts.

    Raises:
        AuditError: If a file is missing.
    """
    content = card.model_dump(
        mode="json",
        include={
            "targets",
            "loader",
            "architecture",
            "arguments",
            "activation",
            "embedding_layer",
            "head",
            "input",
        },
    )
    files = [weights_file(card, fold)]
    if card.architecture is not None:
        files.append(source_file(card, card.architecture))
    content["files"] = [_file_digest(path) for path in files if path is not None]
    return canonical_digest(content)


def trunk_digest(card: ModelCard, module: nn.Module) -> str:
    """SHA-256 of what decides a model's embedding: all but the weights of its head."""
    content = card.model_dump(
        mode="json", include={"loader", "architecture", "arguments", "embedding_layer", "input"}
    )
    if card.architecture is not None and (source := source_file(card, card.architecture)):
        content["source"] = _file_digest(source)
    digest = hashlib.sha256(canonical_digest(content).encode())
    for name, value in sorted(module.state_dict().items()):
        if not name.startswith(f"{card.head}."):
            digest.update(name.encode() + value.cpu().numpy().tobytes())
    return digest.hexdigest()


def _file_digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
