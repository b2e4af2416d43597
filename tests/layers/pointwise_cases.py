"""Layers without convolution, their inputs, and derivatives by finite differences."""

from __future__ import annotations

import numpy as np

from faltung import layers

ACTIVATIONS = {
    "relu": layers.ReLU, "relu6": layers.ReLU6, "leaky": lambda: layers.LeakyReLU(0.2), "sigmoid": layers.Sigmoid,
    "tanh": layers.Tanh, "silu": layers.SiLU, "gelu": layers.GELU, "softmax": layers.Softmax,
    "softmax of rows": lambda: layers.Softmax(-1),
}


def random_pooling(rng, name):
    """A layer, an input shape that suits it, and torch's arguments; None if the parameters do not fit."""
    rank = int(rng.integers(1, 4))
    space = tuple(int(n) for n in rng.integers(1, (70, 40, 9)[rank - 1], rank))
    shape = (int(rng.integers(1, 3)), int(rng.integers(1, 4)), *space)
    kernel, stride, dilation = (tuple(int(n) for n in rng.integers(1, high, rank)) for high in (5, 4, 3))
    padding = tuple(int(rng.integers(0, k // 2 + 1)) for k in kernel)
    outputs = tuple(int(n) for n in rng.integers(1, 8, rank))
    ceil, counted = (bool(rng.integers(2)) for _ in range(2))
    if name == "max":
        layer = layers.MaxPool(kernel, stride, padding, dilation, ceil_mode=ceil)
        arguments = (kernel, stride, padding, dilation, ceil)
    elif name == "average":
        layer = layers.AveragePool(kernel, stride, padding, ceil_mode=ceil, count_include_pad=counted)
        arguments = (kernel, stride, padding, ceil, counted)
    else:
        layer = (layers.AdaptiveMaxPool if name == "adaptive max" else layers.AdaptiveAveragePool)(outputs)
        arguments = (outputs,)
    try:
        layer.output_shape(shape)
    except ValueError:
        return None
    return layer, shape, arguments


def norms(shape, dtype, *, affine=True):
    """All normalisations for an input of shape (batch, 6, ...)."""
    options = {"affine": affine, "dtype": dtype}
    return {"batch": layers.BatchNorm(6, **options), "group": layers.GroupNorm(2, 6, **options),
            "instance": layers.GroupNorm(6, 6, **options), "layer": layers.LayerNorm(shape[1:], **options),
            "row": layers.LayerNorm(shape[-1], **options)}


def shake(layer, rng):
    """Give the parameters values that hide nothing."""
    for parameter in layer.parameters.values():
        parameter.value[...] = rng.standard_normal(parameter.value.shape)


def check_derivatives(layer, x, rng, step=1e-6, tolerance=1e-7):
    """Directional derivatives by x and every parameter against central differences."""
    y = layer.forward(x, training=True)
    dy = rng.standard_normal(y.shape)
    dx = layer.backward(dy)

    def loss(at):
        return float((layer.forward(at, training=True) * dy).sum())

    for _ in range(2):
        way = rng.standard_normal(x.shape)
        slope = (loss(x + step * way) - loss(x - step * way)) / (2 * step)
        np.testing.assert_allclose((dx * way).sum(), slope, rtol=1e-6, atol=tolerance * max(1, x.size**0.5))
        for name, parameter in layer.parameters.items():
            way, kept = rng.standard_normal(parameter.value.shape), parameter.value.copy()
            gradient = parameter.gradient
            parameter.value[...] = kept + step * way
            above = loss(x)
            parameter.value[...] = kept - step * way
            slope = (above - loss(x)) / (2 * step)
            parameter.value[...] = kept
            np.testing.assert_allclose((gradient * way).sum(), slope, rtol=1e-6, atol=tolerance * 30, err_msg=name)


def distinct(shape, rng):
    """Numbers that differ from each other, so that a small step never changes which is the largest."""
    return rng.permutation(int(np.prod(shape))).reshape(shape) / 7.0
