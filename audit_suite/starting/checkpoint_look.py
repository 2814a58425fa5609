"""Which network of torchvision a checkpoint belongs to, and what its input and outputs are."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from audit_suite.cards import ModelCard
from audit_suite.models.checkpoints import states_in
from audit_suite.models.weights import read_tensors

_FAMILIES = ("resnet", "densenet", "efficientnet", "convnext", "vit", "swin", "mobilenet", "vgg")
"""Tried first: what people train."""
_COUNTER = "num_batches_tracked"


@dataclass(frozen=True)
class Network:
    """What a checkpoint says of its network.

    Attributes:
        architecture: ``torchvision:NAME``; empty if it is none of torchvision's.
        outputs: Number of outputs.
        channels: Channels of its input.
    """

    architecture: str
    outputs: int
    channels: int


def look_into(path: Path, architecture: str) -> Network | None:
    """What can be told of a checkpoint from its tensors alone.

    Args:
        path: The file.
        architecture: The network, if it is known; empty to search.

    Returns:
        None if the file holds no state dict.

    Raises:
        AuditError: If it cannot be read, or would run code.
    """
    card = ModelCard.model_construct(name="model")
    card._path = path.parent / "model.toml"
    states = [state.tensors for state in states_in(read_tensors(card, path))]
    if not states:
        return None
    state = max(states, key=len)
    matrices = [tensor for tensor in state.values() if tensor.ndim in (2, 4)]
    if not matrices:
        return None
    first = next((tensor for tensor in matrices if tensor.ndim == 4), matrices[0])
    channels = int(first.shape[1]) if first.ndim == 4 and first.shape[1] in (1, 3) else 3
    outputs = int(matrices[-1].shape[0])
    return Network(architecture or _searched(state), outputs, channels)


def _searched(state: Mapping[str, Any]) -> str:
    shapes = {name: tuple(tensor.shape) for name, tensor in state.items()}
    for name, own in _networks():
        if _is_of(own, shapes):
            return f"torchvision:{name}"
    return ""


def _networks() -> Iterator[tuple[str, dict[str, tuple[int, ...]]]]:
    """Torchvision's classifiers with the shapes of their weights; nothing is allocated."""
    import torch
    import torchvision.models
    from torchvision.models import get_model_builder, list_models

    def rank(name: str) -> tuple[int, str]:
        family = [name.startswith(each) for each in _FAMILIES]
        return (family.index(True) if any(family) else len(family), name)

    for name in sorted(list_models(module=torchvision.models), key=rank):
        try:
            with torch.device("meta"), warnings.catch_warnings():
                warnings.simplefilter("ignore")
                network = get_model_builder(name)(weights=None)
        except (RuntimeError, NotImplementedError):
            continue  # its first weights are drawn in a way that needs memory
        yield name, {key: tuple(t.shape) for key, t in network.state_dict().items()}


def _is_of(own: Mapping[str, tuple[int, ...]], there: Mapping[str, tuple[int, ...]]) -> bool:
    """Whether weights are a network's, but for the number of its outputs and a prefix."""
    needed = [name for name in own if not name.endswith(_COUNTER)]
    if not needed:
        return False
    ends = [name for name in there if name.endswith(needed[0])]
    return any(_match(own, needed, there, name[: -len(needed[0])]) for name in ends)


def _match(
    own: Mapping[str, tuple[int, ...]],
    needed: list[str],
    there: Mapping[str, tuple[int, ...]],
    prefix: str,
) -> bool:
    differing = 0
    inside = sum(name.startswith(prefix) and not name.endswith(_COUNTER) for name in there)
    for name in needed:
        shape = there.get(prefix + name)
        if shape is None or (shape[1:] != own[name][1:] and shape != own[name]):
            if shape is None or own[name][1:] != (3, *own[name][2:]):
                return False
            shape = own[name]  # a first layer of another number of channels
        differing += shape != own[name]
    return inside == len(needed) and differing <= 2
