"""The identity of a model: a digest of everything that changes its scores."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import TYPE_CHECKING

from audit_suite.cards import ModelCard, canonical_digest
from audit_suite.models.factory import source_file
from audit_suite.models.weights import weights_file
from audit_suite.registry import LOADERS

if TYPE_CHECKING:
    from torch import nn


def model_digest(card: ModelCard, fold: int | None = None) -> str:
    """SHA-256 of what decides a model's scores: weights, architecture, input and activation.

    Name, description, claims and margins do not count, so that stored evidence stays valid when
    they change. The source files of the factory and of an extension's loader count; the modules
    that these import do not.

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
    return canonical_digest(content | _loader_source(card))


def trunk_digest(card: ModelCard, module: nn.Module) -> str:
    """SHA-256 of what decides a model's embedding: everything but the weights of its head.

    Args:
        card: The model's card; it names a head.
        module: The loaded model.

    Raises:
        AuditError: If a source file is missing.
    """
    content = card.model_dump(
        mode="json", include={"loader", "architecture", "arguments", "embedding_layer", "input"}
    )
    if card.architecture is not None and (source := source_file(card, card.architecture)):
        content["source"] = _file_digest(source)
    digest = hashlib.sha256(canonical_digest(content | _loader_source(card)).encode())
    for name, value in sorted(module.state_dict().items()):
        if not name.startswith(f"{card.head}."):
            digest.update(name.encode() + value.cpu().numpy().tobytes())
    return digest.hexdigest()


def _loader_source(card: ModelCard) -> dict[str, str]:
    """What an extension's loader adds to a digest; shipped loaders add nothing."""
    fingerprint = LOADERS.fingerprint(card.loader)
    return {"loader_source": fingerprint} if fingerprint else {}


def _file_digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
