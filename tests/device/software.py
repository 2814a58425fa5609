"""A CUDA card in software: tensors that say they are on it, and whose numbers are on the CPU.

So the code for a card runs where there is none. What a card refuses is refused here: a step with
tensors of two devices, or an array of what is not on the host. What it leaves to luck goes wrong
for certain or is noted: memory of the host has no numbers before their copy is waited for, and
pinned memory that is written to before the card has copied it is a fault. Digits are the CPU's but
for the last, and nothing is faster.
"""

from __future__ import annotations

import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from types import SimpleNamespace

import pytest
import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_flatten, tree_map_only

from audit_suite.evidence import profile

aten = torch.ops.aten

_CARD, _HOST = torch.device("cuda:0"), torch.device("cpu")
_SET = ("CUBLAS_WORKSPACE_CONFIG", "KERAS_TORCH_DEVICE")  # by `evidence.arithmetic`
_READ = {  # whose answer the host cannot go on without
    aten._local_scalar_dense.default,
    aten.equal.default,
    aten.nonzero.default,
    aten.masked_select.default,
    aten._unique2.default,
}


class OnCard(Tensor):
    """A tensor on the card.

    To PyTorch itself it is one on the CPU whose steps are done here, so gradients work too.
    """

    device = property(lambda self: _CARD)
    is_cuda = True
    is_cpu = False
    __torch_function__ = torch._C._disabled_torch_function_impl

    @staticmethod
    def __new__(cls, held, card):
        with torch.inference_mode(False):  # else no part of a tensor from outside could be taken
            return Tensor._make_wrapper_subclass(
                cls,
                held.shape,
                strides=held.stride(),
                storage_offset=held.storage_offset(),
                dtype=held.dtype,
                layout=held.layout,
                device=_HOST,
            )

    def __init__(self, held, card):
        self.held, self.card = held, card

    def __repr__(self):
        return f"OnCard({self.held})"

    def tolist(self):
        return self.cpu().tolist()

    @classmethod
    def __torch_dispatch__(cls, step, types, args=(), kwargs=None):
        flat, _ = tree_flatten((args, kwargs))
        card = next(each.card for each in flat if isinstance(each, OnCard))
        return card.take(step, args, kwargs or {})


class Card:
    """What is known of the card.

    Attributes:
        waited: Where the host waited for it, and for what.
        faults: What was left to luck, and where.
        made: Bytes of all results since the count was last set to zero.
    """

    def __init__(self):
        self.waited: list[str] = []
        self.faults: list[str] = []
        self.made = 0
        self._pinned = {}
        self._coming, self._lent = [], []

    def take(self, step, args, kwargs):
        """Do a step, on whichever device."""
        flat, _ = tree_flatten((args, kwargs))
        here = any(isinstance(each, OnCard) for each in flat)
        there = any(
            isinstance(each, Tensor) and not isinstance(each, OnCard) and each.ndim for each in flat
        )
        plain, named = tree_map_only(OnCard, lambda each: each.held, (args, dict(kwargs)))
        if step is aten.copy_.default:
            return self._write(*args, **kwargs)
        device = named.pop("device", None)
        on_card = here if device is None else torch.device(device).type == "cuda"
        if step is aten._to_copy.default:
            return self._move(args[0], on_card, **named)
        if here and there and step is not aten.index.Tensor:
            raise RuntimeError(f"Expected all tensors to be on the same device, but not in {step}")
        by_flags = step is aten.index.Tensor and any(
            each is not None and each.dtype in (torch.bool, torch.uint8) for each in plain[1]
        )
        if here and (step in _READ or by_flags):
            self.wait(str(step))
        result = step(*plain, **named) if device is None else step(*plain, **named, device=_HOST)
        if not on_card:
            return result
        written = {id(each.held): each for each in flat if isinstance(each, OnCard)}

        def placed(held):
            if id(held) in written:  # a step in place
                return written[id(held)]
            self.made += held.nbytes
            return OnCard(held, self)

        return tree_map_only(Tensor, placed, result)

    def _move(self, tensor, to_card, non_blocking=False, pin_memory=None, **named):
        """A copy on a device."""
        here = isinstance(tensor, OnCard)
        held = tensor.held if here else tensor
        copy = aten._to_copy.default(held, **named)
        if here and not to_card:
            if non_blocking:
                self.faults.append(f"read without waiting: {_place()}")
            self.wait("a copy")
        elif to_card and not here and not non_blocking:
            self.wait("a copy to it")
        elif to_card and not here and self.is_pinned(held):
            self._lent.append((held, held.clone(), _place()))
        return OnCard(copy, self) if to_card else copy

    def _write(self, target, source, non_blocking=False):
        """Copy into memory that is there."""
        coming = isinstance(source, OnCard) and not isinstance(target, OnCard)
        to, numbers = (e.held if isinstance(e, OnCard) else e for e in (target, source))
        if coming and non_blocking and self.is_pinned(to):
            to.fill_(torch.nan if to.is_floating_point() else 1)
            self._coming.append((to, numbers.clone()))
            return target
        if coming:
            if non_blocking:
                self.faults.append(f"copied to memory that is not pinned: {_place()}")
            self.wait("a copy")
        to.copy_(numbers)
        return target

    def wait(self, what):
        """The host waits until the card has done all that it was given."""
        self.waited.append(f"{_place()}: {what}")
        for host, numbers in self._coming:
            host.copy_(numbers)
        for lent, before, place in self._lent:
            if not torch.equal(lent.nan_to_num(), before.nan_to_num()):
                self.faults.append(f"written to before the card had copied it: {place}")
        self._coming, self._lent = [], []

    def is_pinned(self, tensor):
        return tensor.untyped_storage().data_ptr() in self._pinned

    def pin(self, tensor):
        storage = tensor.untyped_storage()
        self._pinned[storage.data_ptr()] = storage  # kept, or the address would be another's
        return tensor


def _place():
    """The line of the package that asked."""
    frames = traceback.extract_stack()
    inside = (f for f in reversed(frames) if "audit_suite" in f.filename)
    return next((f"{f.filename.rpartition('audit_suite')[2]}:{f.lineno}" for f in inside), "a test")


class _Steps(TorchDispatchMode):
    """Sees steps too that begin without a tensor of the card."""

    def __init__(self, card):
        super().__init__()
        self.card = card

    def __torch_dispatch__(self, step, types, args=(), kwargs=None):
        return self.card.take(step, args, kwargs or {})


@contextmanager
def software_card() -> Iterator[Card]:
    """While it is open PyTorch has a CUDA card, for this process and its main thread.

    At its end nothing may have been left to luck.
    """
    card = Card()
    with pytest.MonkeyPatch.context() as patch, _Steps(card):
        for name in _SET:
            patch.setenv(name, "")
            patch.delenv(name)  # so that it is gone again afterwards, whoever sets it meanwhile
        for name, value in _cuda(card).items():
            patch.setattr(torch.cuda, name, value)
        for name, value in _methods().items():
            patch.setattr(Tensor, name, value)
        for name in ("empty", "zeros"):
            patch.setattr(torch, name, _pinning(getattr(torch, name), card))
        patch.setattr(torch, "tensor", _placing(torch.tensor))
        autocast = torch.autocast
        patch.setattr(torch, "autocast", lambda _device, *a, **k: autocast("cpu", *a, **k))
        patch.setattr(profile, "_cuda_capability", lambda: 9)
        for name in ("_accelerator_graph_capture_health_check", "_cuda_graph_capture_health_check"):
            patch.setattr(torch.optim.Optimizer, name, lambda _optimizer: None, raising=False)
        before = torch.__future__.get_swap_module_params_on_conversion()
        torch.__future__.set_swap_module_params_on_conversion(True)
        try:
            yield card
            card.wait("the end")
        finally:
            torch.__future__.set_swap_module_params_on_conversion(before)
            torch.use_deterministic_algorithms(False)
            torch._C._jit_set_texpr_fuser_enabled(True)
    assert not card.faults


def _cuda(card):
    def reset(*_):
        card.made = 0

    class Event:
        def __init__(self, *, blocking=False):
            """Whether who waits for it sleeps makes no difference here."""

        def record(self):
            """The card works in order; what is recorded is done when the host has waited."""

        def synchronize(self):
            card.wait("an event")

    about = SimpleNamespace(name="Card in software", total_memory=1 << 33, major=9, minor=0)
    return {
        "Event": Event,
        "_lazy_init": lambda: None,
        "is_available": lambda: True,
        "is_bf16_supported": lambda *_, **__: True,
        "empty_cache": lambda: None,
        "synchronize": lambda *_: card.wait("all"),
        "reset_peak_memory_stats": reset,
        "max_memory_allocated": lambda *_: card.made,
        "get_device_properties": lambda *_: about,
        "get_device_name": lambda *_: about.name,
    }


def _methods():
    """Methods of tensors that PyTorch would answer by its own idea of where a tensor is."""
    plain = Tensor.to

    def to(tensor, *args, **named):
        if args and isinstance(args[0], Tensor):
            args = (args[0].device, args[0].dtype, *args[1:])
        given = (*args, *named.values())
        devices = [torch.device(e) for e in given if isinstance(e, str | torch.device)]
        device = devices[0] if devices else tensor.device
        if not tensor.is_cuda and device.type != "cuda":
            return plain(tensor, *args, **named)
        kind = next((e for e in given if isinstance(e, torch.dtype)), tensor.dtype)
        order = named.get("memory_format") or torch.preserve_format
        same = kind is tensor.dtype and order is torch.preserve_format and not named.get("copy")
        if same and tensor.is_cuda and device.type == "cuda":
            return tensor
        device = _CARD if device.type == "cuda" else device  # PyTorch would ask for the number
        soon = named.get("non_blocking", False)
        return aten._to_copy.default(
            tensor, dtype=kind, device=device, non_blocking=soon, memory_format=order
        )

    def cpu(tensor):
        return to(tensor, _HOST)

    def cuda(tensor):
        return to(tensor, _CARD)

    return {"to": to, "cpu": cpu, "cuda": cuda}


def _pinning(make, card):
    def made(*args, pin_memory=False, **named):
        tensor = make(*args, **named)
        return card.pin(tensor) if pin_memory else tensor

    return made


def _placing(make):
    def made(*args, device=None, **named):
        tensor = make(*args, **named)
        return tensor if device is None else tensor.to(device)

    return made
