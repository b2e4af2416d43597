"""ncnn: nets of one layer in float32, an image at a time."""

from __future__ import annotations

import tempfile
from importlib import import_module
from math import prod
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.cases import LAYERS, Case
from benchmarks.checking import Array, Operands

from .common import Call, Forms, as_layer


def ncnn_forms(case: Case, given: Operands, threads: int) -> Forms:
    """Return nets with Winograd and without."""
    operands = as_layer(case, given) if case.dtype == "float32" and given.dy is None and case.ndim == 2 else None
    if operands is None:
        return {}
    ncnn = import_module("ncnn")
    ncnn.set_omp_num_threads(threads)
    return {name: _call(ncnn, case, *operands, threads, name == "winograd") for name in ("winograd", "direct")}


def _call(ncnn: Any, case: Case, x: Array, weights: Array, threads: int, winograd: bool) -> Call:
    net = ncnn.Net()
    options = net.opt
    options.num_threads, options.use_winograd_convolution = threads, winograd
    options.use_fp16_packed = options.use_fp16_storage = options.use_fp16_arithmetic = False
    options.use_bf16_storage = options.use_vulkan_compute = False
    if case.operation == "conv_transpose":  # ncnn has the result's channels first
        weights = np.ascontiguousarray(weights.swapaxes(0, 1))
    with tempfile.TemporaryDirectory() as folder:
        param, binary = Path(folder, "case.param"), Path(folder, "case.bin")
        param.write_text(_param(case))
        binary.write_bytes(b"\0\0\0\0" + weights.tobytes())  # four zero bytes: plain float32 follows
        if net.load_param(str(param)) or net.load_model(str(binary)):
            return _refuse
    images = [ncnn.Mat(image) for image in x]

    def call() -> Any:
        results = []
        for image in images:
            extractor = net.create_extractor()
            extractor.input("x", image)
            results.append(np.asarray(extractor.extract("y")[1]))
        return results[0] if len(results) == 1 else np.stack(results)

    call.keep = net, x  # type: ignore[attr-defined]  # the Mats borrow both
    return call


def _refuse() -> Any:
    raise RuntimeError("ncnn did not load the net")


def _param(case: Case) -> str:
    """Return the net's description: Input, a reflecting Padding where needed, the layer."""
    kind = {"conv_transpose": "Deconvolution"}.get(case.operation, "Convolution")
    kind += "DepthWise" if case.groups > 1 else ""
    outputs, (kh, kw) = (case.forward_shape[1] if case.operation in LAYERS else 1), case.kernel[-2:]
    lines, image, pad = ["Input input 0 1 x"], "x", case.padding
    if case.border == "reflect":
        lines.append(f"Padding pad 1 1 x padded 0={kh // 2} 1={kh // 2} 2={kw // 2} 3={kw // 2} 4=2")
        image = "padded"
    group = f" 7={case.groups}" if case.groups > 1 else ""
    lines.append(f"{kind} conv 1 1 {image} y 0={outputs} 1={kw} 11={kh} 2={case.dilation} 3={case.stride} 4={pad} 5=0 "
                 f"6={prod(case.kernel)}{group}")
    return "\n".join(["7767517", f"{len(lines)} {len(lines)}", *lines]) + "\n"
