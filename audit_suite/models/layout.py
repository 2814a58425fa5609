"""In which order a network's weights lie in memory: what is fastest, if the network can do it."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn


class Layout:
    """The order of a network's weights.

    A network that calls ``view`` on a convolution's output does not work with channels last. It is
    tried once, and stays as it was.
    """

    def __init__(self, network: nn.Module) -> None:
        self._network = network
        self._channels_last: bool | None = None  # as it came, whatever that is
        self._works: bool | None = None  # with channels last

    def put(self, channels_last: bool, images: Callable[[], Tensor]) -> None:
        """Change the order if the network works in it; contiguous if not.

        Args:
            channels_last: The order that is wanted.
            images: Makes images to try it on, the first time; a device would wait for them.
        """
        wanted = channels_last and self._works is not False
        if wanted == self._channels_last:
            return
        if not wanted or self._works:
            self._store(wanted)
            return
        try:
            self._store(True)
            with torch.inference_mode():
                self._network(images())
            self._works = True
        except Exception:  # any other fault is reported when the model is tried as it was
            self._works = False
            self._store(False)

    def _store(self, channels_last: bool) -> None:
        order = torch.channels_last if channels_last else torch.contiguous_format
        self._network.to(memory_format=order)
        self._channels_last = channels_last
