"""What the judge sees of a model by itself: its card, and the files that the card names."""

from __future__ import annotations

import hashlib

from audit_suite.cards import ModelCard, canonical_digest
from audit_suite.models.weights import files_digest, weights_file

_SETTINGS = {
    "targets",
    "loader",
    "architecture",
    "arguments",
    "input",
    "state",
    "outputs",
    "output",
}


def seen_digest(card: ModelCard, fold: int | None) -> str:
    """SHA-256 of a card's settings, its weights files, and the factory's file if it names one.

    The digest that a model's own process gives is joined with it: that process can claim what it
    likes, but it cannot take the stored evidence of another model for its own.

    Args:
        card: The model's card.
        fold: Which of its folds.

    Raises:
        AuditError: If the weights file does not exist.
    """
    settings = card.model_dump(mode="json", include=_SETTINGS)
    weights = weights_file(card, fold)
    digests = [] if weights is None else [files_digest(card, weights)]
    digests += [
        hashlib.sha256(file.read_bytes()).hexdigest()
        for file in card.input.code()
        if file.is_file()
    ]
    module, _, _ = (card.architecture or "").partition(":")
    if module.endswith(".py") and (file := card.resolve(module)).is_file():
        digests.append(hashlib.sha256(file.read_bytes()).hexdigest())
    return canonical_digest([settings, digests])
