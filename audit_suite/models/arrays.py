"""Models that are functions of arrays: programs of other libraries, and plain functions."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from audit_suite.cards import ModelCard
from audit_suite.errors import AuditError


class ArrayModel(nn.Module):
    """A model that computes outside torch; no gradient goes through it.

    Attributes:
        library: The package that computes; its version is a part of the model's digest.
    """

    library = ""

    @abstractmethod
    def run(self, images: NDArray[np.float32]) -> Any:
        """Outputs of some images: an array, or a table of arrays by name.

        Args:
            images: Shape (B, C, H, W), normalised; the model may change them.
        """
        ...

    def forward(self, batch: Tensor) -> Any:
        """The outputs as tensors on the batch's device.

        Raises:
            TypeError: If it is traced instead of called.
        """
        if not isinstance(batch, Tensor):
            raise TypeError(f"a model of {self.library or 'plain arrays'} shows no layers")
        images = batch.detach().cpu().numpy().astype(np.float32, order="C", copy=True)
        return _tensors(self.run(images), batch.device)


class PlainFunction(ArrayModel):
    """A function of somebody's own; lists of numbers are accepted from it."""

    def __init__(self, function: Callable[..., Any]) -> None:
        super().__init__()
        self._function = function

    def run(self, images: NDArray[np.float32]) -> Any:
        """Whatever it returns."""
        return self._function(images)


def _tensors(outputs: Any, device: torch.device) -> Any:
    if isinstance(outputs, dict):
        return {name: _tensors(value, device) for name, value in outputs.items()}
    if isinstance(outputs, Tensor):
        return outputs.to(device)
    array = np.array(outputs)
    return torch.from_numpy(array if array.dtype.kind != "f" else array.astype(np.float32)).to(
        device
    )


def channels_last(card: ModelCard, shape: Sequence[int | None], of: str) -> bool:
    """Whether a program takes images as (B, H, W, C); it takes (B, C, H, W) otherwise.

    Args:
        card: Its ``input`` must agree with the shape.
        shape: What the program takes; None where any number fits.
        of: The program, for messages.

    Raises:
        AuditError: If it takes something other than images of the card's size and channels.
    """
    height, width = card.input.size
    channels = card.input.channels
    orders = {False: (channels, height, width), True: (height, width, channels)}
    if len(shape) == 4:
        for last, wanted in orders.items():
            if all(has in (None, needs) for has, needs in zip(shape[1:], wanted, strict=True)):
                return last
    shown = ", ".join("any" if side is None else str(side) for side in shape)
    raise AuditError(
        f"{card.path}: key 'input': {of} takes ({shown}), and the card gives images with "
        f"{channels} channels of size [{height}, {width}]",
        "correct the keys 'size' and 'channels' under 'input'",
    )
