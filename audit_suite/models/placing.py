"""Put a loaded network on a device, with the tensors that its program makes itself."""

from __future__ import annotations

import torch
from torch import fx, nn


def placed(module: nn.Module, device: str) -> nn.Module:
    """A network on a device.

    An exported program names the device on which it was traced wherever it makes a tensor
    (positions, zeros); PyTorch moves its weights alone.

    Args:
        module: The network; it is changed.
        device: ``cpu`` or ``cuda``.
    """
    for part in module.modules():
        if isinstance(part, fx.GraphModule):
            _rename(part, torch.device(device))
    return module.to(device)


def _rename(program: fx.GraphModule, device: torch.device) -> None:
    changed = False
    for node in program.graph.nodes:
        named = node.kwargs.get("device")
        if named is not None and torch.device(named).type != device.type:
            node.kwargs = {**node.kwargs, "device": device}
            changed = True
        if node.target is torch.ops.aten.to.device and node.args[1].type != device.type:
            node.args = (node.args[0], device, *node.args[2:])
            changed = True
    if changed:
        program.recompile()
