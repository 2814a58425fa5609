"""Compile a network with ``torch.compile`` where so much is scored that it pays."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

WORTH = 3.5e14
"""Operations of one pass over a data set from which compiling saves more than the minutes it takes.

On an H200 a DenseNet-121 of 224 px makes 9,424 passes a second in bf16, and 1.6 times as many when
it is compiled, which takes about two minutes: 25 maskings of 120,000 images, 2.9 billion operations
each, save as much. What is counted is the same in every run, and whatever else is planned with it.
"""
_SAME = 5e-2  # relative to the largest output, if that exceeds 1: fused kernels round less often


class Compiled:
    """A compiled network for batches of one shape, in the arithmetic it was compiled under.

    Args:
        run: The compiled network.
        shape: The shape it was compiled for; others would be compiled anew.
        halved: Whether it was compiled under autocast.
    """

    def __init__(self, run: Callable[[Tensor], Any], shape: torch.Size, halved: bool) -> None:
        self._run = run
        self._shape = shape
        self._halved = halved

    def fits(self, batch: Tensor) -> bool:
        """Whether a batch has that shape, and the arithmetic is the same."""
        device = batch.device.type
        return batch.shape == self._shape and torch.is_autocast_enabled(device) == self._halved

    def __call__(self, batch: Tensor) -> Any:
        """What the network returns."""
        return self._run(batch)


def pays(module: nn.Module, batch: Tensor, images: int) -> bool:
    """Whether a data set is so large that compiling pays.

    Args:
        module: The network.
        batch: Some images as it takes them; how many operations it takes is counted on them.
        images: Images of the data set.
    """
    from torch.utils.flop_counter import FlopCounterMode

    with FlopCounterMode(display=False) as counter, torch.inference_mode():
        module(batch)
    operations = counter.get_total_flops() / 2 / len(batch)  # a multiplication with its sum is one
    return bool(operations * images >= WORTH)


def compiled(module: nn.Module, batch: Tensor) -> Compiled | None:
    """Compile a network, and try it.

    Args:
        module: The network.
        batch: A batch of the size that it will be given.

    Returns:
        None if it cannot be compiled, or then gives other outputs: it is used as it is.
    """
    halved = torch.is_autocast_enabled(batch.device.type)
    try:
        made = torch.compile(module, dynamic=False)
        with torch.inference_mode():
            own, same = _first(module(batch)), _first(made(batch))
    except Exception:  # whatever a compiler meets in a network, or lacks on a machine
        return None
    limit = _SAME * max(1.0, float(own.abs().max()))
    if own.shape != same.shape or float((own - same).abs().max()) > limit:
        return None
    return Compiled(made, batch.shape, halved)


def _first(returned: Any) -> Tensor:
    """Scores that are a tensor; anything else is not compiled.

    Raises:
        TypeError: If it is something else.
    """
    if not isinstance(returned, Tensor):
        raise TypeError(type(returned).__name__)
    return returned.float()
