"""Convolution of functions: closed forms, exact fractions, quadrature, and the laws."""

from __future__ import annotations

import itertools
from fractions import Fraction

import numpy as np
import pytest
from scipy.integrate import fixed_quad, quad

from faltung import continuous as ct

SCALE_BOUND = 1e-13


def legendre(rng, degree, low=-1.0, high=1.0):
    """A function whose coefficients fall like those of a smooth one, but reach the full degree."""
    series = rng.standard_normal(degree + 1) * 0.85 ** np.arange(degree + 1)
    series[-1] = 1e-3
    return ct.polynomial([low, high], [series], basis="legendre")


def scale(f, g):
    width = min(f.support[1] - f.support[0], g.support[1] - g.support[0])
    return f.scale * g.scale * width


def same(one, other, within, rng, count=500):
    low, high = min(one.support[0], other.support[0]), max(one.support[1], other.support[1])
    x = rng.uniform(low - 0.1, high + 0.1, count)
    np.testing.assert_allclose(one(x), other(x), rtol=0, atol=within)


def quadrature(f, g, x):
    """The definition, by a rule exact for degree 399 between all breakpoints."""
    low, high = max(f.support[0], x - g.support[1]), min(f.support[1], x - g.support[0])
    if low >= high:
        return 0.0
    cuts = np.concatenate([f.breakpoints, x - g.breakpoints])
    cuts = np.unique(np.concatenate([[low, high], cuts[(cuts > low) & (cuts < high)]]))
    return sum(fixed_quad(lambda t: f(t) * g(x - t), a, b, n=200)[0] for a, b in itertools.pairwise(cuts))


# Closed forms

def test_box_with_box_is_the_triangle(rng):
    h = ct.convolve(ct.box(), ct.box())
    same(h, ct.triangle(), 1e-16, rng)
    assert h.support == (-1, 1)
    np.testing.assert_array_equal(h.breakpoints, [-1, 0, 1])
    assert h.degree == 1
    assert h.maximum() == (0.0, 1.0)


def test_boxes_of_two_widths_are_a_trapezoid():
    h = ct.convolve(ct.box(3, height=2), ct.box(1, center=1))
    np.testing.assert_allclose(h.breakpoints, [-1, 0, 2, 3])
    np.testing.assert_allclose(h([-1, -0.5, 0, 1, 2, 2.5, 3]), [0, 1, 2, 2, 2, 1, 0], atol=1e-15)


def test_triangle_with_box_is_the_quadratic_b_spline(rng):
    same(ct.convolve(ct.triangle(), ct.box()), ct.b_spline(2), 4e-16, rng)


@pytest.mark.parametrize("degree", range(1, 11))
def test_b_splines_by_repetition(degree, rng):
    h = ct.box()
    for _ in range(degree):
        h = ct.convolve(ct.box(), h)
    assert len(h.breakpoints) == degree + 2
    same(h, ct.b_spline(degree), 2e-15, rng)


def test_gaussian_with_gaussian_adds_the_variances(rng):
    for one, other in [(1, 1), (3, 4), (0.1, 5), (1, 0.02)]:
        h = ct.convolve(ct.gaussian(one, mean=1), ct.gaussian(other, mean=-3))
        wanted = ct.gaussian(np.hypot(one, other), mean=-2)
        same(h, wanted, 1e-14 * wanted.scale, rng)


def test_exponentials():
    x = np.linspace(0.0, 40, 777)
    h = ct.convolve(ct.exponential(), ct.exponential())
    np.testing.assert_allclose(h(x), x * np.exp(-x), rtol=0, atol=1e-14)
    h = ct.convolve(ct.exponential(2), ct.exponential(0.5))
    x = np.linspace(0.0, 20, 777)
    np.testing.assert_allclose(h(x), (np.exp(-0.5 * x) - np.exp(-2 * x)) / 1.5, rtol=0, atol=1e-14)


def test_an_exponential_with_a_box_charges_and_decays():
    h = ct.convolve(ct.box(2, center=1), ct.exponential())
    x = np.linspace(0.0, 10, 501)
    wanted = np.where(x < 2, 1 - np.exp(-x), np.exp(2 - x) - np.exp(-x))
    np.testing.assert_allclose(h(x), wanted, rtol=0, atol=1e-14)
    place, top = h.maximum()
    assert place == pytest.approx(2)
    assert top == pytest.approx(1 - np.exp(-2), abs=1e-15)


def test_half_powers_with_singular_ends():
    """``sqrt(x)`` with itself is ``pi x^2 / 8`` on [0, 1]: Euler's beta function."""
    root = ct.function(np.sqrt, (0, 1))
    x = np.linspace(0, 1, 101)
    np.testing.assert_allclose(ct.convolve(root, root)(x), np.pi / 8 * x**2, rtol=0, atol=1e-14)


# Exact fractions

def exact_value(pieces_f, pieces_g, x):
    """The integral of products of polynomials, in fractions; a piece is (start, end, powers of t - start)."""
    total = Fraction(0)
    for (a, b, p), (c, d, q) in itertools.product(pieces_f, pieces_g):
        low, high = max(a, x - d), min(b, x - c)
        if low >= high:
            continue
        shifted = moved(p, low - a)  # powers of s = t - low
        other = moved(q, x - low - c)  # g at x - t = (x - low) - s
        other = [value * (-1) ** k for k, value in enumerate(other)]
        for (i, one), (j, two) in itertools.product(enumerate(shifted), enumerate(other)):
            total += one * two * (high - low) ** (i + j + 1) / (i + j + 1)
    return total


def moved(powers, by):
    """Powers of s of ``p(s + by)``."""
    powers = list(powers)
    for i in range(len(powers) - 1):
        for k in range(len(powers) - 2, i - 1, -1):
            powers[k] += by * powers[k + 1]
    return powers


def random_pieces(rng, pieces, degree):
    ends = [Fraction(0)]
    for _ in range(pieces):
        ends.append(ends[-1] + Fraction(int(rng.integers(1, 64)), 16))
    return [(a, b, [Fraction(int(rng.integers(-9, 10)), 4) for _ in range(rng.integers(1, degree + 2))])
            for a, b in itertools.pairwise(ends)]


def as_function(pieces):
    return ct.polynomial([float(pieces[0][0]), *(float(b) for _, b, _ in pieces)],
                         [[float(value) for value in powers] for _, _, powers in pieces])


@pytest.mark.parametrize("seed", range(25))
def test_polynomial_pieces_against_exact_fractions(seed):
    rng = np.random.default_rng(seed)
    one = random_pieces(rng, int(rng.integers(1, 5)), 5)
    other = random_pieces(rng, int(rng.integers(1, 5)), 5)
    f, g = as_function(one), as_function(other)
    h = ct.convolve(f, g)
    places = [Fraction(int(k), 64) for k in rng.integers(0, int(64 * h.support[1]), 25)]
    wanted = [float(exact_value(one, other, x)) for x in places]
    np.testing.assert_allclose(h([float(x) for x in places]), wanted, rtol=0, atol=1e-14 * scale(f, g))


# Accuracy of smooth pieces

@pytest.mark.parametrize("degrees", [(100, 100), (100, 37), (12, 100)])
@pytest.mark.parametrize("ratio", [1, 1.01, 1.7, 3, 12.3, 50])
def test_degree_100_against_quadrature(degrees, ratio, rng):
    f, g = legendre(rng, degrees[0], 0, ratio), legendre(rng, degrees[1], -1, 0)
    h = ct.convolve(f, g)
    x = rng.uniform(*h.support, 30)
    wanted = [quadrature(f, g, t) for t in x]
    np.testing.assert_allclose(h(x), wanted, rtol=0, atol=SCALE_BOUND * scale(f, g))


def test_coefficients_that_do_not_fall(rng):
    """All degrees equally strong: where the recurrence would blow up above the diagonal."""
    series = rng.standard_normal((2, 101))
    f, g = (ct.polynomial([-1, 1], [row], basis="legendre") for row in series)
    h = ct.convolve(f, g)
    for t in rng.uniform(-2, 2, 30):
        assert abs(h(t) - quadrature(f, g, t)) <= SCALE_BOUND * scale(f, g)


def test_smooth_callables_against_adaptive_quadrature(rng):
    one, other = (lambda t: np.exp(np.sin(5 * t))), (lambda t: 1 / (1 + 16 * t * t))
    f, g = ct.function(one, (-1, 2)), ct.function(other, (-1, 1))
    h = ct.convolve(f, g)
    for x in rng.uniform(*h.support, 8):
        ends = max(-1, x - 1), min(2, x + 1)
        wanted = quad(lambda t, x=x: one(t) * other(x - t), *ends, epsabs=1e-14, epsrel=1e-13)[0]
        assert abs(h(x) - wanted) <= SCALE_BOUND * scale(f, g)


def test_degree_400(rng):
    f = ct.function(lambda x: np.cos(320 * x), (-1, 1))
    g = ct.function(lambda x: np.cos(310 * x), (-1, 1))
    assert f.degree > 350
    x = rng.uniform(-2, 2, 50)

    def primitive(t, x):
        return np.sin(10 * t + 310 * x) / 20 + np.sin(630 * t - 310 * x) / 1260

    wanted = primitive(np.minimum(1, x + 1), x) - primitive(np.maximum(-1, x - 1), x)
    np.testing.assert_allclose(ct.convolve(f, g)(x), wanted, rtol=0, atol=SCALE_BOUND * 2)


# Laws

def functions(rng):
    return [
        ct.gaussian(0.5, mean=1),
        ct.box(2.5, center=-1, height=-2),
        legendre(rng, 20, -0.3, 1.9),
        ct.function(lambda x: np.abs(np.sin(3 * x)), (0, 2)),
        ct.samples([0, 0.3, 1, 1.1], [1, -2, 0.5, 3]),
    ]


def test_convolution_commutes(rng):
    for f, g in itertools.combinations(functions(rng), 2):
        same(ct.convolve(f, g), ct.convolve(g, f), 1e-14 * scale(f, g), rng)


def test_convolution_is_associative(rng):
    for f, g, h in itertools.combinations(functions(rng), 3):
        one, other = ct.convolve(ct.convolve(f, g), h), ct.convolve(f, ct.convolve(g, h))
        same(one, other, 1e-13 * scale(f, g) * h.scale * (h.support[1] - h.support[0]), rng)


def test_convolution_is_linear(rng):
    f, g, h, *_ = functions(rng)
    one, other = ct.convolve(2 * f - g * 3, h), 2 * ct.convolve(f, h) - ct.convolve(g, h) * 3
    same(one, other, 1e-13 * (scale(f, h) + scale(g, h)), rng)


def test_areas_multiply(rng):
    for f, g in itertools.combinations(functions(rng), 2):
        assert ct.convolve(f, g).integral() == pytest.approx(f.integral() * g.integral(), abs=1e-12 * scale(f, g))


def test_supports_add(rng):
    for f, g in itertools.combinations(functions(rng), 2):
        h = ct.convolve(f, g)
        assert h.support == pytest.approx(tuple(a + b for a, b in zip(f.support, g.support, strict=True)))
        assert len(h.breakpoints) <= len(f.breakpoints) * len(g.breakpoints)


def test_shift_moves_the_result(rng):
    f, _, g, *_ = functions(rng)
    same(ct.convolve(f.shift(0.7), g), ct.convolve(f, g).shift(0.7), 1e-14 * scale(f, g), rng)


def test_the_derivative_goes_to_one_operand(rng):
    f, g = ct.gaussian(0.5), legendre(rng, 20, -0.3, 1.9)
    one, other = ct.convolve(f, g).derivative(), ct.convolve(f.derivative(), g)
    same(one, other, 1e-12 * scale(f.derivative(), g), rng)


def test_zero_gives_zero():
    h = ct.convolve(ct.box() * 0, ct.triangle())
    assert h.support == (-1.5, 1.5)
    assert h.maximum()[1] == h.minimum()[1] == h.integral() == h(0.3) == 0


# Correlation, autocorrelation, overlap

def test_correlation_slides_without_flipping(rng):
    f, g = ct.exponential(2), ct.samples([0, 1, 3], [0, 2, 1])
    h = ct.correlate(f, g)
    for x in rng.uniform(*h.support, 8):
        wanted = quadrature(f, g.reverse(), x)
        assert h(x) == pytest.approx(wanted, abs=1e-14)
        low = max(0, -x)
        bend = [1] if low < 1 else None
        by_definition = quad(lambda t, x=x: f(x + t) * g(t), low, 3, points=bend, epsabs=1e-12)[0]
        assert h(x) == pytest.approx(by_definition, abs=1e-9)


def test_autocorrelation_is_even_and_greatest_at_zero(rng):
    f = legendre(rng, 30, 2, 5)
    h = ct.autocorrelate(f)
    same(h, h.reverse(), 1e-14 * scale(f, f), rng)
    assert h(0) == pytest.approx((f * f).integral(), abs=1e-14 * scale(f, f))
    place, top = h.maximum()
    assert abs(place) < 1e-6
    assert top == pytest.approx(h(0))


def test_the_area_of_the_overlap_is_the_convolution(rng):
    for f, g in itertools.combinations(functions(rng), 2):
        h = ct.convolve(f, g)
        for t in rng.uniform(h.support[0] - 0.5, h.support[1] + 0.5, 6):
            assert ct.overlap(f, g, t).integral() == pytest.approx(h(t), abs=1e-14 * scale(f, g))


def test_overlap_is_the_product_under_the_integral():
    product = ct.overlap(ct.triangle(), ct.exponential(), 0.5)
    assert product.support == (-1, 0.5)
    assert product(0.25) == pytest.approx(0.75 * np.exp(-0.25))
    nothing = ct.overlap(ct.box(), ct.box(), 7)
    assert nothing.integral() == 0


# Many pieces

@pytest.mark.parametrize("kind", ["linear", "nearest"])
def test_even_samples_with_a_smooth_function(kind, rng):
    f, g = ct.samples(np.linspace(0, 20, 201), rng.standard_normal(201), kind), ct.gaussian(0.7, mean=0.3)
    h = ct.convolve(f, g)
    x = rng.uniform(*h.support, 40)
    wanted = [ct.overlap(f, g, t).integral() for t in x]
    np.testing.assert_allclose(h(x), wanted, rtol=0, atol=1e-14 * scale(f, g))
    assert h.integral() == pytest.approx(f.integral() * g.integral(), abs=1e-12)


def test_breakpoints_that_cut_the_lattice(rng):
    f = ct.samples(np.arange(31.0), rng.standard_normal(31))
    g = ct.samples([0.2, 3.7, 3.9, 11.55, 20.1], rng.standard_normal(5))
    h, swapped = ct.convolve(f, g), ct.convolve(g, f)
    x = rng.uniform(*h.support, 60)
    wanted = [ct.overlap(f, g, t).integral() for t in x]
    np.testing.assert_allclose(h(x), wanted, rtol=0, atol=1e-14 * scale(f, g))
    np.testing.assert_allclose(swapped(x), wanted, rtol=0, atol=1e-14 * scale(f, g))


def test_even_samples_with_even_samples_keep_to_the_grid(rng):
    x = np.arange(65) / 8
    f, g = ct.samples(x, rng.standard_normal(65)), ct.samples(x - 2, rng.standard_normal(65))
    h = ct.convolve(f, g)
    np.testing.assert_allclose(h.breakpoints, np.arange(-16, 113) / 8)
    assert h.degree == 3
    for t in rng.uniform(*h.support, 40):
        assert h(t) == pytest.approx(ct.overlap(f, g, t).integral(), abs=1e-14 * scale(f, g))


def test_uneven_samples(rng):
    f, g = (ct.samples(np.sort(rng.uniform(0, 9, 40)), rng.standard_normal(40)) for _ in range(2))
    h = ct.convolve(f, g)
    for t in rng.uniform(*h.support, 40):
        assert h(t) == pytest.approx(ct.overlap(f, g, t).integral(), abs=1e-14 * scale(f, g))


def test_a_smooth_function_far_from_zero(rng):
    f = ct.gaussian(1, mean=1e6)
    h = ct.convolve(f, f)
    np.testing.assert_allclose(h(2e6 + np.arange(5.0)), ct.gaussian(2**0.5)(np.arange(5.0)), rtol=0, atol=1e-10)
