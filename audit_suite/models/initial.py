"""The network of a model before it is trained."""

from __future__ import annotations

from typing import TYPE_CHECKING

from audit_suite.cards import ModelCard
from audit_suite.errors import AuditError
from audit_suite.models.checkpoints import states_in
from audit_suite.models.factory import call_factory
from audit_suite.models.weights import fit_state, read_tensors

if TYPE_CHECKING:
    from torch import nn


def initial_network(card: ModelCard, initial: str | None, trainable: tuple[str, ...]) -> nn.Module:
    """The network of a card before training.

    Args:
        card: Names the factory under ``architecture`` and its ``arguments``.
        initial: Where training starts: another factory, a weights file that fits except for the
            trainable layers, or None for the architecture's own initialisation.
        trainable: Layers that are trained; a weights file need not contain them.

    Raises:
        AuditError: If the factory or the file is missing or does not fit.
    """
    if initial is None:
        return call_factory(card)
    if ":" in initial:
        return call_factory(card.model_copy(update={"architecture": initial}))
    module = call_factory(card)
    path = card.resolve(initial)
    if not path.is_file():
        raise AuditError(
            f"{card.path}: key 'initial': {path} does not exist",
            "name a weights file relative to the recipe, or a factory",
        )
    own = module.state_dict()
    trained = {key for key in own if key.startswith(tuple(f"{layer}." for layer in trainable))}
    states = states_in(read_tensors(card, path))
    tensors = states[0].tensors if states else {}
    kept = {key: value for key, value in tensors.items() if key in own and key not in trained}
    fit_state(card, module, path, {**{key: own[key] for key in trained}, **kept})
    return module
