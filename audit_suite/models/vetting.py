"""What is known of a model before it is loaded: is it allowed to run, and can it be loaded?"""

from __future__ import annotations

from audit_suite.cards import ModelCard, load_model_card
from audit_suite.errors import AuditError
from audit_suite.models.factory import check_file
from audit_suite.models.loader import whole_code
from audit_suite.models.weights import weights_file
from audit_suite.registry import LOADERS


def code_of(card: ModelCard) -> str:
    """What loading a model runs, in words; empty if it runs nothing but audit-suite and torch.

    For example ``callable nets.py:make`` or ``TorchScript program w.pt``.
    """
    loader = LOADERS.find(card.loader, f"{card.path}: key 'loader'")
    with LOADERS.blaming(card.loader):
        words = loader.code(card) if hasattr(loader, "code") else whole_code(loader, card)
    return ", ".join(filter(None, [str(words), card.input.function, card.input.masks]))


def require_input(card: ModelCard) -> None:
    """Refuse a card that does not say how an image becomes the model's input.

    Raises:
        AuditError: Names the keys and the choices.
    """
    if card.input.assumed:
        raise AuditError(
            f"{card.path}: key 'input': {card.input.assumed}",
            "`audit-suite doctor` shows what the model is given",
        )


def require_trust(card: ModelCard) -> None:
    """Refuse a card whose loading runs code without the word of its owner.

    Raises:
        AuditError: If the card does not say ``trusted = true``; names the code.
    """
    if (code := code_of(card)) and not card.trusted:
        raise AuditError(
            f"{card.path}: loading the model '{card.name}' runs code: {code}",
            "read it, and if it may run on this machine add the line `trusted = true` above the "
            "tables of the card; a state dict in a network of torchvision needs no trust",
        )


def require_files(card: ModelCard, fold: int | None) -> None:
    """Refuse a card whose files are missing or unsafe, without running anything of them.

    Raises:
        AuditError: If a file is missing, or if the loader can tell that the weights cannot be
            loaded or would run code that they must not.
    """
    check_file(card)
    weights = weights_file(card, fold)
    loader = LOADERS[card.loader]
    if weights is not None and hasattr(loader, "inspect"):
        with LOADERS.blaming(card.loader):
            loader.inspect(card, weights)


def vet(card: ModelCard, fold: int | None) -> None:
    """Check what can be checked of a model's card and files without running anything of them.

    Raises:
        AuditError: As `require_trust`, `require_input` and `require_files`. The same of the model
            that ``same_as`` names.
    """
    require_trust(card)
    require_input(card)
    require_files(card, fold)
    if card.same_as is not None:
        other = load_model_card(card.resolve(card.same_as)).model_copy(update={"same_as": None})
        vet(other, fold if other.folds else None)
