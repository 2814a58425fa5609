"""Load a model by its card, and try it."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn

from audit_suite.cards import ModelCard, load_model_card
from audit_suite.errors import AuditError
from audit_suite.models.audited import AuditedModel
from audit_suite.models.digest import Identity
from audit_suite.models.factory import module_name
from audit_suite.models.function import check_function
from audit_suite.models.notes import note, taking_notes
from audit_suite.models.outputs import note_probabilities
from audit_suite.models.own_input import own_modules
from audit_suite.models.placing import placed
from audit_suite.models.preprocessing import normalise
from audit_suite.models.sources import noting_imports, sources
from audit_suite.models.weights import weights_file
from audit_suite.registry import LOADERS, SHIPPED

_TRIED = 4  # images of noise
_COMPARED = 16  # with the model that this one was exported from
_SAME = 1e-3  # relative to the largest output, if that exceeds 1: float32 in another order


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
        noted.update(own_modules(card.input))
        made = "" if LOADERS.origin(card.loader) == SHIPPED else type(loader).__module__
        code = sources(module, module_name(card) or made, noted)
    return module, Identity(card, path, module, code)


def load_model(
    card: ModelCard,
    fold: int | None = None,
    device: str = "cpu",
    settle: Callable[[], None] | None = None,
) -> AuditedModel:
    """Load a model, or one fold of it, and try it on noise.

    Loading may run code that the card names. An audit asks for the card's word first
    (`models.vetting.vet`); whoever calls this function has given it.

    Args:
        card: The model's card.
        fold: Which of ``folds``; None for a model with one set of weights.
        device: Where it runs.
        settle: Called when its code is imported, which may have changed torch's settings.

    Raises:
        AuditError: If a file is missing or unsafe, weights do not fit, outputs do not match the
            card's targets, or scores depend on more than the image, or differ from those of the
            model that ``same_as`` names; names card and key. If an extension's loader raises or
            does not return a module; names the extension.
    """
    with taking_notes() as notes:
        module, identity = load_module(card, fold)
        if settle is not None:
            settle()
        noise = _noise(card, _TRIED, device)
        module = placed(module, device)
        model = AuditedModel(card, module, identity.digest(), identity.trunk(), device)
        if device == "cpu":  # on CUDA it depends on the precision
            model.lay_out(channels_last=True)
        model.find_outputs(torch.zeros_like(noise[:2]))
        if card.head is not None:
            model.check_head()
        model(torch.zeros_like(noise[:2]))
    with taking_notes() as seen:
        images = normalise(noise, card.input)
        check_function(model, images, "noise")
        note_probabilities(card, model.outputs(images))
        if card.same_as is not None:
            _check_same(model, card, fold, device)
    model.notes = (*notes, *seen)
    return model


def _noise(card: ModelCard, count: int, device: str) -> Tensor:
    shape = (count, card.input.channels, *card.input.size)
    return torch.rand(shape, generator=torch.Generator().manual_seed(0)).to(device)


def _check_same(model: AuditedModel, card: ModelCard, fold: int | None, device: str) -> None:
    """Compare a model with the one that it was exported from, before any activation.

    Raises:
        AuditError: If the two differ by more than arithmetic does, or cannot be compared.
    """
    assert card.same_as is not None, "the caller has looked"
    original = load_model_card(card.resolve(card.same_as)).model_copy(update={"same_as": None})
    where = f"{card.path}: key 'same_as'"
    if original.targets != card.targets:
        raise AuditError(
            f"{where}: {original.path} has the targets {list(original.targets)}, this card "
            f"{list(card.targets)}",
            "name the same targets in both cards, in the same order",
        )
    other = load_model(original, fold if original.folds else None, device)
    noise = _noise(card, _COMPARED, device)
    mine = model.outputs(normalise(noise, card.input))[:, list(model.columns)]
    theirs = other.outputs(normalise(noise, original.input))[:, list(other.columns)]
    gap = float((mine - theirs).abs().max())
    if gap > _SAME * max(1.0, float(theirs.abs().max())):
        raise AuditError(
            f"{where}: on {_COMPARED} images the outputs differ by up to {gap:.2g} from those of "
            f"{original.path}",
            "export the model again from these weights in evaluation mode, and give both cards "
            "the same 'input'",
        )
    note(f"its outputs on {_COMPARED} images are those of {original.path.name}")
