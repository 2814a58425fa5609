"""Rewrite a network so that DeepLIFT's multipliers flow back through it.

DeepLIFT (Shrikumar, Greenside and Kundaje, ICML 2017) sends images and references through a network
together and replaces derivatives by difference quotients. `shap.DeepExplainer` does so by hooks on
modules. Hooks miss functions and modules that are used twice, fail on operations in place, have no
rule for SiLU or the product of two tensors, and lose a part of what passes through overlapping
windows of a max pool. So the graph of a copy is traced, operations in place are replaced, and each
nonlinear step gets a backward pass of its own.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import torch
from torch import Tensor, fx, nn
from torch.nn import functional

from audit_suite.verdict import NotApplicable

Step = Callable[..., Tensor]

_ELEMENTWISE = frozenset(
    [
        *("relu", "relu6", "leakyrelu", "prelu", "elu", "selu", "celu", "gelu", "silu", "mish"),
        *("sigmoid", "logsigmoid", "hardsigmoid", "hardswish", "tanh", "hardtanh", "softplus"),
        *("softsign", "exp", "log", "log1p", "sqrt", "rsqrt", "abs", "square", "pow", "clamp"),
        *("clip", "reciprocal", "erf"),
    ]
)
"""Names of modules, functions and methods, in lower case and without underscores."""
_PRODUCTS: dict[str, Step] = {"mul": torch.mul, "matmul": torch.matmul, "bmm": torch.bmm}
_POOLS = (functional.max_pool2d, functional.adaptive_max_pool2d)
_NEAR = 1e-5  # relative difference below which a derivative is more accurate than a quotient


def rewrite(module: nn.Module, output: int) -> fx.GraphModule:
    """A network with one output of the same function, whose gradients are DeepLIFT's multipliers.

    The first half of a batch must hold images, and the second half the reference of each.

    Args:
        module: The model; it is left unchanged, and its weights are shared.
        output: Which of its outputs.

    Returns:
        A module from (B, C, H, W) to (B, 1).

    Raises:
        NotApplicable: If the forward pass cannot be traced; says why.
    """
    if isinstance(module, torch.jit.ScriptModule):
        raise NotApplicable("DeepLIFT takes a network apart, which TorchScript does not allow")
    if any(_exported(layer) for layer in module.modules()):
        raise NotApplicable("DeepLIFT takes a network apart, which torch.export does not allow")
    own = twin(module).eval()
    layers = {name: layer for name, layer in own.named_modules() if hasattr(layer, "inplace")}
    writers = {name for name, layer in layers.items() if layer.inplace}
    for layer in layers.values():
        layer.inplace = False
    try:
        graph = fx.Tracer().trace(own)
    except Exception as error:  # the code traced is the user's, and may raise anything
        raise NotApplicable(
            "DeepLIFT takes a network apart, and the forward pass of this one cannot be traced: "
            f"{str(error).partition(chr(10))[0]}"
        ) from None
    _make_own(graph, own, writers)
    (end,) = (node for node in graph.nodes if node.op == "output")
    with graph.inserting_before(end):
        end.args = (graph.call_function(_column, (end.args[0], output)),)
    rewritten = fx.GraphModule(own, graph)
    rewritten.delete_all_unused_submodules()
    return rewritten


def _exported(layer: nn.Module) -> bool:
    """Whether a module is a program of primitive operations instead of code."""
    nodes = layer.graph.nodes if isinstance(layer, fx.GraphModule) else ()
    return any(isinstance(node.target, torch._ops.OpOverload) for node in nodes)


def twin(module: nn.Module, known: dict[int, nn.Module] | None = None) -> nn.Module:
    """A copy without hooks on outputs that shares nothing but the storage of weights."""
    known = {} if known is None else known
    if id(module) in known or isinstance(module, torch.jit.ScriptModule):
        return known.get(id(module), module)
    made = known[id(module)] = object.__new__(type(module))  # its constructor may need arguments
    made.__dict__.update(module.__dict__)
    for name in ("_forward_hooks", "_backward_hooks", "_backward_pre_hooks"):
        made.__dict__[name] = type(module.__dict__[name])()
    made._buffers = dict(module._buffers)
    made._parameters = {
        name: None if weight is None else nn.Parameter(weight.detach(), requires_grad=False)
        for name, weight in module._parameters.items()
    }
    made._modules = {
        name: None if child is None else twin(child, known)
        for name, child in module._modules.items()
    }
    return made


def _make_own(graph: fx.Graph, own: nn.Module, writers: set[str]) -> None:
    """Replace operations in place, and put nonlinear steps under rules of their own."""
    varying: set[fx.Node] = set()  # nodes that depend on the image
    passed: set[fx.Node] = set()
    for node in graph.nodes:
        passed.add(node)
        if node.op == "placeholder" or not varying.isdisjoint(node.all_input_nodes):
            varying.add(node)
        inputs = tuple(n for n in node.args if isinstance(n, fx.Node) and n in varying)
        wrote = _put_out_of_place(node, writers)
        if step := _step(node, own, len(inputs)):
            node.op, node.target, node.args, node.kwargs = "call_function", step, inputs, {}
        if wrote and inputs:  # later readers of the tensor must see what was written
            inputs[0].replace_all_uses_with(node, lambda user: user not in passed)


def _put_out_of_place(node: fx.Node, writers: set[str]) -> bool:
    """Make a step return a new tensor; returns whether it wrote in place before."""
    name = _name(node)
    if node.op == "call_module":
        return node.target in writers
    if node.kwargs.get("inplace"):
        node.kwargs = {**node.kwargs, "inplace": False}
        return True
    if name.endswith("_") and not name.endswith("__"):
        home = Tensor if node.op == "call_method" else torch
        if hasattr(home, name[:-1]):
            node.target = name[:-1] if node.op == "call_method" else getattr(torch, name[:-1])
            return True
    return False


def _step(node: fx.Node, own: nn.Module, inputs: int) -> Step | None:
    """The replacement of a step, a function of its varying inputs; None for linear steps."""
    if node.op == "call_module":
        layer = own.get_submodule(str(node.target))
        if inputs != 1:
            return None
        if type(layer).__name__.lower() in _ELEMENTWISE:
            return _bound(rescaled, layer)
        if isinstance(layer, nn.MaxPool2d):
            names = "kernel_size", "stride", "padding", "dilation", "ceil_mode"
            settings = {name: getattr(layer, name) for name in names}
            return _bound(pooled, partial(functional.max_pool2d, **settings))
        if isinstance(layer, nn.AdaptiveMaxPool2d):
            size = layer.output_size
            return _bound(pooled, partial(functional.adaptive_max_pool2d, output_size=size))
        return None
    name = _name(node)
    if name in _PRODUCTS and inputs == 2:
        return _bound(product, _PRODUCTS[name])
    if inputs != 1 or node.all_input_nodes != [node.args[0]]:
        return None
    if name == "amax" and _dimensions(node) in ({2, 3}, {-2, -1}):
        return largest
    function: Any = getattr(Tensor, name, None) if node.op == "call_method" else node.target
    rest, settings = node.args[1:], dict(node.kwargs)
    if function in _POOLS:
        settings.pop("return_indices", None)
        return _bound(pooled, lambda x, **more: function(x, *rest, **settings, **more))
    if name.replace("_", "") in _ELEMENTWISE:
        return _bound(rescaled, lambda x: function(x, *rest, **settings))
    return None


def _dimensions(node: fx.Node) -> set[int]:
    """The dimensions that a reduction removes; empty if it keeps them."""
    dim = node.args[1] if len(node.args) > 1 else node.kwargs.get("dim", ())
    kept = node.kwargs.get("keepdim", len(node.args) > 2 and node.args[2])
    return set(dim) if isinstance(dim, tuple | list) and not kept else set()


def _name(node: fx.Node) -> str:
    return str(
        node.target if isinstance(node.target, str) else getattr(node.target, "__name__", "")
    )


def _bound(rule: Callable[..., Tensor], function: Callable[..., Any]) -> Step:
    """A rule for one function, as the plain function that a graph needs."""

    def step(*inputs: Tensor) -> Tensor:
        return rule(function, *inputs)

    return step


def _column(outputs: Tensor, number: int) -> Tensor:
    return outputs[:, number : number + 1]


def rescaled(function: Step, x: Tensor) -> Tensor:
    """An elementwise step under DeepLIFT's rescale rule."""
    return _Rescaled.apply(x, function)  # type: ignore[no-any-return]


def product(function: Step, a: Tensor, b: Tensor) -> Tensor:
    """A bilinear step: a factor's part is its change times the mean of the other factor's values.

    That is each factor's Shapley value, so the two add up.
    """
    if not (isinstance(a, Tensor) and isinstance(b, Tensor) and a.shape[:1] == b.shape[:1]):
        return function(a, b)
    return _Product.apply(a, b, function)  # type: ignore[no-any-return]


def pooled(function: Step, x: Tensor) -> Tensor:
    """A max pool: changes go to the largest pixel of the image or of the reference."""
    return _Pooled.apply(x, function)  # type: ignore[no-any-return]


def largest(x: Tensor) -> Tensor:
    """The maximum of each channel of (B, C, H, W), shape (B, C): a max pool of the whole map."""
    return pooled(partial(functional.adaptive_max_pool2d, output_size=1), x).flatten(1)


class _Rescaled(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, function: Step) -> Tensor:
        y = function(x)
        ctx.save_for_backward(x, y)
        ctx.function = function
        return y

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None]:
        x, y = ctx.saved_tensors
        (first, second), (after, before) = x.chunk(2), y.chunk(2)
        rise = first - second
        near = rise.abs() <= _NEAR * torch.maximum(first.abs(), second.abs())
        with torch.enable_grad():
            point = second.detach().requires_grad_()
            (slope,) = torch.autograd.grad(ctx.function(point).sum(), point)
        multiplier = torch.where(near, slope, (after - before) / torch.where(near, 1, rise))
        return gradients[0] * torch.cat([multiplier, multiplier]), None


class _Product(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, a: Tensor, b: Tensor, function: Step) -> Tensor:
        ctx.save_for_backward(a, b)
        ctx.function = function
        return function(a, b)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, Tensor, None]:
        means = [(part[0] + part[1]) / 2 for part in (t.chunk(2) for t in ctx.saved_tensors)]
        a, b = (torch.cat([mean, mean]).requires_grad_() for mean in means)
        with torch.enable_grad():
            of_a, of_b = torch.autograd.grad(ctx.function(a, b), (a, b), gradients[0])
        return of_a, of_b, None


class _Pooled(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, function: Step) -> Tensor:
        y: Tensor
        y, where = function(x, return_indices=True)
        ctx.save_for_backward(x, y, where)
        return y

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None]:
        x, y, where = ctx.saved_tensors
        (first, second), (after, before) = x.chunk(2), y.chunk(2)
        larger = torch.maximum(after, before)
        rises = gradients[0] * torch.cat([larger - before, after - larger])
        of_image, of_reference = _put_back(rises, where, x).chunk(2)
        rise = first - second
        multiplier = (of_image + of_reference) / torch.where(rise == 0, 1, rise)
        return torch.cat([multiplier, multiplier]), None


def _put_back(values: Tensor, where: Tensor, x: Tensor) -> Tensor:
    """Add values of windows to the pixels that they came from; windows may share a pixel.

    On CUDA `scatter_add_` adds in another order in every run, and the last digits with it.
    """
    parts = torch.zeros_like(x, memory_format=torch.contiguous_format)
    index, added = where.flatten(2), values.flatten(2)
    if not x.is_cuda:
        return parts.view(*parts.shape[:2], -1).scatter_add_(2, index, added).view_as(x)
    size = x.shape[2] * x.shape[3]
    start = torch.arange(x.shape[0] * x.shape[1], device=x.device).view(*x.shape[:2], 1) * size
    flat = (index + start).flatten()
    return parts.flatten().index_put_((flat,), added.flatten(), accumulate=True).view_as(x)
