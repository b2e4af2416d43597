"""What training does in a quicker way gives the bits of the plain one: the step of Adam, the loss of classes."""

from __future__ import annotations

import numpy as np
import pytest

import faltung as ft
from faltung import layers
from faltung.layers.base import Parameter
from faltung.layers.optimisers import Optimiser

SHAPES = ((6, 1, 5, 5), (6,), (40001,), (10, 84), (17,), (0, 3))
MARK = 12345.0


def parameters(dtype):
    """Values whose neighbours in memory are marked."""
    rng, found, marked = np.random.default_rng(1), {}, []
    for number, shape in enumerate(SHAPES):
        count = int(np.prod(shape))
        memory = np.full(count + 64, MARK, dtype)
        memory[32:32 + count] = rng.standard_normal(count)
        marked.append(memory)
        found[str(number)] = Parameter(memory[32:32 + count].reshape(shape))
    return found, marked


def trained(kind, dtype, options, *, plainly, change=lambda given, step: None):
    given, marked = parameters(dtype)
    optimiser = kind(given, 0.01, **options)
    if plainly:
        optimiser._change_all = lambda *arguments: Optimiser._change_all(optimiser, *arguments)
    rng = np.random.default_rng(2)
    for step in range(5):
        for name, parameter in given.items():
            gradient = rng.standard_normal(parameter.value.shape).astype(dtype)
            gradient.reshape(-1)[:1] = -0.0
            parameter.gradient = None if (name, step) == ("1", 2) else gradient
        change(given, step)
        optimiser.step()
    for memory in marked:
        assert (memory[:32] == MARK).all()
        assert (memory[-32:] == MARK).all()
    return {**{name: parameter.value for name, parameter in given.items()}, **optimiser.state()}


def same(found, expected):
    assert found.keys() == expected.keys()
    for name, array in expected.items():
        assert found[name].tobytes() == array.tobytes(), name


@pytest.mark.parametrize("threads", [1, 3])
@pytest.mark.parametrize("options", [{}, {"weight_decay": 0.1, "betas": (0.8, 0.95), "epsilon": 1e-6}])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("kind", [layers.Adam, layers.AdamW])
def test_the_bits_are_numpys(kind, dtype, options, threads, monkeypatch):
    monkeypatch.setattr("faltung.layers.programs.PARALLEL", 1000)
    try:
        ft.set_threads(threads)
        found = trained(kind, dtype, options, plainly=False)
    finally:
        ft.set_threads(None)
    same(found, trained(kind, dtype, options, plainly=True))


def test_parameters_that_lie_otherwise_take_the_same_steps():
    def turned(given, step):
        given["3"].gradient = np.asfortranarray(given["3"].gradient)
        if step == 3:
            given["3"].value = np.asfortranarray(given["3"].value)

    same(trained(layers.Adam, "float32", {}, plainly=False, change=turned),
         trained(layers.Adam, "float32", {}, plainly=True))


def test_a_new_value_and_a_restored_state_are_noticed():
    def anew(given, step):
        given["0"].value = given["0"].value + step
    same(trained(layers.Adam, "float32", {}, plainly=False, change=anew),
         trained(layers.Adam, "float32", {}, plainly=True, change=anew))
    one, other = (Parameter(np.ones(3)) for _ in range(2))
    first, second = layers.Adam({"p": one}), layers.Adam({"p": other})
    for optimiser, parameter in ((first, one), (second, other)):
        parameter.gradient = np.array([1.0, 2.0, 3.0])
        optimiser.step()
    first.restore(second.state())
    for optimiser in (first, second):
        optimiser.step()
    assert first.state()["mean.p"].tobytes() == second.state()["mean.p"].tobytes()
    assert one.value.tobytes() == other.value.tobytes()


def test_a_parameter_under_two_names_takes_two_steps():
    def twice(optimiser_of):
        one = Parameter(np.ones(5))
        one.gradient = np.arange(5.0)
        optimiser = optimiser_of({"a": one, "b": one})
        optimiser.step()
        return one.value

    single = Parameter(np.ones(5))
    for _ in range(2):
        single.gradient = np.arange(5.0)
        layers.Adam({"p": single}).step()
    assert twice(layers.Adam).tobytes() == single.value.tobytes()


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize(("rows", "classes"), [(64, 10), (1, 1), (7, 1000)])
@pytest.mark.parametrize("reduction", ["mean", "sum"])
def test_the_loss_of_classes_has_the_gradient_of_the_general_one(dtype, rows, classes, reduction, monkeypatch):
    rng = np.random.default_rng(3)
    scores, labels = (5 * rng.standard_normal((rows, classes))).astype(dtype), rng.integers(0, classes, rows)
    quick, general = (layers.CrossEntropy(reduction=reduction) for _ in range(2))
    monkeypatch.setattr(general, "_is_plain", lambda *_: False)
    assert quick(scores, labels) == pytest.approx(general(scores, labels), rel=1e-15)
    found, expected = quick.backward(), general.backward()
    assert found.dtype == expected.dtype
    assert found.tobytes() == expected.tobytes()
