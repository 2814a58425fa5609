"""A TFLite program, written operator by operator: average pooling, then a linear layer."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import flatbuffers
import numpy as np
from ai_edge_litert import schema_py_generated as schema
from numpy.typing import NDArray

KINDS = {"float32": schema.TensorType.FLOAT32, "uint8": schema.TensorType.UINT8}


def make(
    folder: Path, kind: str = "float32"
) -> Callable[[NDArray[np.float32]], NDArray[np.float32]]:
    """Write ``model.tflite``; returns the function that scores as the interpreter itself does."""
    random = np.random.default_rng(0)
    weights = random.normal(size=(2, 16)).astype(np.float32)
    bias = random.normal(size=2).astype(np.float32)
    (folder / "model.tflite").write_bytes(_program(weights, bias, kind))
    if kind != "float32":
        return lambda images: images
    from ai_edge_litert.interpreter import Interpreter

    interpreter = Interpreter(str(folder / "model.tflite"))
    interpreter.allocate_tensors()
    given, answer = interpreter.get_input_details()[0], interpreter.get_output_details()[0]

    def scores(images: NDArray[np.float32]) -> NDArray[np.float32]:
        rows = []
        for image in images.transpose(0, 2, 3, 1):
            interpreter.set_tensor(given["index"], image[None].copy())
            interpreter.invoke()
            rows.append(interpreter.get_tensor(answer["index"])[0])
        powers = np.exp(np.stack(rows))
        found: NDArray[np.float32] = powers[:, 1:] / powers.sum(axis=1, keepdims=True)
        return found

    return scores


def _program(weights: NDArray[np.float32], bias: NDArray[np.float32], kind: str) -> bytes:
    buffers = [_buffer(b""), _buffer(weights.tobytes()), _buffer(bias.tobytes())]
    tensors = [
        _tensor("image", (1, 32, 32, 1), kind),
        _tensor("pooled", (1, 4, 4, 1), kind),
        _tensor("weights", weights.shape, "float32", 1),
        _tensor("bias", bias.shape, "float32", 2),
        _tensor("logits", (1, 2), "float32"),
    ]
    pool = schema.Pool2DOptionsT()
    pool.strideW = pool.strideH = pool.filterWidth = pool.filterHeight = 8
    pool.padding = schema.Padding.VALID
    options = schema.BuiltinOptions
    graph = schema.SubGraphT()
    graph.tensors, graph.inputs, graph.outputs = tensors, [0], [4]
    graph.operators = [
        _operator(0, [0], [1], options.Pool2DOptions, pool),
        _operator(
            1, [1, 2, 3], [4], options.FullyConnectedOptions, schema.FullyConnectedOptionsT()
        ),
    ]
    if kind != "float32":
        graph.operators, graph.outputs = graph.operators[:1], [1]
    model = schema.ModelT()
    model.version, model.subgraphs, model.buffers = 3, [graph], buffers
    codes = schema.BuiltinOperator
    model.operatorCodes = [_code(codes.AVERAGE_POOL_2D), _code(codes.FULLY_CONNECTED)]
    builder = flatbuffers.Builder(1024)
    builder.Finish(model.Pack(builder), b"TFL3")
    return bytes(builder.Output())


def _buffer(content: bytes) -> Any:
    buffer = schema.BufferT()
    buffer.data = np.frombuffer(content, np.uint8) if content else None
    return buffer


def _tensor(name: str, shape: Sequence[int], kind: str, buffer: int = 0) -> Any:
    tensor = schema.TensorT()
    tensor.name, tensor.shape, tensor.buffer = name, list(shape), buffer
    tensor.type = KINDS[kind]
    return tensor


def _operator(code: int, inputs: list[int], outputs: list[int], kind: int, options: Any) -> Any:
    operator = schema.OperatorT()
    operator.opcodeIndex, operator.inputs, operator.outputs = code, inputs, outputs
    operator.builtinOptionsType, operator.builtinOptions = kind, options
    return operator


def _code(builtin: int) -> Any:
    code = schema.OperatorCodeT()
    code.builtinCode = code.deprecatedBuiltinCode = builtin
    code.version = 1
    return code
