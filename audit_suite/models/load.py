"""Load a model by its card, and try it."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from audit_suite.cards import ModelCard
from audit_suite.models.audited import AuditedModel
from audit_suite.models.digest import model_digest
from audit_suite.models.weights import weights_file
from audit_suite.registry import LOADERS


def load_model(card: ModelCard, fold: int | None = None, device: str = "cpu") -> AuditedModel:
    """Load a model, or one fold of it, and try it on a blank batch.

    Args:
        card: The model's card.
        fold: Which of ``folds``; None for a model with one set of weights.
        device: Where it runs.

    Raises:
        AuditError: If a file is missing or unsafe, weights do not fit, or outputs do not match
            the card's targets; names card and key. If an extension's loader raises or does not
            return a module; names the extension.
    """
    loader = LOADERS.find(card.loader, f"{card.path}: key 'loader'")
    path = weights_file(card, fold)
    with LOADERS.blaming(card.loader):
        module = loader.load(card, path)
    if not isinstance(module, nn.Module):
        raise LOADERS.misbehaved(
            card.loader,
            f"returned {type(module).__name__} for {card.path}, not a torch.nn.Module",
        )
    if loader.has_modes:
        module.eval()
    blank = torch.zeros((2, card.input.channels, *card.input.size), device=device)
    module = module.to(device)
    if device == "cpu":
        _put_channels_last(module, blank)
    model = AuditedModel(card, module, model_digest(card, fold))
    if card.head is not None:
        model.check_head()
    model(blank)
    return model


def _put_channels_last(module: nn.Module, blank: Tensor) -> None:
    """Store weights in the order in which convolutions are fastest on a CPU.

    A pass takes up to a third less time. A network that calls ``view`` on a convolution's output
    does not work in that order, and stays as it was.
    """
    try:
        module.to(memory_format=torch.channels_last)
        with torch.inference_mode():
            module(blank)
    except Exception:  # any other fault is reported when the model is tried as it was
        module.to(memory_format=torch.contiguous_format)
