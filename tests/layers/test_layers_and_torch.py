"""torch's numbers for the same layers: forward, backward, losses, and ten steps of training."""

from __future__ import annotations

import numpy as np
import pytest

from faltung import layers
from layers.layer_cases import CONVOLUTIONS, NAMES, build

torch = pytest.importorskip("torch")
functional = torch.nn.functional


def tensor(array):
    return torch.tensor(np.ascontiguousarray(array), requires_grad=array.dtype.kind == "f")


def close(one, two, size=1e-12):
    two = two.detach().numpy() if isinstance(two, torch.Tensor) else np.asarray(two)
    assert one.shape == two.shape
    assert np.abs(one - two).max(initial=0) <= size * (1 + np.abs(two).max(initial=0))


def compare(layer, x, theirs, size):
    """``theirs``: from tensors (x, *parameters) to the result."""
    tensors = [tensor(x), *(tensor(entry.value) for entry in layer.parameters.values())]
    y = theirs(*tensors)
    ours = layer.forward(x, training=True)
    close(ours, y, size)
    dy = np.random.default_rng(1).standard_normal(y.shape).astype(x.dtype)
    y.backward(torch.tensor(dy))
    close(layer.backward(dy), tensors[0].grad, size)
    for entry, given in zip(layer.parameters.values(), tensors[1:], strict=True):
        close(entry.gradient, given.grad, size)


def sides(padding, extent, reach, stride):
    """Padding before and after, by the published table."""
    total = max((-(-extent // stride) - 1) * stride + reach + 1 - extent, 0)
    named = {"valid": (0, 0), "same": (total // 2, total - total // 2), "same_lower": (total - total // 2, total // 2),
             "causal": (reach, 0), "full": (reach, reach)}
    return named[padding] if isinstance(padding, str) else (padding, padding) if isinstance(padding, int) else padding


def outside(x, axis, before, after, border):
    """Pad one axis of a tensor as numpy.pad does, so that torch can differentiate it."""
    if not isinstance(border, str | tuple):
        border = (border, border)
    if isinstance(border, str):
        index = np.pad(np.arange(x.shape[axis]), (before, after), mode=border)
        return torch.index_select(x, axis, torch.tensor(index))
    parts = [x]
    for place, (count, side) in enumerate(zip((before, after), border, strict=True)):
        if isinstance(side, str):
            index = np.pad(np.arange(x.shape[axis]), (before, after), mode=side)
            picked = torch.tensor(index[:before] if place == 0 else index[before + x.shape[axis]:])
            piece = torch.index_select(x, axis, picked)
        else:
            shape = [*x.shape[:axis], count, *x.shape[axis + 1:]]
            piece = torch.full(shape, side, dtype=x.dtype)
        parts = [piece, *parts] if place == 0 else [*parts, piece]
    return torch.cat(parts, axis)


def conv_of_torch(layer, words):
    def run(x, weight, bias=None):
        axes = weight.ndim - 2
        for axis in range(axes):
            padding, border = words["padding"], words["border"]
            padding = padding[axis] if isinstance(padding, tuple) else padding
            border = border[axis] if isinstance(border, tuple) else border
            reach = (weight.shape[2 + axis] - 1) * words["dilation"][axis]
            before, after = sides(padding, x.shape[2 + axis], reach, words["stride"][axis])
            x = outside(x, 2 + axis, before, after, border)
        function = (functional.conv1d, functional.conv2d, functional.conv3d)[axes - 1]
        return function(x, weight, bias, words["stride"], 0, words["dilation"], words["groups"])
    return run


def transposed_of_torch(layer, words):
    def run(x, weight, bias=None):
        axes = weight.ndim - 2
        function = (functional.conv_transpose1d, functional.conv_transpose2d, functional.conv_transpose3d)[axes - 1]
        y = function(x, weight, None, words["stride"], 0, 0, words["groups"], words["dilation"])
        crop = []
        for axis in reversed(range(axes)):
            padding, stride = words["padding"], words["stride"][axis]
            padding = padding[axis] if isinstance(padding, tuple) else padding
            reach = (weight.shape[2 + axis] - 1) * words["dilation"][axis]
            before, after = sides(padding, x.shape[2 + axis] * stride, reach, stride)
            if padding in ("same", "same_lower"):
                after = reach + 1 - stride - before
            crop += [-before, words["output_padding"][axis] - after]
        y = functional.pad(y, crop)
        return y if bias is None else y + bias.reshape(-1, *(1,) * axes)
    return run


@pytest.mark.parametrize(("index", "case"), list(enumerate(CONVOLUTIONS)), ids=NAMES)
def test_convolutions(index, case, rng):
    words = case[3]
    of_torch = conv_of_torch if case[1] is layers.Conv else transposed_of_torch
    compare(build(case), rng.standard_normal(case[-1]), of_torch(None, words), 1e-12)
    if index % 5 == 0:
        x = rng.standard_normal(case[-1]).astype(np.float32)
        compare(build(case, "float32"), x, of_torch(None, words), 2e-6)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_the_same_layer_as_torch_nn(dtype, rng):
    size = 2e-6 if dtype == "float32" else 1e-12
    kind = getattr(torch, dtype)
    pairs = [
        (layers.Conv2d(4, 6, 3, 2, 1, groups=2, seed=1, dtype=dtype),
         torch.nn.Conv2d(4, 6, 3, 2, 1, groups=2, dtype=kind), (2, 4, 9, 8)),
        (layers.Conv1d(2, 3, 3, padding=2, border="wrap", seed=1, dtype=dtype),
         torch.nn.Conv1d(2, 3, 3, padding=2, padding_mode="circular", dtype=kind), (2, 2, 9)),
        (layers.ConvTranspose2d(4, 6, 3, 2, 1, output_padding=1, groups=2, seed=1, dtype=dtype),
         torch.nn.ConvTranspose2d(4, 6, 3, 2, 1, output_padding=1, groups=2, dtype=kind), (2, 4, 5, 4)),
        (layers.Linear(7, 5, seed=1, dtype=dtype), torch.nn.Linear(7, 5, dtype=kind), (3, 7)),
        (layers.Linear(7, 5, seed=1, dtype=dtype), torch.nn.Linear(7, 5, dtype=kind), (2, 3, 7)),
    ]
    for ours, theirs, shape in pairs:
        names = dict(theirs.named_parameters())
        assert list(names) == list(ours.parameters)
        with torch.no_grad():
            for name, entry in ours.parameters.items():
                assert tuple(names[name].shape) == entry.value.shape
                names[name].copy_(torch.tensor(entry.value))
        x = rng.standard_normal(shape).astype(dtype)
        compare(ours, x, called(theirs, list(names)), size)


def called(module, names):
    return lambda x, *values: torch.func.functional_call(module, dict(zip(names, values, strict=True)), (x,))


@pytest.mark.parametrize(("words", "theirs"), [
    ({"scale": 2}, {"scale_factor": 2, "mode": "nearest"}),
    ({"scale": 1.7}, {"scale_factor": 1.7, "mode": "nearest"}),
    ({"scale": (2, 3)}, {"scale_factor": (2.0, 3.0), "mode": "nearest"}),
    ({"size": (7, 5)}, {"size": (7, 5), "mode": "nearest"}),
    ({"scale": 2, "mode": "linear"}, {"scale_factor": 2, "mode": "bilinear"}),
    ({"scale": 1.3, "mode": "linear"}, {"scale_factor": 1.3, "mode": "bilinear"}),
    ({"scale": 0.5, "mode": "linear"}, {"scale_factor": 0.5, "mode": "bilinear"}),
    ({"size": (7, 1), "mode": "linear"}, {"size": (7, 1), "mode": "bilinear"}),
    ({"size": (7, 9), "mode": "linear", "align_corners": True}, {"size": (7, 9), "mode": "bilinear",
                                                                 "align_corners": True}),
    ({"size": (1, 6), "mode": "linear", "align_corners": True}, {"size": (1, 6), "mode": "bilinear",
                                                                 "align_corners": True}),
])
def test_upsampling(words, theirs, rng):
    compare(layers.Upsample(**words), rng.standard_normal((2, 3, 5, 4)), torch.nn.Upsample(**theirs), 1e-6)


# ---------------------------------------------------------------- losses

LOSSES = [
    (layers.MeanSquare, {}, torch.nn.MSELoss, {}, "values"),
    (layers.L1, {}, torch.nn.L1Loss, {}, "values"),
    (layers.BinaryCrossEntropy, {}, torch.nn.BCEWithLogitsLoss, {}, "shares"),
    (layers.BinaryCrossEntropy, {"positive_weight": 2.5}, torch.nn.BCEWithLogitsLoss,
     {"pos_weight": torch.tensor(2.5)}, "shares"),
    (layers.BinaryCrossEntropy, {"logits": False}, torch.nn.BCELoss, {}, "probabilities"),
    (layers.CrossEntropy, {}, torch.nn.CrossEntropyLoss, {}, "classes"),
    (layers.CrossEntropy, {"label_smoothing": 0.2}, torch.nn.CrossEntropyLoss, {"label_smoothing": 0.2}, "classes"),
    (layers.CrossEntropy, {"ignore": 1}, torch.nn.CrossEntropyLoss, {"ignore_index": 1}, "classes"),
    (layers.CrossEntropy, {"weight": [1, 2, 0.5, 3]}, torch.nn.CrossEntropyLoss,
     {"weight": torch.tensor([1, 2, 0.5, 3], dtype=torch.float64)}, "classes"),
    (layers.CrossEntropy, {"weight": [1, 2, 0.5, 3], "ignore": 2}, torch.nn.CrossEntropyLoss,
     {"weight": torch.tensor([1, 2, 0.5, 3], dtype=torch.float64), "ignore_index": 2}, "classes"),
    (layers.CrossEntropy, {"weight": [1, 2, 0.5, 3], "label_smoothing": 0.1}, torch.nn.CrossEntropyLoss,
     {"weight": torch.tensor([1, 2, 0.5, 3], dtype=torch.float64), "label_smoothing": 0.1}, "classes"),
    (layers.CrossEntropy, {}, torch.nn.CrossEntropyLoss, {}, "softmax"),
    (layers.CrossEntropy, {"label_smoothing": 0.1}, torch.nn.CrossEntropyLoss, {"label_smoothing": 0.1}, "softmax"),
]


@pytest.mark.parametrize("reduction", ["mean", "sum"])
@pytest.mark.parametrize(("kind", "words", "theirs", "others", "target"), LOSSES)
def test_losses(kind, words, theirs, others, target, reduction, rng):
    for shape in ((6, 4), (3, 4, 2, 5)):
        prediction = 3 * rng.standard_normal(shape)
        goal = rng.standard_normal(shape)
        if target == "classes":
            goal = rng.integers(0, 4, (shape[0], *shape[2:]))
        if target == "softmax":
            goal = np.exp(goal) / np.exp(goal).sum(axis=1, keepdims=True)
        if target in ("shares", "probabilities"):
            goal = rng.random(shape)
        if target == "probabilities":
            prediction = rng.random(shape)
        given = tensor(prediction)
        value = theirs(**others, reduction=reduction)(given, torch.tensor(goal))
        value.backward()
        ours = kind(**words, reduction=reduction)
        assert ours(prediction, goal) == pytest.approx(value.item(), rel=1e-12)
        close(ours.backward(), given.grad)


# ---------------------------------------------------------------- training

def networks(dtype):
    """The same small network twice, with the same values."""
    ours = layers.Sequential(
        layers.Conv2d(1, 4, 3, padding=1, seed=1, dtype=dtype), layers.Conv2d(4, 6, 3, 2, seed=2, dtype=dtype),
        layers.Flatten(), layers.Linear(54, 5, seed=3, dtype=dtype))
    theirs = torch.nn.Sequential(
        torch.nn.Conv2d(1, 4, 3, padding=1), torch.nn.Conv2d(4, 6, 3, 2), torch.nn.Flatten(), torch.nn.Linear(54, 5),
    ).to(getattr(torch, dtype))
    with torch.no_grad():
        for name, parameter in theirs.named_parameters():
            parameter.copy_(torch.tensor(ours.parameters[name].value))
    return ours, theirs


OPTIMISERS = [
    (layers.SGD, {"rate": 0.05}, "SGD", {"lr": 0.05}),
    (layers.SGD, {"rate": 0.05, "momentum": 0.9}, "SGD", {"lr": 0.05, "momentum": 0.9}),
    (layers.SGD, {"rate": 0.05, "momentum": 0.9, "nesterov": True, "weight_decay": 0.01}, "SGD",
     {"lr": 0.05, "momentum": 0.9, "nesterov": True, "weight_decay": 0.01}),
    (layers.SGD, {"rate": 0.05, "momentum": 0.8, "dampening": 0.3, "weight_decay": 0.1}, "SGD",
     {"lr": 0.05, "momentum": 0.8, "dampening": 0.3, "weight_decay": 0.1}),
    (layers.Adam, {"rate": 0.01}, "Adam", {"lr": 0.01}),
    (layers.Adam, {"rate": 0.01, "betas": (0.8, 0.95), "epsilon": 1e-6, "weight_decay": 0.1}, "Adam",
     {"lr": 0.01, "betas": (0.8, 0.95), "eps": 1e-6, "weight_decay": 0.1}),
    (layers.AdamW, {"rate": 0.01, "weight_decay": 0.2}, "AdamW", {"lr": 0.01, "weight_decay": 0.2}),
]


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize(("kind", "words", "name", "others"), OPTIMISERS)
def test_ten_steps_of_training(kind, words, name, others, dtype, rng):
    ours, theirs = networks(dtype)
    loss, optimiser = layers.CrossEntropy(), kind(ours, **words)
    other = getattr(torch.optim, name)(theirs.parameters(), **others)
    size = 2e-5 if dtype == "float32" else 1e-11
    for _ in range(10):
        x, classes = rng.standard_normal((8, 1, 8, 8)).astype(dtype), rng.integers(0, 5, 8)
        value = loss(ours.forward(x, training=True), classes)
        ours.backward(loss.backward())
        norm = layers.clip_norm(ours, 2.0)
        optimiser.step()
        other.zero_grad()
        wanted = torch.nn.functional.cross_entropy(theirs(torch.tensor(x)), torch.tensor(classes))
        wanted.backward()
        assert norm == pytest.approx(torch.nn.utils.clip_grad_norm_(theirs.parameters(), 2.0).item(), rel=size)
        other.step()
        assert value == pytest.approx(wanted.item(), rel=size)
        for key, parameter in theirs.named_parameters():
            close(ours.parameters[key].value, parameter, size)


@pytest.mark.parametrize(("ours", "name", "words"), [
    (layers.step(0.4, every=3, factor=0.5), "StepLR", {"step_size": 3, "gamma": 0.5}),
    (layers.cosine(0.4, length=9, lowest=0.1), "CosineAnnealingLR", {"T_max": 9, "eta_min": 0.1}),
    (layers.warmup(0.4, length=4), "LambdaLR", {"lr_lambda": lambda steps: min(1, (steps + 1) / 4)}),
])
def test_schedules(ours, name, words):
    optimiser = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=0.4)
    theirs = getattr(torch.optim.lr_scheduler, name)(optimiser, **words)
    for steps in range(9):
        assert ours(steps) == pytest.approx(theirs.get_last_lr()[0])
        optimiser.step()
        theirs.step()


def test_initial_values_have_the_spread_of_torch():
    for name, words in (("kaiming_uniform", {}), ("kaiming_normal", {}), ("xavier_uniform", {}),
                        ("xavier_normal", {}), ("kaiming_normal", {"mode": "fan_out"})):
        ours = getattr(layers.initialisers, name)((60, 40, 3, 3), seed=1, **words)
        theirs = getattr(torch.nn.init, f"{name}_")(torch.empty(60, 40, 3, 3), **words).numpy()
        assert ours.std() == pytest.approx(theirs.std(), rel=0.03)
        if "uniform" in name:
            assert np.abs(ours).max() == pytest.approx(np.abs(theirs).max(), rel=0.003)
    for ours, theirs in ((layers.Conv2d(40, 60, 3, seed=1), torch.nn.Conv2d(40, 60, 3)),
                         (layers.ConvTranspose2d(40, 60, 3, seed=1), torch.nn.ConvTranspose2d(40, 60, 3)),
                         (layers.Linear(300, 200, seed=1), torch.nn.Linear(300, 200))):
        for name, parameter in theirs.named_parameters():
            largest = np.abs(ours.parameters[name].value).max()
            assert largest == pytest.approx(parameter.detach().abs().max().item(), rel=0.1 if name == "bias" else 0.003)
