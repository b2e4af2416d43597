"""JAX: jitted functions of arrays that are on its device already, in both layouts."""

from __future__ import annotations

from importlib import import_module
from typing import Any

import numpy as np

from benchmarks.cases import Case
from benchmarks.checking import Array, Operands

from .common import FEW_PRODUCTS, Call, Forms, as_layer, padding, products


def jax_forms(case: Case, given: Operands, _threads: int) -> Forms:
    """Return the layer with channels first and last; of a signal or volume also the transform.

    Its threads are as many as the processors that the worker may use.
    """
    numbers = case.dtype in ("float32", "float64")
    operands = as_layer(case, given) if numbers else None
    line = numbers and case.operation == "convolve" and case.shape[0] <= 1e6  # a hundred times as slow as others there
    if operands is None and not line:
        return {}
    jax = import_module("jax")
    jax.config.update("jax_platforms", "cpu")
    jax.config.update("jax_enable_x64", True)
    if operands is None:
        return _lines(jax, case, given)
    x, weights = operands
    if case.border == "reflect":
        return {"first": _padded(jax, case, x, weights)}
    if given.dy is not None:
        return {"first": _gradient(jax, case, given, given.dy, last=False),
                "last": _gradient(jax, case, given, given.dy, last=True)}
    return {"first": _layer(jax, case, x, weights, last=False), "last": _layer(jax, case, x, weights, last=True)}


def _warm(jax: Any, function: Any, *operands: Array, last: bool = False) -> Call:
    """Return the call of a jitted function; a result with the channels last is turned by its strides."""
    run, known = jax.jit(function), [jax.device_put(array) for array in operands]

    def call() -> Any:
        result = np.asarray(run(*known).block_until_ready())
        return np.moveaxis(result, -1, 1) if last else result

    return call


def _convolution(jax: Any, case: Case, *, last: bool) -> Any:
    """Return a function of image and weights, these with the result's channels first or last."""
    letters, p = "DHW"[3 - case.ndim :], padding(case)
    image, kernel = (f"N{letters}C", f"{letters}IO") if last else (f"NC{letters}", f"OI{letters}")
    numbers = (image, kernel, image)
    transposed = case.operation == "conv_transpose"
    if transposed:
        p = [case.dilation * (k - 1) - case.padding for k in case.kernel[2:]]
    ones, steps = [1] * case.ndim, [case.stride] * case.ndim
    return lambda x, w: jax.lax.conv_general_dilated(
        x, w, ones if transposed else steps, [(n, n) for n in p], lhs_dilation=steps if transposed else ones,
        rhs_dilation=[case.dilation] * case.ndim, dimension_numbers=numbers, feature_group_count=case.groups)


def _turned(array: Array) -> Array:
    return np.ascontiguousarray(np.moveaxis(array, 1, -1))


def _weights_last(w: Array) -> Array:
    return np.ascontiguousarray(np.moveaxis(w, (0, 1), (-1, -2)))


def _layer(jax: Any, case: Case, x: Array, w: Array, *, last: bool) -> Call:
    if case.operation == "conv_transpose":  # an image with gaps, under the kernel turned round
        w = np.ascontiguousarray(np.flip(w.swapaxes(0, 1), tuple(range(2, w.ndim))))
    function, known = _convolution(jax, case, last=last), _weights_last(w) if last else w
    return _warm(jax, lambda image: function(image, known), _turned(x) if last else x, last=last)


def _padded(jax: Any, case: Case, x: Array, w: Array) -> Call:
    edges = [(0, 0), (0, 0), *((n, n) for n in padding(case))]

    def run(image: Any) -> Any:
        return jax.lax.conv_general_dilated(jax.numpy.pad(image, edges, mode="reflect"), w, [1] * case.ndim, "VALID")

    return _warm(jax, run, x)


def _gradient(jax: Any, case: Case, given: Operands, dy: Array, *, last: bool) -> Call:
    function = _convolution(jax, case, last=last)
    operands = [_turned(given.x), _weights_last(given.k), _turned(dy)] if last else [given.x, given.k, dy]
    which = 0 if case.operation == "input_grad" else 1
    call = _warm(jax, lambda x, w, above: jax.vjp(function, x, w)[1](above)[which], *operands)
    if not last:
        return call
    if which == 0:
        return lambda: np.moveaxis(call(), -1, 1)
    return lambda: np.moveaxis(call(), (-1, -2), (0, 1))


def _lines(jax: Any, case: Case, given: Operands) -> Forms:
    signal, forms = import_module("jax.scipy.signal"), {}
    if products(case) < FEW_PRODUCTS:
        forms["convolve"] = _warm(jax, jax.numpy.convolve, given.x, given.k)
    forms["fftconvolve"] = _warm(jax, signal.fftconvolve, given.x, given.k)
    return forms
