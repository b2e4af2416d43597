"""Bad input of activations, pooling and normalisation: each text in full."""

from __future__ import annotations

import re

import numpy as np
import pytest

from faltung import layers
from faltung.errors import DTypeError, ShapeError
from faltung.layers import LayerError

F32 = np.float32
CASES = [
    (lambda: layers.LeakyReLU(float("nan")), LayerError, "LeakyReLU: slope=nan must be a finite number"),
    (lambda: layers.Softmax(1.5), ShapeError, "Softmax: axis=1.5 must be a whole number"),
    (lambda: layers.Softmax(3)(np.zeros((2, 3), F32)), ShapeError,
     "Softmax: axis 3 does not exist in an input of shape (2, 3); use one of -2 to 1"),
    (lambda: layers.Softmax(0)(np.float32(1.0)), ShapeError,
     "Softmax: axis 0 does not exist in an input of shape (); give the input an axis"),
    (lambda: layers.ReLU()(np.zeros(3, int)), DTypeError,
     'ReLU: x has dtype int64, but must be float32 or float64; convert it, x.astype("float32")'),
    (lambda: layers.ReLU().backward(np.zeros(3)), LayerError,
     "ReLU: backward needs what forward keeps in training; call forward(x, training=True) before each backward"),
    (lambda: after(layers.Tanh(), (2, 3), (3, 2)), ShapeError,
     "Tanh: expected dy of the result's shape (2, 3), given (3, 2)"),
    (lambda: layers.MaxPool(0), ShapeError, "MaxPool: kernel=0 must be a whole number of at least 1"),
    (lambda: layers.MaxPool((2, 2.5)), ShapeError, "MaxPool: kernel=2.5 must be a whole number of at least 1"),
    (lambda: layers.MaxPool(2, 0), ShapeError, "MaxPool: stride=0 must be a whole number of at least 1"),
    (lambda: layers.MaxPool(2, padding=-1), ShapeError, "MaxPool: padding=-1 must be a whole number of at least 0"),
    (lambda: layers.MaxPool(2, dilation=0), ShapeError, "MaxPool: dilation=0 must be a whole number of at least 1"),
    (lambda: layers.AveragePool(2, divisor=0), ShapeError,
     "AveragePool: divisor=0 must be a whole number of at least 1"),
    (lambda: layers.MaxPool((2, 2)).output_shape((1, 1, 8)), ShapeError,
     "MaxPool: kernel=(2, 2) is for 2 axes of space, but the input has 1; give one number, or one for each axis"),
    (lambda: layers.MaxPool(2, padding=2).output_shape((1, 1, 8)), ShapeError,
     "MaxPool: padding=2 along axis 0 of space is more than half of the window, which reaches over 2; use at most 1"),
    (lambda: layers.AveragePool(5).output_shape((1, 1, 9, 3)), ShapeError,
     "AveragePool: the window reaches over 5 along axis 1 of space, but the input has 3 there and 0 of padding; use a "
     "smaller kernel or more padding"),
    (lambda: layers.MaxPool(2, padding=1, dilation=2).output_shape((1, 1, 1)), ShapeError,
     "MaxPool: with dilation=2 and padding=1 some window along axis 0 of space has no tap inside the input, which has "
     "1 there; use less of either"),
    (lambda: layers.MaxPool(2).output_shape((4, 3)), ShapeError,
     "MaxPool: expected an input of shape (batch, channels, *space) with at least one axis of space, given (4, 3)"),
    (lambda: layers.GlobalAveragePool()(np.zeros((2, 3, 0, 4))), ShapeError,
     "GlobalAveragePool: an input of shape (2, 3, 0, 4) has no places to pool; give every axis of space at least one"),
    (lambda: layers.MaxPool(3)(np.broadcast_to(F32(0), (0, 1, 1 << 16, 1 << 15))), ShapeError,
     "MaxPool: a plane of shape (65536, 32768) has 2**31 places or more, which 32 bits do not number; split it"),
    (lambda: layers.AdaptiveMaxPool(0), ShapeError, "AdaptiveMaxPool: outputs=0 must be a whole number of at least 1"),
    (lambda: layers.AdaptiveAveragePool((2, None)).output_shape((1, 1, 8)), ShapeError,
     "AdaptiveAveragePool: outputs=(2, None) is for 2 axes of space, but the input has 1; give one number, or one for "
     "each axis"),
    (lambda: layers.BatchNorm(0), ShapeError, "BatchNorm: channels=0 must be a whole number of at least 1"),
    (lambda: layers.BatchNorm(3, eps=-1), LayerError, "BatchNorm: eps=-1 must be a finite number of at least 0"),
    (lambda: layers.BatchNorm(3, momentum=2), LayerError,
     "BatchNorm: momentum=2 must be a number from 0 to 1, or None for the average over all batches"),
    (lambda: layers.BatchNorm(3)(np.zeros((2, 4, 5), F32)), ShapeError,
     "BatchNorm: expected an input of shape (batch, 3, ...), given (2, 4, 5)"),
    (lambda: layers.BatchNorm(3)(np.zeros((2, 3, 5))), DTypeError,
     'BatchNorm: x has dtype float64, but the layer computes in float32; convert it, x.astype("float32"), or make the '
     "layer with another dtype"),
    (lambda: layers.BatchNorm(3).forward(np.zeros((1, 3), F32), training=True), ShapeError,
     "BatchNorm: input of shape (1, 3) has 1 value per channel, but the variance of a batch needs at least 2; give a "
     "larger batch, or call forward(x, training=False) on a layer with running statistics"),
    (lambda: misshapen(layers.LayerNorm(4)), ShapeError,
     "LayerNorm: weight has shape (5,), but the layer was made with (4,); assign an array of that shape"),
    (lambda: layers.GroupNorm(2, 5), ShapeError,
     "GroupNorm: channels=5 is not a multiple of groups=2; choose groups that divide the channels"),
    (lambda: layers.GroupNorm(2, 4)(np.zeros((2, 3), F32)), ShapeError,
     "GroupNorm: expected an input of shape (batch, 4, ...), given (2, 3)"),
    (lambda: layers.LayerNorm(()), ShapeError, "LayerNorm: shape=() names no axis; give at least one extent"),
    (lambda: layers.LayerNorm((3, 4))(np.zeros((2, 4, 3), F32)), ShapeError,
     "LayerNorm: expected an input of shape (..., 3, 4), given (2, 4, 3)"),
]


def after(layer, shape, gradient):
    layer.forward(np.zeros(shape), training=True)
    layer.backward(np.zeros(gradient))


def misshapen(layer):
    layer.parameters["weight"].value = np.zeros(5, F32)
    layer(np.zeros((2, 4), F32))


@pytest.mark.parametrize(("call", "kind", "text"), CASES, ids=[text[:40] for *_, text in CASES])
def test_texts(call, kind, text):
    with pytest.raises(kind, match=f"^{re.escape(text)}$"):
        call()


def test_an_error_names_the_place_in_the_network():
    layer = layers.BatchNorm(3)
    layer.path = "network.2"
    text = "network.2 (BatchNorm): expected an input of shape (batch, 3, ...), given (2, 4, 5)"
    with pytest.raises(ShapeError, match=f"^{re.escape(text)}$"):
        layer(np.zeros((2, 4, 5), F32))


REPRS = [
    (layers.MaxPool(2), "MaxPool(kernel 2, stride 2)"),
    (layers.MaxPool((3, 2), 1, 1, 2, ceil_mode=True),
     "MaxPool(kernel 3x2, stride 1, padding 1, dilation 2, rounded up)"),
    (layers.AveragePool(3, count_include_pad=False, divisor=5),
     "AveragePool(kernel 3, stride 3, padding not counted, divisor 5)"),
    (layers.AdaptiveAveragePool((2, None)), "AdaptiveAveragePool(outputs 2xas many)"),
    (layers.LeakyReLU(0.2), "LeakyReLU(slope 0.2)"), (layers.GELU(), "GELU()"), (layers.Softmax(), "Softmax(axis 1)"),
    (layers.LayerNorm(4), "LayerNorm(last axis 4, eps 1e-05: 8 parameters)"),
    (layers.GlobalAveragePool(keep_axes=False), "GlobalAveragePool(axes dropped)"),
]


@pytest.mark.parametrize(("layer", "text"), REPRS, ids=[text for _, text in REPRS])
def test_reprs(layer, text):
    assert repr(layer) == text
