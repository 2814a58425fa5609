"""The state dicts inside a checkpoint: found, unwrapped, and fitted into a network."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from audit_suite.cards import ModelCard
from audit_suite.errors import AuditError
from audit_suite.models.notes import note
from audit_suite.models.weights import difference, fit_state

if TYPE_CHECKING:
    from torch import Tensor, nn

_COUNTER = "num_batches_tracked"  # batch norm counts batches, and does not use the count later
_AVERAGED = re.compile(r"(^|[._])(ema|swa|averaged?)([._]|$)")
_SHOWN = 3


@dataclass(frozen=True)
class State:
    """A state dict in a checkpoint.

    Attributes:
        place: The keys above it and the prefix of its names, joined by dots, such as
            ``state_dict.model``; empty if the file is the state dict itself.
        tensors: By the names that the network has for them.
        others: Names beside it that do not have its prefix, such as those of a loss.
    """

    place: str
    tensors: Mapping[str, Tensor]
    others: tuple[str, ...] = ()

    def is_of(self, name: str) -> bool:
        """Whether a card's key ``state`` names it: its place, or one that it lies in."""
        return f"{self.place}.".startswith(f"{name.rstrip('.')}.")


def states_in(content: Mapping[str, Any]) -> list[State]:
    """The state dicts in what a file holds: the file itself, or up to two keys deep."""
    if _is_state(content):
        return [State("", content)]
    states = []
    for key, value in content.items():
        if _is_state(value):
            states.append(State(str(key), value))
        elif isinstance(value, dict):
            inner = [(k, v) for k, v in value.items() if _is_state(v)]
            states += [State(f"{key}.{k}", v) for k, v in inner]
    return states


def fit_checkpoint(
    card: ModelCard, module: nn.Module, path: Path, content: Mapping[str, Any]
) -> None:
    """Put the state of a checkpoint that fits into a network, and note which it was.

    Prefixes such as ``module.`` are taken off where the names then are those of the network.

    Args:
        card: Its key ``state`` says which, if there are several.
        module: The network; its parameters and buffers are replaced.
        path: The file that the content comes from, for messages.
        content: What `read_tensors` returned.

    Raises:
        AuditError: If none fits, or several fit and the card does not say which.
    """
    held = states_in(content)
    _fill_empty_buffers(module, held)
    own = module.state_dict()
    states = [each for state in held for each in _unprefixed(state, own)]
    where = f"{card.path}: key 'weights': {path}"
    if not states:
        raise AuditError(f"{where} is not a state dict", "save model.state_dict()")
    if card.state is not None:
        named = [state for state in states if state.is_of(card.state)]
        if not named:
            raise AuditError(
                f"{card.path}: key 'state': {path} holds no state '{card.state}'",
                f"it holds: {_places(states)}",
            )
        states = named
    fitting = [state for state in states if _fits(state, own)]
    state = _chosen(card, path, fitting) if fitting else _closest(states, own)
    counters = {name: own[name] for name in own if name.endswith(_COUNTER)}
    fit_state(card, module, path, {**counters, **state.tensors}, state.place)
    _say(state, fitting, path)


def _is_state(value: Any) -> bool:
    import torch

    return (
        isinstance(value, dict)
        and bool(value)
        and all(isinstance(key, str) for key in value)
        and all(isinstance(each, torch.Tensor) for each in value.values())
    )


def _fill_empty_buffers(module: nn.Module, states: list[State]) -> None:
    """Give buffers that are None until weights come, and that a state holds, a tensor to fill."""
    empty = [
        (layer, name, f"{path}.{name}".lstrip("."))
        for path, layer in module.named_modules()
        for name, buffer in layer._buffers.items()
        if buffer is None
    ]
    for layer, name, whole in empty:
        for state in states:
            for key, value in state.tensors.items():
                if key == whole or key.endswith(f".{whole}"):
                    setattr(layer, name, value.clone())


def _unprefixed(state: State, own: Mapping[str, Tensor]) -> Iterator[State]:
    """A state as it is, and without each prefix that the network's first name has in it."""
    yield state
    first = next(iter(own), "")
    for name in state.tensors if first else ():
        if name.endswith(f".{first}"):
            prefix = name[: -len(first)]
            tensors = {
                key.removeprefix(prefix): value
                for key, value in state.tensors.items()
                if key.startswith(prefix)
            }
            others = tuple(key for key in state.tensors if not key.startswith(prefix))
            place = f"{state.place}.{prefix}".strip(".")
            yield State(place, tensors, others)


def _fits(state: State, own: Mapping[str, Tensor]) -> bool:
    missing = own.keys() - state.tensors.keys()
    return (
        all(name.endswith(_COUNTER) for name in missing)
        and state.tensors.keys() <= own.keys()
        and all(value.shape == own[name].shape for name, value in state.tensors.items())
    )


def _chosen(card: ModelCard, path: Path, fitting: list[State]) -> State:
    """The only state, or the only one that is no average over training."""
    plain = [state for state in fitting if not _AVERAGED.search(state.place)] or fitting
    if len(plain) > 1:
        raise AuditError(
            f"{card.path}: key 'weights': {path} holds several states that fit "
            f"'{card.architecture}': {_places(plain)}",
            f'say which with the key `state`, for example state = "{plain[0].place}"',
        )
    return plain[0]


def _closest(states: list[State], own: Mapping[str, Tensor]) -> State:
    """The state to name in a message: the one with the fewest names that do not fit."""
    return min(states, key=lambda state: len(difference(own, state.tensors)))


def _places(states: list[State]) -> str:
    return ", ".join(dict.fromkeys(f"'{state.place}'" for state in states))


def _say(state: State, fitting: list[State], path: Path) -> None:
    if state.place:
        note(f"{path.name}: the weights are those of its state '{state.place}'")
    others = [each for each in fitting if each is not state]
    if others:
        note(
            f"{path.name}: it also holds {_places(others)}, not taken; the key `state` chooses: "
            f'state = "{others[0].place}"'
        )
    if state.others:
        shown = ", ".join(state.others[:_SHOWN])
        more = " ..." if len(state.others) > _SHOWN else ""
        note(f"{path.name}: {len(state.others)} tensors are not the network's: {shown}{more}")
