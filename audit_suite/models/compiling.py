"""Compile a network with ``torch.compile`` where so much is scored that it pays."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from typing import Any

import torch
from torch import Tensor, nn

WORTH = 3.5e14
"""Operations of one pass over a data set from which compiling saves more than the minutes it takes.

On an H200 a DenseNet-121 of 224 px makes 9,424 passes a second in bf16, and 1.6 times as many when
it is compiled, which takes about two minutes: 25 maskings of 120,000 images, 2.9 billion operations
each, save as much. What is counted is the same in every run, and whatever else is planned with it.
"""
_SAME = {"bf16": 5e-2, "tf32": 5e-3, "fp32": 5e-5}
"""By how much outputs may differ, relative to the largest if that exceeds 1: fused kernels round
less often. Half of what stored scores may differ by from the network's (`function.tolerance`)."""


_SHAPES = 64  # compiled forms of one piece of code, such as the folds of a model
_LIMITS: Mapping[tuple[str, str], object] = {
    ("recompile_limit", "cache_size_limit"): _SHAPES,
    ("fail_on_recompile_limit_hit", "fail_on_cache_limit_hit"): True,
}
"""Settings of torch by their names, of which a version may lack one. By default the ninth form of
one piece of code is silently not compiled."""


class Compiled:
    """A compiled network for batches of one shape, in the arithmetic it was compiled under.

    Args:
        run: The compiled network.
        batch: One like which it was compiled for; others would be compiled anew.
    """

    def __init__(self, run: Callable[[Tensor], Any], batch: Tensor) -> None:
        self._run = run
        self._shape = batch.shape
        self._arithmetic = _arithmetic(batch)

    def fits(self, batch: Tensor) -> bool:
        """Whether a batch has that shape, and the arithmetic is the same."""
        return batch.shape == self._shape and _arithmetic(batch) == self._arithmetic

    def __call__(self, batch: Tensor) -> Any:
        """What the network returns."""
        return self._run(batch)


class CompiledForms:
    """The compiled forms of a network, each made once; that one cannot be made is remembered."""

    def __init__(self) -> None:
        self._made: dict[tuple[torch.Size, str], Compiled | None] = {}

    def of(self, module: nn.Module, batch: Tensor) -> Compiled | None:
        """The form for batches like one, made at the first call.

        Args:
            module: The network.
            batch: A batch of the size that it will be given.
        """
        key = batch.shape, _arithmetic(batch)
        if key not in self._made:
            self._made[key] = compiled(module, batch)
        return self._made[key]


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
    try:
        made = torch.compile(module, dynamic=False)
        with _raised_limits(), torch.inference_mode():
            own, same = _first(module(batch)), _first(made(batch))
    except Exception:  # whatever a compiler meets in a network, or lacks on a machine
        return None
    limit = _SAME[_arithmetic(batch)] * max(1.0, float(own.abs().max()))
    if own.shape != same.shape or float((own - same).abs().max()) > limit:
        return None
    return Compiled(made, batch)


def _arithmetic(batch: Tensor) -> str:
    """The precision that is set now (`evidence.arithmetic.computing_in`)."""
    if torch.is_autocast_enabled(batch.device.type):
        return "bf16"
    return "tf32" if torch.backends.cuda.matmul.allow_tf32 else "fp32"


def _raised_limits() -> AbstractContextManager[Any]:
    """Many forms of one piece of code are compiled, and one too many is an error."""
    from torch._dynamo import config

    known = {
        name: value
        for names, value in _LIMITS.items()
        for name in [name for name in names if hasattr(config, name)][:1]
    }
    patched: AbstractContextManager[Any] = config.patch(known)
    return patched


def _first(returned: Any) -> Tensor:
    """Scores that are a tensor; anything else is not compiled.

    Raises:
        TypeError: If it is something else.
    """
    if not isinstance(returned, Tensor):
        raise TypeError(type(returned).__name__)
    return returned.float()
