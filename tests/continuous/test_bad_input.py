"""What cannot be a function says so, in full."""

from __future__ import annotations

import re

import numpy as np
import pytest

from faltung import continuous as ct
from faltung.errors import DTypeError, FunctionError

F = ct.box()


def refused(kind, text, call):
    with pytest.raises(kind) as caught:
        call()
    assert str(caught.value) == text


@pytest.mark.parametrize(
    ("call", "text"),
    [
        (lambda: ct.convolve(F, np.sin), "convolve: g is a callable (ufunc), not a Function; make it one first: "
                                         "continuous.function(g, (start, end))"),
        (lambda: ct.correlate([1, 2], F), "correlate: f is of type list, not a Function; use continuous.samples(x, y) "
                                          "for samples, continuous.polynomial(breakpoints, coefficients) for "
                                          "polynomials"),
        (lambda: ct.autocorrelate(None), "autocorrelate: f is of type NoneType, not a Function; use "
                                         "continuous.samples(x, "
                                         "y) for samples, continuous.polynomial(breakpoints, coefficients) for "
                                         "polynomials"),
        (lambda: ct.overlap(F, F, "x"), "overlap: t='x' is not a real number; give a float"),
        (lambda: ct.function(3, (0, 1)), "function: call=3 cannot be called; give a function of x, or use "
                                         "samples(x, y)"),
        (lambda: ct.function(np.sin, (0, 1j)), "function: interval[1]=1j is not a real number; give a float"),
        (lambda: ct.function(lambda x: 1j * x, (0, 1)),
         "function: the callable gives values of type complex128 and shape (512,) for 512 numbers; it must give "
         "one real "
         "number for each"),
        (lambda: ct.function(lambda x: [x, x], (0, 1)),
         "function: the callable gives values of type float64 and shape (512, 2) for 512 numbers; it must give "
         "one real "
         "number for each"),
        (lambda: F + 1, "Function: cannot add the number 1, for the sum would not be zero outside; add "
                        "box(width, center) "
                        "times the number"),
        (lambda: F([1j]), "Function: x holds complex128, which are not real numbers; give floats"),
        (lambda: ct.samples([0, 1], ["a", "b"]), "samples: y holds <U1, which are not real numbers; give floats"),
        (lambda: F.shift(True), "shift: t=True is not a real number; give a float"),
    ],
)
def test_wrong_types(call, text):
    refused(DTypeError, text, call)


@pytest.mark.parametrize(
    ("call", "text"),
    [
        (lambda: ct.function(np.sin, 3), "function: interval=3 must be a pair (start, end)"),
        (lambda: ct.function(np.sin, (1, 0)), "function: interval=(1, 0) must end after it starts, but 0.0 <= 1.0"),
        (lambda: ct.function(np.sin, (0, np.inf)), "function: interval[1]=inf must be finite"),
        (lambda: ct.function(np.sin, (0, 1), [2]), "function: breakpoints contain 2.0, which lies outside [0.0, "
                                                   "1.0]; leave "
                                                   "it out or widen the interval"),
        (lambda: ct.function(np.sin, (0, 1), tolerance=0),
         "function: tolerance=0 must lie between 0 and 1; 1e-15 is the finest that pays"),
        (lambda: ct.box(0), "box: width=0 must be greater than 0"),
        (lambda: ct.gaussian(-1), "gaussian: sigma=-1 must be greater than 0"),
        (lambda: ct.triangle(1, np.inf), "triangle: center=inf must be finite"),
        (lambda: ct.exponential(0), "exponential: rate=0 must be greater than 0"),
        (lambda: ct.b_spline(-1), "b_spline: degree=-1 must be a whole number of at least 0"),
        (lambda: ct.b_spline(61), "b_spline: degree=61 must be 60 at most"),
        (lambda: ct.polynomial([0, 1], []), "polynomial: 0 pieces of coefficients for 2 breakpoints; give at least two "
                                            "breakpoints and one piece between each two"),
        (lambda: ct.polynomial([0, 0], [[1]]), "polynomial: breakpoints[1]=0.0 does not lie after "
                                               "breakpoints[0]=0.0; they "
                                               "must rise: sort them, and give each once"),
        (lambda: ct.polynomial([0, 1], [[]]), "polynomial: coefficients[0] is empty; give [0] for a piece that "
                                              "is zero"),
        (lambda: ct.polynomial([0, 1], [[1, np.nan]]), "polynomial: coefficients[0][1]=nan must be finite; "
                                                       "leave it out"),
        (lambda: ct.polynomial([0, 1], [[1]], basis="fourier"),
         "polynomial: basis='fourier' is unknown; use one of power, legendre, chebyshev"),
        (lambda: ct.samples([0, 1, 2], [0, 1]), "samples: x has 3 positions and y has 2 values; kind='linear' "
                                                "needs at least "
                                                "two positions and as many values"),
        (lambda: ct.samples([0, 1], [0, 1], "step"), "samples: x has 2 positions and y has 2 values; "
                                                     "kind='step' needs at "
                                                     "least two positions and one value less"),
        (lambda: ct.samples([0, 1], [0, 1], "cubic"),
         "samples: kind='cubic' is unknown; use one of linear, nearest, step"),
        (lambda: ct.samples([[0, 1]], [0, 1]), "samples: x has shape (1, 2); give numbers along one axis"),
        (lambda: ct.samples([0, 1], [0, np.inf]), "samples: y[1]=inf must be finite; leave it out"),
        (lambda: F / 0, "Function: divisor=0; a function is divided by a number other than zero"),
        (lambda: F * np.nan, "Function: factor=nan must be finite"),
        (lambda: F.stretch(0), "stretch: factor=0 leaves no interval; it must differ from zero"),
        (lambda: F.shift(1e17), "Function: on [1e+17, 1e+17] no interval is left that float64 can tell apart; keep the "
                                "support near zero for its length"),
        (lambda: F.stretch(1e309 / 10), "stretch: factor=inf must be finite"),
        (lambda: F.derivative(-1), "derivative: order=-1 must be a whole number of at least 0"),
        (lambda: F.antiderivative(until=0), "antiderivative: until=0 lies before the end of the support, 0.5; "
                                            "leave it out"),
    ],
)
def test_wrong_values(call, text):
    refused(FunctionError, text, call)


def test_nan_is_told_with_its_place():
    refused(FunctionError, "function: the callable gives nan at x=-0.9999952938095762 in [-1.0, 1.0]; end the interval "
                           "before it, or let the callable be finite there", lambda: ct.function(np.sqrt, (-1, 1)))


def test_infinity_is_told_with_its_place():
    refused(FunctionError, "function: the callable gives inf at x=0.0 in [-1.0, 1.0]; end the interval before "
                           "it, or let the "
                           "callable be finite there",
            lambda: ct.function(lambda x: np.where(x == 0, np.inf, np.abs(x) ** 0.3), (-1, 1)))


UNRESOLVED = (r"function: the callable cannot be resolved to tolerance=1e-15 in \[(\S+), (\S+)\]: 512 points do "
              r"not suffice "
              r"there, after (\d+) cuts and (\d+) intervals \(at most 60 and 1000, none below 128 floats\); give "
              r"breakpoints=, a larger tolerance=, or end the interval before it")


@pytest.mark.parametrize(
    ("call", "near"),
    [
        (lambda x: 1 / x, 0),
        (np.tan, np.pi / 2),
        (lambda x: np.sin(1 / x), 0),
        (lambda x: np.random.default_rng(0).standard_normal(x.shape), None),
    ],
)
def test_what_cannot_be_resolved_is_told_with_its_interval(call, near):
    calls = 0

    def counted(x):
        nonlocal calls
        calls += x.size
        return call(x)

    with pytest.raises(FunctionError) as caught:
        ct.function(counted, (0, 3))
    told = re.fullmatch(UNRESOLVED, str(caught.value))
    assert told
    low, high, cuts, intervals = float(told[1]), float(told[2]), int(told[3]), int(told[4])
    assert 0 <= low < high <= 3
    assert cuts <= 60
    assert intervals <= 1000
    assert calls < 1000 * 4000
    if near is not None:
        assert abs(low - near) < 1e-9


def test_an_error_of_the_callable_itself_comes_through():
    def broken(x):
        raise ZeroDivisionError("mine")

    with pytest.raises(ZeroDivisionError, match=r"^mine$"):
        ct.function(broken, (0, 1))


def test_too_many_pieces(rng):
    f = ct.samples(np.sort(rng.uniform(0, 1, 500)), np.zeros(500))
    refused(FunctionError, "convolve: 500 by 500 breakpoints make up to 250000 pieces, more than 200000; use fewer, or "
                           "equally spaced ones that fit each other", lambda: ct.convolve(f, f))


def test_functions_do_not_mix_with_other_things():
    with pytest.raises(TypeError):
        F + "a"
    with pytest.raises(TypeError):
        F * "a"
    with pytest.raises(TypeError):
        F / F
