"""torch: modules in inference mode, gradients by its own operator."""

from __future__ import annotations

from importlib import import_module
from typing import Any

from benchmarks.cases import LAYERS, Case
from benchmarks.checking import Array, Operands

from .common import FEW_PRODUCTS, Call, Forms, as_layer, padding, products


def torch_forms(case: Case, given: Operands, threads: int) -> Forms:
    """Return a module as it is, in channels-last memory and with prepacked oneDNN weights; or the gradient."""
    line = case.operation == "convolve" and case.dtype.startswith("float") and products(case) < FEW_PRODUCTS
    operands = as_layer(case, given) if case.dtype in ("float32", "float64", "complex64") else None
    if not line and operands is None:
        return {}
    torch = import_module("torch")
    torch.set_num_threads(threads)
    if operands is None:
        return _line(torch, given)
    if given.dy is not None:
        return _gradient(torch, case, given, given.dy)
    x, weights = operands
    module = _module(torch, case, weights)
    forms = {"eager": _call(torch, module, x)}
    if case.dtype != "float32":
        return forms
    memory = {2: torch.channels_last, 3: torch.channels_last_3d}.get(case.ndim)
    if memory:
        forms["channels-last"] = _call(torch, _module(torch, case, weights).to(memory_format=memory), x, memory)
    if case.border == "constant" and case.operation != "conv_transpose":
        forms["prepacked"] = _prepacked(torch, module, x)
    return forms


def _module(torch: Any, case: Case, weights: Array) -> Any:
    """Return a convolution module that holds the case's weights and no bias."""
    transposed = case.operation == "conv_transpose"
    kind = getattr(torch.nn, f"Conv{'Transpose' * transposed}{case.ndim}d")
    inputs, outputs = (case.shape[1], case.forward_shape[1]) if case.operation in LAYERS else (1, 1)
    mode = "reflect" if case.border == "reflect" else "zeros"
    module = kind(inputs, outputs, weights.shape[2:], case.stride, tuple(padding(case)), dilation=case.dilation,
                  groups=case.groups, bias=False, padding_mode=mode, dtype=getattr(torch, case.dtype))
    module.weight = torch.nn.Parameter(torch.from_numpy(weights.copy()), requires_grad=False)
    return module.eval()


def _call(torch: Any, module: Any, x: Array, memory: Any = None) -> Call:
    def call() -> Any:
        with torch.inference_mode():
            image = torch.from_numpy(x)
            if memory is not None:
                return module(image.contiguous(memory_format=memory)).contiguous().numpy()
            return module(image).numpy()

    return call


def _prepacked(torch: Any, module: Any, x: Array) -> Call:
    packed = import_module("torch.utils.mkldnn").to_mkldnn(module)

    def call() -> Any:
        with torch.no_grad():
            return packed(torch.from_numpy(x).to_mkldnn()).to_dense().numpy()

    return call


def _gradient(torch: Any, case: Case, given: Operands, dy: Array) -> Forms:
    wanted = [case.operation == "input_grad", case.operation == "weight_grad", False]
    sides = ([case.stride] * case.ndim, padding(case), [case.dilation] * case.ndim)
    memory = {2: torch.channels_last, 3: torch.channels_last_3d}.get(case.ndim)

    def form(memory: Any) -> Call:
        tensors = [torch.from_numpy(array) for array in (dy, given.x, given.k)]
        if memory is not None:
            tensors = [tensor.contiguous(memory_format=memory) for tensor in tensors]

        def call() -> Any:
            found = torch.ops.aten.convolution_backward(*tensors, None, *sides, False, [0] * case.ndim, case.groups,
                                                        wanted)
            return found[wanted.index(True)].numpy()

        return call

    return {"eager": form(None)} | ({"channels-last": form(memory)} if memory and case.dtype == "float32" else {})


def _line(torch: Any, given: Operands) -> Forms:
    """A signal of one channel; the kernel turned, since torch correlates."""
    x, taps = torch.from_numpy(given.x)[None, None], torch.from_numpy(given.k[::-1].copy())[None, None]

    def call() -> Any:
        with torch.inference_mode():
            return torch.nn.functional.conv1d(x, taps, padding=len(given.k) - 1).numpy()

    return {"conv1d": call}
