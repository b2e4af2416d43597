"""Every error of layers, losses and optimisers, its text in full."""

from __future__ import annotations

import numpy as np
import pytest

from faltung import BorderError, DTypeError, FaltungError, PlanError, ShapeError, layers
from faltung.layers import Conv, Conv1d, Conv2d, ConvTranspose1d, DepthwiseConv2d, LayerError, Linear, Sequential
from faltung.layers.base import Parameter
from faltung.planning.planner import ALGORITHMS, listed

F32 = np.float32
METHODS = listed(("auto", *ALGORITHMS), "or")


def network():
    return Sequential(Conv2d(3, 16, 3, seed=1), Sequential(inner=Conv2d(16, 8, 5, seed=1)), layers.Flatten(),
                      Linear(32, 10, seed=1))


def run(network, *shape, dtype=F32):
    return network.forward(np.zeros(shape, dtype))


def trained(layer, *shape, dtype=F32):
    layer.forward(np.zeros(shape, dtype), training=True)
    return layer


SHAPES = [
    (lambda: run(network(), 2, 1, 8, 8),
     "network.0 (Conv2d): expected 3 channels along axis 1, given 1 in shape (2, 1, 8, 8)"),
    (lambda: run(network(), 3, 8, 8),
     "network.0 (Conv2d): expected (batch, 3 channels, 2 spatial axes), given shape (3, 8, 8)"),
    (lambda: run(Conv1d(3, 2, 2), 3, 8), "Conv1d: expected (batch, 3 channels, 1 spatial axis), given shape (3, 8)"),
    (lambda: run(network(), 0, 3, 8, 8),
     "network.0 (Conv2d): expected at least one sample along each axis, given shape (0, 3, 8, 8)"),
    (lambda: run(network(), 2, 3, 6, 9),
     "network.1.inner (Conv2d): kernel (8, 16, 5, 5) is larger than the padded image (2, 16, 4, 7) along spatial axis "
     "0 (5 > 4 + 0 + 0); use a larger padding or a smaller dilation"),
    (lambda: network().output_shape((2, 3, 9, 9)),
     "network.3 (Linear): expected 32 features along the last axis, given 72 in shape (2, 72)"),
    (lambda: run(Linear(12, 2), 5, 3, 4),
     "Linear: expected 12 features along the last axis, given 4 in shape (5, 3, 4); put Flatten() before it"),
    (lambda: run(Linear(3, 2), 3), "Linear: expected (batch, 3 features), given shape (3,)"),
    (lambda: run(Linear(3, 2), 0, 3), "Linear: expected at least one sample along each axis, given shape (0, 3)"),
    (lambda: run(layers.Flatten(), 3), "Flatten: expected an input with axes 1 to -1, given shape (3,)"),
    (lambda: trained(Conv2d(1, 1, 3), 1, 1, 5, 5).backward(np.zeros((1, 1, 5, 5), F32)),
     "Conv2d: expected dy of the result's shape (1, 1, 3, 3), given (1, 1, 5, 5)"),
    (lambda: run(ConvTranspose1d(1, 1, 3, padding=4), 1, 1, 4),
     "ConvTranspose1d: padding (4, 4) along axis 0 removes all of the 6 outputs; use less"),
    (lambda: run(ConvTranspose1d(1, 1, 3, 2, output_padding=2), 1, 1, 4),
     "ConvTranspose1d: output_padding is 2 along axis 0, but must be smaller than the stride or the dilation (2 "
     "and 1)"),
    (lambda: run(layers.Residual(Conv2d(2, 4, 3, padding=1)), 1, 2, 5, 5),
     "network (Residual): expected a shortcut of the branch's shape (1, 4, 5, 5), given (1, 2, 5, 5); pass shortcut=, "
     "a layer that gives that shape"),
    (lambda: layers.Residual(Conv2d(2, 4, 3, padding=1)).output_shape((1, 2, 5, 5)),
     "network (Residual): expected a shortcut of the branch's shape (1, 4, 5, 5), given (1, 2, 5, 5); pass shortcut=, "
     "a layer that gives that shape"),
    (lambda: run(layers.Upsample(2), 1, 2),
     "Upsample: expected (batch, channels, space, ...) with samples along each axis, given shape (1, 2)"),
    (lambda: run(layers.Upsample((2, 2)), 1, 2, 3),
     "Upsample: expected an input with 2 spatial axes, one for each scale, given shape (1, 2, 3)"),
    (lambda: run(layers.Upsample(0.25), 1, 2, 3),
     "Upsample: expected an input that is not empty at scale 0.25, given shape (1, 2, 3)"),
    (lambda: Conv2d(0, 1, 3), "Conv2d: channels_in=0 must be a whole number of at least 1"),
    (lambda: Conv2d(1, 2.5, 3), "Conv2d: channels_out=2.5 must be a whole number of at least 1"),
    (lambda: Conv2d(1, 1, 0), "Conv2d: kernel is 0 along axis 0, but must be at least 1"),
    (lambda: Conv2d(1, 1, (3, 3, 3)),
     "Conv2d: kernel has 3 entries (3, 3, 3), but 2 axes are convolved; give one integer, or one for each axis"),
    (lambda: Conv(1, 1, 3),
     "Conv: kernel=3 does not tell the number of spatial axes; give one extent for each axis, or ndim"),
    (lambda: Conv2d(1, 1, 3, 0), "Conv2d: stride is 0 along axis 0, but must be at least 1"),
    (lambda: Conv2d(1, 1, 3, dilation=0), "Conv2d: dilation is 0 along axis 0, but must be at least 1"),
    (lambda: Conv2d(4, 6, 3, groups=3), "Conv2d: groups=3 must divide channels_in=4"),
    (lambda: Conv2d(3, 4, 3, groups=3), "Conv2d: groups=3 must divide channels_out=4"),
    (lambda: Conv2d(1, 1, 3, padding="half"),
     'Conv2d: padding "half" is not known; use an integer, a (before, after) pair for each axis, "same", "same_lower", '
     '"valid", "causal" or "full"'),
    (lambda: DepthwiseConv2d(3, 3, multiplier=0),
     "DepthwiseConv2d: multiplier=0 must be a whole number of at least 1"),
    (lambda: Conv2d(1, 1, 3, initialiser=lambda shape, *, seed, dtype: np.zeros(3)),
     "Conv2d: expected weights of shape (1, 1, 3, 3) from the initialiser, given (3,)"),
    (lambda: Linear(-1, 2), "Linear: features_in=-1 must be a whole number of at least 1"),
    (lambda: layers.Flatten(0), "Flatten: first=0 must be a whole number of at least 1"),
    (lambda: layers.initialisers.fans((3,)),
     "fans: weights of shape (3,) have 1 axes, but must have at least two: (out, in, *taps)"),
    (lambda: layers.MeanSquare()(np.zeros(3), np.zeros(4)),
     "MeanSquare: target (4,) must have the shape of the prediction (3,)"),
    (lambda: layers.L1()(np.zeros(0), np.zeros(0)),
     "L1: prediction (0,) is empty; it must have at least one value"),
    (lambda: layers.CrossEntropy()(np.zeros(3), 1),
     "CrossEntropy: prediction (3,) must have at least two axes, (batch, classes)"),
    (lambda: layers.CrossEntropy()(np.zeros((4, 3)), [1, 2]),
     "CrossEntropy: target (2,) must have the shape (4,) of a prediction (4, 3), one class for each place (or, as "
     "floats, the prediction's own shape)"),
    (lambda: layers.CrossEntropy(weight=[1, 2])(np.zeros((4, 3)), [0, 1, 2, 0]),
     "CrossEntropy: weight (2,) must have one value for each of the 3 classes"),
    (lambda: layers.step(0.1, every=0), "step: every=0 must be a whole number of at least 1"),
]

ORDERS = [
    (lambda: network()[0].backward(np.zeros((1, 16, 6, 6), F32)),
     "network.0 (Conv2d): backward needs what forward keeps in training; call forward(x, training=True) before each "
     "backward"),
    (lambda: Sequential(3), "Sequential: 0 must be a layer, not 3"),
    (lambda: network().add("0", layers.Identity()),
     'network (Sequential): there is a layer named "0" already; give each another name'),
    (layers.Residual, "Residual: there is no layer in the branch; give at least one"),
    (lambda: layers.Dropout(1.0), "Dropout: probability=1.0 must be a number of at least 0 and below 1"),
    (layers.Upsample, "Upsample: scale=None and size=None; give one of the two"),
    (lambda: layers.Upsample(2, size=3), "Upsample: scale=2 and size=3; give one of the two"),
    (lambda: layers.Upsample(-1), "Upsample: scale=-1 must be a number above 0, or one for each axis"),
    (lambda: layers.Upsample(2, mode="cubic"), 'Upsample: mode "cubic" is not known; use "nearest" or "linear"'),
    (lambda: layers.Upsample(2, align_corners=True),
     'Upsample: align_corners=True has a meaning in mode "linear" only, not in mode "nearest"'),
    (lambda: Conv2d(1, 1, 3, initialiser="zeros"),
     'Conv2d: initialiser "zeros" is not known; use "kaiming_uniform", "kaiming_normal", "xavier_uniform", '
     '"xavier_normal", or a function (shape, *, seed, dtype) -> array'),
    (lambda: layers.initialisers.gain("swish"),
     'gain: nonlinearity "swish" is not known; use "linear", "sigmoid", "tanh", "relu", "selu" or "leaky_relu"'),
    (lambda: layers.initialisers.kaiming_uniform((2, 2), mode="both"),
     'kaiming_uniform: mode "both" is not known; use "fan_in" or "fan_out"'),
    (lambda: layers.L1().backward(), "L1: backward needs a loss; call forward(prediction, target) first"),
    (lambda: layers.L1(reduction="max"), 'L1: reduction "max" is not known; use "mean" or "sum"'),
    (lambda: layers.CrossEntropy(label_smoothing=2), "CrossEntropy: label_smoothing=2 must be from 0 to 1"),
    (lambda: layers.CrossEntropy()(np.zeros((3, 4)), [0, 1, 10]),
     "CrossEntropy: target is 10 at (2,), but the prediction has 4 classes, 0 to 3"),
    (lambda: layers.CrossEntropy()(np.zeros((1, 4, 2)), [[0, -1]]),
     "CrossEntropy: target is -1 at (0, 1), but the prediction has 4 classes, 0 to 3"),
    (lambda: layers.BinaryCrossEntropy()(np.zeros(2), [0, 1.5]),
     "BinaryCrossEntropy: target is 1.5 at (1,), but must be from 0 to 1"),
    (lambda: layers.BinaryCrossEntropy(logits=False)(np.array([2.0]), [0]),
     "BinaryCrossEntropy: prediction is 2.0 at (0,), but must be from 0 to 1; use logits=True for values before the "
     "sigmoid"),
    (lambda: layers.SGD({}), "SGD: there are no parameters to train; give a layer that has some"),
    (lambda: layers.SGD(network(), -0.1), "SGD: rate=-0.1 must be a number of at least 0"),
    (lambda: layers.SGD(network(), 0.1, momentum=float("nan")), "SGD: momentum=nan must be a number of at least 0"),
    (lambda: layers.SGD(network(), 0.1, nesterov=True),
     "SGD: nesterov=True needs a momentum above 0 and no dampening, but they are 0 and 0"),
    (lambda: layers.AdamW(network(), betas=(0.9, 1.0)),
     "AdamW: betas=(0.9, 1.0) must be two numbers of at least 0 and below 1"),
    (lambda: layers.SGD(network()).restore({}),
     'SGD: the state has no entry "steps"; give what state() returned'),
    (lambda: layers.SGD(network()).restore({"steps": np.array(1), "velocity.9.weight": np.zeros(1)}),
     'SGD: the state\'s entry "velocity.9.weight" belongs to no parameter of this optimiser; give the state of one '
     "like it"),
    (lambda: layers.Adam(network()).restore({"steps": np.array(1), "mean.3.bias": np.zeros(10)}),
     'Adam: the state has no entry "square.3.bias"; give what state() returned'),
    (lambda: layers.clip_norm(network(), 0), "clip_norm: limit=0 must be a number above 0"),
    (lambda: layers.constant(-1.0), "constant: rate=-1.0 must be a number of at least 0"),
]

DTYPES = [
    (lambda: run(network(), 2, 3, 9, 9, dtype=np.float64),
     "network.0 (Conv2d): x has dtype float64, but the layer computes in float32; convert it, "
     'x.astype("float32"), or make the layer with another dtype'),
    (lambda: trained(Linear(2, 1), 1, 2).backward(np.zeros((1, 1))),
     "Linear: dy has dtype float64, but the layer computes in float32; convert it, "
     'dy.astype("float32"), or make the layer with another dtype'),
    (lambda: run(layers.Upsample(2), 1, 1, 2, dtype=np.int64),
     'Upsample: x has dtype int64, but must be float32 or float64; convert it, x.astype("float32")'),
    (lambda: Conv2d(1, 1, 3, dtype="float16"),
     'Conv2d: dtype "float16" is not one that layers compute in; use "float32" or "float64"'),
    (lambda: Linear(1, 1, dtype=np.int8),
     'Linear: dtype "int8" is not one that layers compute in; use "float32" or "float64"'),
    (lambda: Linear(1, 1, dtype="single precision"),
     'Linear: dtype "single precision" is not one that layers compute in; use "float32" or "float64"'),
    (lambda: layers.L1()(np.zeros(2, int), np.zeros(2)),
     'L1: prediction has dtype int64, but must be float32 or float64; convert it, prediction.astype("float32")'),
    (lambda: layers.L1()(np.zeros(2), np.zeros(2, complex)),
     "L1: target has dtype complex128, but must be real numbers"),
    (lambda: layers.CrossEntropy()(np.zeros((2, 3)), np.zeros(2)),
     'CrossEntropy: target has dtype float64, but classes must be whole numbers; convert it, target.astype("int64")'),
]


@pytest.mark.parametrize(("kind", "call", "text"), [
    *((ShapeError, *case) for case in SHAPES), *((LayerError, *case) for case in ORDERS),
    *((DTypeError, *case) for case in DTYPES),
    (BorderError, lambda: Conv2d(1, 1, 3, border="mirror"),
     'Conv2d: border "mirror" is not known; use a number, "edge", "reflect", "symmetric" or "wrap" (what others call '
     '"mirror" is "reflect" here)'),
    (PlanError, lambda: Conv2d(1, 1, 3, method="fast"),
     'Conv2d: method "fast" is not known; use ' + METHODS),
])
def test_texts(kind, call, text):
    with pytest.raises(kind) as caught:
        call()
    assert str(caught.value) == text
    assert isinstance(caught.value, FaltungError)


def test_a_state_of_another_shape_is_refused_and_changes_nothing():
    parameter = Parameter(np.ones(3))
    parameter.gradient = np.ones(3)
    optimiser = layers.SGD({"p": parameter}, 0.1, momentum=0.9)
    optimiser.step()
    before = optimiser.state()
    with pytest.raises(ShapeError) as caught:
        optimiser.restore({"steps": np.array(7), "velocity.p": np.zeros(4)})
    assert str(caught.value) == 'SGD: the state\'s entry "velocity.p" must have shape (3,), not (4,)'
    after = optimiser.state()
    assert all(np.array_equal(before[name], after[name]) for name in before)


def test_a_path_follows_the_layer_into_its_network():
    inner = Sequential(Conv2d(1, 1, 3), act=layers.Identity())
    assert inner[0].where == "network.0 (Conv2d)"
    outer = Sequential(stem=layers.Identity(), body=layers.Residual(inner))
    assert inner[0].where == "network.body.0.0 (Conv2d)"
    assert outer.where == "network (Sequential)"
    assert Conv2d(1, 1, 3).where == "Conv2d"
