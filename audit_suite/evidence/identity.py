"""What the judge sees of a model by itself: its card, and the files that the card names."""

from __future__ import annotations

import hashlib
from pathlib import Path

from audit_suite.cards import ModelCard, canonical_digest
from audit_suite.models.weights import weights_file


def seen_digest(card: ModelCard, fold: int | None) -> str:
    """SHA-256 of a card's settings, of the weights file, and of the factory's file if it names one.

    The digest that a model's own process gives is joined with it: that process can claim what it
    likes, but it cannot take the stored evidence of another model for its own.

    Args:
        card: The model's card.
        fold: Which of its folds.

    Raises:
        AuditError: If the weights file does not exist.
    """
    settings = card.model_dump(
        mode="json", include={"targets", "loader", "architecture", "arguments", "input"}
    )
    files = [weights_file(card, fold), *card.input.code()]
    module, _, _ = (card.architecture or "").partition(":")
    if module.endswith(".py"):
        files.append(card.resolve(module))
    digests = [_file_digest(file) for file in files if file is not None and file.is_file()]
    return canonical_digest([settings, digests])


def _file_digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
