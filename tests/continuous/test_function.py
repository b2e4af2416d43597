"""`Function` itself, and functions made from callables, polynomials, samples and the catalogue."""

from __future__ import annotations

import math
import pickle
from pathlib import Path

import numpy as np
import pytest
from scipy.interpolate import BSpline

import faltung as ft
from faltung import continuous as ct

ROOT = Path(__file__).resolve().parents[2]


def test_the_front_door_brings_it():
    assert ft.continuous is ct


# Evaluation

def test_values_keep_the_shape_and_numbers_stay_numbers():
    f = ct.triangle()
    assert isinstance(f(0.5), float)
    assert f(np.float32(0.5)) == 0.5
    assert f(np.zeros((2, 3, 1))).shape == (2, 3, 1)
    assert f([]).shape == (0,)
    assert f(5) == f(-1.0001) == f(math.inf) == f(-math.inf) == 0
    np.testing.assert_array_equal(f([math.nan, 0]), [math.nan, 1])


def test_a_jump_belongs_to_the_right_and_the_end_to_the_last_piece():
    f = ct.samples([0, 1, 2], [3, 5], "step")
    np.testing.assert_array_equal(f([0, 1, 2, np.nextafter(2, 3)]), [3, 5, 5, 0])


# Callables

def test_a_smooth_callable_is_one_piece():
    f = ct.function(np.exp, (-1, 1))
    assert len(f.breakpoints) == 2
    assert 12 <= f.degree <= 18
    x = np.linspace(-1, 1, 1001)
    np.testing.assert_allclose(f(x), np.exp(x), rtol=0, atol=2e-15)


def test_scalar_callables():
    f = ct.function(lambda x: math.sin(x) if x < 1 else 0.5, (0, 3))
    np.testing.assert_array_equal(f.breakpoints, [0, 1, 3])
    assert f(2.5) == 0.5
    assert f(0.5) == pytest.approx(math.sin(0.5), abs=1e-15)
    assert ct.function(lambda x: 2.0, (0, 3)).integral() == 6


@pytest.mark.parametrize(
    ("call", "interval", "breakpoints"),
    [
        (abs, (-1, 2), [-1, 0, 2]),
        (lambda x: np.abs(x - 0.1) ** 3, (-1, 2), [-1, 0.1, 2]),
        (lambda x: np.floor(10 * x), (0, 1), np.arange(11) / 10),
        (lambda x: np.where(x < 0.3, np.sin(x), 2 + x * x), (-1, 2), [-1, 0.3, 2]),
        (lambda x: np.maximum(x, 0.5) + np.cos(x), (0, 1), [0, 0.5, 1]),
    ],
)
def test_jumps_and_kinks_are_found(call, interval, breakpoints):
    f = ct.function(call, interval)
    np.testing.assert_allclose(f.breakpoints, breakpoints, atol=1e-9)
    x = np.random.default_rng(0).uniform(*interval, 1000)
    np.testing.assert_allclose(f(x), call(x), rtol=0, atol=1e-14)


def test_given_breakpoints_are_kept_and_the_ends_not_asked_for():
    asked = []

    def call(x):
        asked.append(x)
        return np.sin(x) / x

    f = ct.function(call, (-1, 1), breakpoints=[0])
    np.testing.assert_array_equal(f.breakpoints, [-1, 0, 1])
    assert not {-1.0, 0.0, 1.0} & set(np.concatenate(asked).tolist())
    assert f(0) == pytest.approx(1, abs=1e-15)


def test_narrow_peaks_and_wide_oscillation(rng):
    peak = ct.function(lambda x: 1 / (1 + 1e4 * x * x), (-1, 1))
    assert peak.integral() == pytest.approx(2 * math.atan(100) / 100, abs=1e-15)
    wave = ct.function(lambda x: np.sin(1000 * x), (0, 1))
    x = rng.uniform(0, 1, 200)
    np.testing.assert_allclose(wave(x), np.sin(1000 * x), atol=1e-12)
    step = ct.function(lambda x: np.tanh(1e5 * x), (-1, 1.5))
    np.testing.assert_allclose(step(x / 1e4), np.tanh(10 * x), atol=1e-11)


@pytest.mark.parametrize(("call", "area"), [(np.sqrt, 2 / 3), (np.log, -1), (lambda x: np.sqrt(1 - x), 2 / 3),
                                             (lambda x: x * np.log(x), -1 / 4)])
def test_singular_ends(call, area):
    f = ct.function(call, (0, 1))
    assert f.integral() == pytest.approx(area, abs=2e-15)
    assert len(f.breakpoints) < 100


def test_a_coarser_tolerance_makes_a_lower_degree():
    fine, coarse = (ct.function(lambda x: 1 / (1 + 25 * x * x), (-1, 1), tolerance=e) for e in (1e-15, 1e-6))
    assert coarse.degree < fine.degree / 2
    x = np.linspace(-1, 1, 101)
    np.testing.assert_allclose(coarse(x), fine(x), atol=1e-5)


def test_far_from_zero_the_rounding_of_x_is_no_obstacle():
    f = ct.function(np.sin, (1e6, 1e6 + 10))
    assert f.degree < 40
    assert f(1e6 + 3) == pytest.approx(math.sin(1e6 + 3), abs=1e-9)


def test_zero_is_one_piece_of_degree_0():
    f = ct.function(lambda x: 0 * x, (0, 5))
    assert repr(f) == "Function([0.0, 5.0], pieces=1, degree=0)"


# Polynomials and samples

def test_three_bases_of_one_polynomial():
    x = np.linspace(1, 3, 50)
    t = x - 2
    power = ct.polynomial([1, 3], [[1, 2, 3]])
    np.testing.assert_allclose(power(x), 1 + 2 * (x - 1) + 3 * (x - 1) ** 2, atol=1e-14)
    chebyshev = ct.polynomial([1, 3], [[1, 2, 3]], basis="chebyshev")
    np.testing.assert_allclose(chebyshev(x), 1 + 2 * t + 3 * (2 * t * t - 1), atol=1e-14)
    legendre = ct.polynomial([1, 3], [[1, 2, 3]], basis="legendre")
    np.testing.assert_allclose(legendre(x), 1 + 2 * t + 3 * (1.5 * t * t - 0.5), atol=1e-14)


def test_samples_are_interpolated_as_numpy_does(rng):
    x, y = np.sort(rng.uniform(0, 5, 20)), rng.standard_normal(20)
    at = rng.uniform(x[0], x[-1], 100)
    np.testing.assert_allclose(ct.samples(x, y)(at), np.interp(at, x, y), rtol=0, atol=1e-15)
    assert ct.samples(x, y).integral() == pytest.approx(np.trapezoid(y, x), abs=1e-14)
    nearest = np.abs(at[:, None] - x).argmin(axis=1)
    np.testing.assert_array_equal(ct.samples(x, y, "nearest")(at), y[nearest])


# The catalogue

def test_the_catalogue_against_its_formulas(rng):
    x = rng.uniform(-4, 4, 400)
    np.testing.assert_array_equal(ct.box(2, 1, height=3)(x), 3.0 * ((x >= 0) & (x < 2)))
    np.testing.assert_allclose(ct.triangle(3, 1, height=2)(x), 2 * np.maximum(0, 1 - np.abs(x - 1) / 1.5), atol=1e-15)
    bell = np.exp(-((x - 0.5) ** 2) / 0.5) / (0.5 * math.sqrt(2 * math.pi))
    np.testing.assert_allclose(ct.gaussian(0.5, 0.5)(x), bell, atol=1e-15)
    decay = np.where(x >= -1, 2 * np.exp(-3 * (np.maximum(x, -1) + 1)), 0)
    np.testing.assert_allclose(ct.exponential(3, -1, height=2)(x), decay, atol=2e-15)


@pytest.mark.parametrize("degree", [0, 1, 2, 3, 7, 20])
def test_b_splines_against_scipy(degree, rng):
    made = ct.b_spline(degree)
    x = rng.uniform(*made.support, 200)
    np.testing.assert_allclose(made(x), BSpline.basis_element(made.breakpoints)(x), atol=1e-14)
    assert made.integral() == pytest.approx(1, abs=1e-14)


# What functions can do

def test_integrals_from_here_to_there():
    f = ct.gaussian()
    assert f.integral() == pytest.approx(1, abs=1e-15)
    assert f.integral(-1, 1) == pytest.approx(math.erf(1 / math.sqrt(2)), abs=1e-15)
    assert f.integral(0, 100) == pytest.approx(0.5, abs=1e-15)
    assert f.integral(1, -1) == -f.integral(-1, 1)
    assert f.integral(100, 200) == 0


def test_maxima_and_minima(rng):
    f = ct.function(lambda x: np.sin(20 * x) * np.exp(-x) + 0.3 * x, (0, 4))
    x = np.linspace(0, 4, 400_001)  # within 1e-5 of each extremum, so within 1e-8 of its height
    assert f.maximum()[1] == pytest.approx(f(x).max(), abs=1e-8)
    assert f.minimum()[1] == pytest.approx(f(x).min(), abs=1e-8)
    assert f(f.maximum()[0]) == pytest.approx(f.maximum()[1], abs=1e-14)
    place, value = ct.function(lambda x: -((x - 0.3) ** 2), (0, 1)).maximum()
    assert place == pytest.approx(0.3, abs=1e-12)
    assert value == pytest.approx(0, abs=1e-15)
    assert ct.function(np.exp, (0, 1)).maximum() == (1, pytest.approx(math.e))
    assert ct.box(height=-2).maximum()[1] == -2
    assert ct.box(height=-2).scale == 2
    series = rng.standard_normal(200)
    wild = ct.polynomial([0, 1], [series], basis="legendre")
    assert wild.maximum()[1] >= wild(np.linspace(0, 1, 100_001)).max() - 1e-12


def test_derivative_and_antiderivative_undo_each_other(rng):
    f = ct.function(lambda x: np.abs(x - 0.5) + np.cos(3 * x), (0, 2))
    x = rng.uniform(0, 2, 200)
    np.testing.assert_allclose(f.antiderivative().derivative()(x), f(x), atol=1e-12)
    np.testing.assert_allclose(f.derivative()(x), np.sign(x - 0.5) - 3 * np.sin(3 * x), atol=1e-11)
    np.testing.assert_allclose(ct.gaussian().derivative(2)(x), (x * x - 1) * ct.gaussian()(x), atol=1e-11)
    assert f.derivative(0)(1.1) == f(1.1)


def test_an_antiderivative_can_go_on():
    f = ct.exponential().antiderivative(until=100)
    assert f.support == (0, 100)
    assert f(99) == pytest.approx(1)
    assert ct.exponential().antiderivative()(1) == pytest.approx(1 - math.exp(-1))


def test_moving_stretching_turning(rng):
    f, x = ct.exponential(2, 0.5), rng.uniform(-5, 5, 100)
    np.testing.assert_allclose(f.shift(-1)(x), f(x + 1), atol=1e-14)
    np.testing.assert_allclose(f.stretch(2)(x), f(x / 2), atol=1e-14)
    np.testing.assert_allclose(f.stretch(-0.5)(x), f(x / -0.5), atol=1e-14)
    np.testing.assert_array_equal(f.reverse()(x), f(-x))


def test_arithmetic(rng):
    f, g, x = ct.triangle(3), ct.gaussian(0.3, 1), rng.uniform(-3, 4, 300)
    np.testing.assert_allclose((f + g)(x), f(x) + g(x), atol=1e-14)
    np.testing.assert_allclose((f - g)(x), f(x) - g(x), atol=1e-14)
    np.testing.assert_allclose((f * g)(x), f(x) * g(x), atol=1e-14)
    np.testing.assert_allclose((2 * f)(x), 2 * f(x), atol=1e-14)
    np.testing.assert_allclose((np.float64(2) * f / 4)(x), f(x) / 2, atol=1e-14)
    np.testing.assert_array_equal((-f)(x), -f(x))
    assert +f is f
    assert (f * g).support == (-1.5, 1.5)


def test_functions_with_a_gap_between_them():
    f = ct.box() + ct.box(1, 5)
    np.testing.assert_array_equal(f([0, 2, 5]), [1, 0, 1])
    assert f.integral() == 2
    assert (ct.box() * ct.box(1, 5)).integral() == 0


def test_functions_are_values():
    f = ct.triangle()
    f.breakpoints[0] = 7
    f.series[0][:] = 7
    assert f(0) == 1
    assert f.support == (-1, 1)
    again = pickle.loads(pickle.dumps(f))
    assert again(0.25) == f(0.25)
    with pytest.raises(AttributeError):
        f.support = (0, 1)


def test_the_examples_of_the_page_run():
    import doctest

    flags = doctest.NORMALIZE_WHITESPACE | doctest.ELLIPSIS
    done = doctest.testfile(str(ROOT / "docs" / "functions.md"), module_relative=False, optionflags=flags)
    assert done.attempted > 10
    assert done.failed == 0


def test_pieces_no_longer_than_rounding_are_merged_away():
    sliver = ct.samples([1000, np.nextafter(1000, 2000), 1001], [2, 1], "step")
    product = sliver * ct.box(4, 1000)
    assert product(1000.5) == pytest.approx(1)
    assert product.integral() == pytest.approx(1)
