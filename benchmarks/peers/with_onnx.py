"""onnxruntime and openvino: a model of one node, with constant weights."""

from __future__ import annotations

from importlib import import_module
from typing import Any

import numpy as np

from benchmarks.cases import Case
from benchmarks.checking import Array, Operands

from .common import Call, Forms, as_layer, padding


def _image_and_model(case: Case, given: Operands) -> tuple[Array, bytes] | None:
    """Return nothing if the case is not one of inference in float32."""
    operands = as_layer(case, given) if case.dtype == "float32" and given.dy is None else None
    return (operands[0], _model(case, *operands)) if operands else None


def onnxruntime_forms(case: Case, given: Operands, threads: int) -> Forms:
    """Return sessions of one node (after a reflecting Pad where needed), with and without the blocked layout."""
    found = _image_and_model(case, given)
    if found is None:
        return {}
    ort = import_module("onnxruntime")
    levels = {"all": ort.GraphOptimizationLevel.ORT_ENABLE_ALL, "plain": ort.GraphOptimizationLevel.ORT_ENABLE_BASIC}
    return {name: _session(ort, found[1], level, found[0], threads) for name, level in levels.items()}


def _session(ort: Any, model: bytes, level: Any, x: Array, threads: int) -> Call:
    options = ort.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.graph_optimization_level = level
    options.add_session_config_entry("session.force_spinning_stop", "1")  # or it would spin into others' samples
    session = ort.InferenceSession(model, options, providers=["CPUExecutionProvider"])
    return lambda: session.run(None, {"x": x})[0]


def openvino_forms(case: Case, given: Operands, threads: int) -> Forms:
    """Return the model compiled for latency in float32, reading and writing its own tensors."""
    found = _image_and_model(case, given)
    if found is None:
        return {}
    ov = import_module("openvino")
    core = ov.Core()
    settings = {"INFERENCE_NUM_THREADS": threads, "PERFORMANCE_HINT": "LATENCY", "INFERENCE_PRECISION_HINT": "f32"}
    request = core.compile_model(core.read_model(found[1]), "CPU", settings).create_infer_request()
    request.set_input_tensor(ov.Tensor(found[0], shared_memory=True))

    def call() -> Any:
        request.infer()
        return request.get_output_tensor().data

    return {"latency": call}


def _model(case: Case, image: Array, weights: Array) -> bytes:
    """Return a model of a single convolution."""
    onnx = import_module("onnx")
    make, ndim, halves = onnx.helper, case.ndim, padding(case)
    constants, nodes, source, pads = {"w": weights}, [], "x", halves + halves
    if case.border == "reflect":
        constants["edges"] = np.array([0, 0, *halves, 0, 0, *halves], np.int64)
        nodes.append(make.make_node("Pad", ["x", "edges"], ["padded"], mode="reflect"))
        source, pads = "padded", [0] * (2 * ndim)
    kind = "ConvTranspose" if case.operation == "conv_transpose" else "Conv"
    nodes.append(make.make_node(kind, [source, "w"], ["y"], strides=[case.stride] * ndim, pads=pads,
                                dilations=[case.dilation] * ndim, group=case.groups,
                                kernel_shape=list(weights.shape[2:])))
    ends = [make.make_tensor_value_info(n, onnx.TensorProto.FLOAT, s) for n, s in (("x", image.shape), ("y", None))]
    initial = [onnx.numpy_helper.from_array(np.ascontiguousarray(v), n) for n, v in constants.items()]
    graph = make.make_graph(nodes, "case", ends[:1], ends[1:], initial)
    model = make.make_model(graph, opset_imports=[make.make_opsetid("", 18)], ir_version=10)
    return bytes(model.SerializeToString())
