"""Load a model by its card, and try it."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from audit_suite.cards import ModelCard
from audit_suite.models.audited import AuditedModel
from audit_suite.models.digest import Identity
from audit_suite.models.factory import module_name
from audit_suite.models.function import check_function
from audit_suite.models.preprocessing import normalise
from audit_suite.models.sources import noting_imports, sources
from audit_suite.models.weights import weights_file
from audit_suite.registry import LOADERS, SHIPPED

_TRIED = 4  # images of noise


def load_module(card: ModelCard, fold: int | None) -> tuple[nn.Module, Identity]:
    """Load a model's network in evaluation mode onto the CPU, without trying it.

    Args:
        card: The model's card.
        fold: Which of ``folds``; None for a model with one set of weights.

    Raises:
        AuditError: If a file is missing or unsafe, or weights do not fit; names card and key. If
            an extension's loader raises or does not return a module; names the extension.
    """
    loader = LOADERS.find(card.loader, f"{card.path}: key 'loader'")
    path = weights_file(card, fold)
    with noting_imports() as noted:
        with LOADERS.blaming(card.loader):
            module = loader.load(card, path)
        if not isinstance(module, nn.Module):
            raise LOADERS.misbehaved(
                card.loader,
                f"returned {type(module).__name__} for {card.path}, not a torch.nn.Module",
            )
        if loader.has_modes:
            module.eval()
        made = "" if LOADERS.origin(card.loader) == SHIPPED else type(loader).__module__
        code = sources(module, module_name(card) or made, noted)
    return module, Identity(card, path, module, code)


def load_model(card: ModelCard, fold: int | None = None, device: str = "cpu") -> AuditedModel:
    """Load a model, or one fold of it, and try it on noise.

    Loading may run code that the card names. An audit asks for the card's word first
    (`models.vetting.vet`); whoever calls this function has given it.

    Args:
        card: The model's card.
        fold: Which of ``folds``; None for a model with one set of weights.
        device: Where it runs.

    Raises:
        AuditError: If a file is missing or unsafe, weights do not fit, outputs do not match the
            card's targets, or scores depend on more than the image; names card and key. If an
            extension's loader raises or does not return a module; names the extension.
    """
    module, identity = load_module(card, fold)
    shape = (_TRIED, card.input.channels, *card.input.size)
    noise = torch.rand(shape, generator=torch.Generator().manual_seed(0)).to(device)
    module = module.to(device)
    if device == "cpu":
        _put_channels_last(module, noise[:2])
    model = AuditedModel(card, module, identity.digest(), identity.trunk())
    if card.head is not None:
        model.check_head()
    model(torch.zeros_like(noise[:2]))
    check_function(model, normalise(noise, card.input), "noise")
    return model


def _put_channels_last(module: nn.Module, batch: Tensor) -> None:
    """Store weights in the order in which convolutions are fastest on a CPU.

    A pass takes up to a third less time. A network that calls ``view`` on a convolution's output
    does not work in that order, and stays as it was.
    """
    try:
        module.to(memory_format=torch.channels_last)
        with torch.inference_mode():
            module(batch)
    except Exception:  # any other fault is reported when the model is tried as it was
        module.to(memory_format=torch.contiguous_format)
