"""In which order a network's weights lie in memory: what is fastest, if the network can do it."""

from __future__ import annotations

import torch
from torch import Tensor, nn


class Layout:
    """The order of a network's weights.

    A network that calls ``view`` on a convolution's output does not work with channels last. It is
    tried once, and stays as it was.
    """

    def __init__(self, network: nn.Module) -> None:
        self._network = network
        self._channels_last = False
        self._tried = False

    def put(self, channels_last: bool, batch: Tensor) -> None:
        """Change the order if the network works in it.

        Args:
            channels_last: The order that is wanted.
            batch: Images to try it on.
        """
        if channels_last == self._channels_last or (channels_last and self._tried):
            return
        if not channels_last:
            self._network.to(memory_format=torch.contiguous_format)
            self._channels_last, self._tried = False, False
            return
        self._tried = True
        try:
            self._network.to(memory_format=torch.channels_last)
            with torch.inference_mode():
                self._network(batch)
            self._channels_last = True
        except Exception:  # any other fault is reported when the model is tried as it was
            self._network.to(memory_format=torch.contiguous_format)
