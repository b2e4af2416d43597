"""Legendre series: conversions, parts of an interval, triangles, parallelograms, chopping."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.polynomial import chebyshev as cheb
from numpy.polynomial import legendre as leg
from scipy.special import eval_legendre

from faltung.continuous import series, trapezoids
from faltung.continuous.adaptive import chop
from faltung.continuous.edges import find_edge, simplest


@pytest.mark.parametrize("count", [1, 2, 3, 8, 20])
def test_chebyshev_to_legendre_agrees_with_the_way_over_powers(count):
    matrix = series.chebyshev_to_legendre(count)
    for k in range(count):
        wanted = leg.poly2leg(cheb.cheb2poly(np.eye(count)[k]))
        np.testing.assert_allclose(matrix[:, k], np.pad(wanted, (0, count - len(wanted))), atol=1e-9)


def test_values_to_coefficients_and_back_at_high_degree(rng):
    wanted = rng.standard_normal(400)
    values = leg.legval(series.nodes(400), wanted)
    np.testing.assert_allclose(series.from_values(values), wanted, rtol=0, atol=2e-12)


def test_evaluation_of_a_batch(rng):
    batch, points = rng.standard_normal((3, 30)), rng.uniform(-1, 1, (3, 11))
    wanted = [sum(c * eval_legendre(k, x) for k, c in enumerate(row)) for row, x in zip(batch, points, strict=True)]
    np.testing.assert_allclose(series.evaluate(batch, points), wanted, atol=1e-13)


def test_integration(rng):
    row = rng.standard_normal(20)
    np.testing.assert_allclose(series.integrate(row), leg.legint(row, lbnd=-1), atol=1e-15)


@pytest.mark.parametrize(("low", "high"), [(-1, 1), (-1, -0.5), (0.3, 0.31), (0.999, 1), (-1e-9, 1e-9)])
def test_a_part_of_the_interval(low, high, rng):
    row = rng.standard_normal((1, 101))
    part = series.restrict(row, np.array([low]), np.array([high]))
    assert part.shape[1] <= 101
    t = np.linspace(-1, 1, 50)
    wanted = leg.legval((low * (1 - t) + high * (1 + t)) / 2, row[0])
    np.testing.assert_allclose(leg.legval(t, part[0]), wanted, rtol=0, atol=1e-13 * np.abs(row).sum())


@pytest.mark.parametrize("count", [1, 2, 5, 64, 301])
def test_gauss_rules(count):
    x, w = series.gauss(count)
    wanted_x, wanted_w = leg.leggauss(count)
    np.testing.assert_allclose(x, wanted_x, rtol=0, atol=1e-15)
    np.testing.assert_allclose(w, wanted_w, rtol=0, atol=1e-13)


def test_trimming_keeps_one_coefficient_and_all_that_counts():
    assert series.trim(np.zeros((2, 5)), 1.0).shape == (2, 1)
    assert len(series.trim(np.array([1.0, 1e-10, 1e-18, 1e-19]), 1.0)) == 2
    assert len(series.trim(np.array([1.0, 1e-10, 1e-18, 1e-19]), 1e-6)) == 4


@pytest.mark.parametrize(("m", "n"), [(0, 0), (0, 7), (1, 1), (6, 2), (40, 40), (150, 20), (300, 280)])
def test_both_triangles_against_quadrature(m, n, rng):
    f, g = rng.standard_normal(m + 1), rng.standard_normal(n + 1)
    left, right = trapezoids.triangles(f, g)
    swapped = trapezoids.triangles(g, f)
    x, w = leg.leggauss((m + n) // 2 + 2)
    bound = 1e-14 * np.sqrt(m + n + 1) * np.abs(leg.legval(np.linspace(-1, 1, 999), f)).max() * np.sqrt(n + 1)
    for t in np.linspace(-1, 1, 21):
        for center, made, other in ((-1, left, swapped[0]), (1, right, swapped[1])):
            low, high = max(-1.0, t + center - 1), min(1.0, t + center + 1)
            s = low + (high - low) * (x + 1) / 2
            wanted = (high - low) / 2 * np.sum(w * leg.legval(s, f) * leg.legval(t + center - s, g))
            assert abs(leg.legval(t, made) - wanted) <= bound
            assert abs(leg.legval(t, other) - wanted) <= bound


def test_triangles_in_batches_are_the_single_ones(rng):
    f, g = rng.standard_normal((5, 9)), rng.standard_normal((5, 4))
    batch = trapezoids.left_triangle(f, g)
    for k in range(5):
        np.testing.assert_allclose(batch[k], trapezoids.left_triangle(f[k], g[k]), rtol=0, atol=1e-14)


@pytest.mark.parametrize("ratio", [0.99, 0.4, 0.01, 1e-9])
def test_parallelogram_against_quadrature(ratio, rng):
    f, g = rng.standard_normal((1, 41)), rng.standard_normal((1, 31))
    made = trapezoids.parallelogram(f, g, np.array([ratio]))[0]
    x, w = leg.leggauss(60)
    for u in np.linspace(-1, 1, 11):
        wanted = np.sum(w * leg.legval(u * (1 - ratio) - x * ratio, f[0]) * leg.legval(x, g[0]))
        assert abs(leg.legval(u, made) - wanted) <= 1e-12


def test_chopping_at_a_plateau_of_noise(rng):
    clean = 0.5 ** np.arange(128)
    noisy = clean + 1e-16 * rng.standard_normal(128)
    assert 45 <= chop(noisy, 1e-15) <= 60
    assert chop(np.zeros(20), 1e-15) == 1
    assert chop(np.eye(40)[0], 1e-15) == 1
    assert chop(1 / (1 + np.arange(128.0)) ** 2, 1e-15) == 128


@pytest.mark.parametrize(
    ("call", "place", "within"),
    [
        (lambda x: np.where(x < 0.3, 0.0, 1.0), 0.3, 0),
        (lambda x: np.where(x < 0.3, np.cos(9 * x), 1.5), 0.3, 0),
        (lambda x: np.abs(x - 0.25), 0.25, 1e-12),
        (lambda x: np.where(x < 1 / 3, 0.0, (x - 1 / 3) ** 2), 1 / 3, 1e-6),
        (lambda x: np.abs(x - 0.25) ** 3 + np.sin(x), 0.25, 1e-3),
        (np.exp, None, 0),
        (lambda x: np.sin(300 * x), None, 0),
        (np.sqrt, None, 0),
    ],
)
def test_edges_are_found_where_they_are_and_nowhere_else(call, place, within):
    found = find_edge(call, 0.0, 1.0, 1.0)
    assert (found is None) == (place is None)
    if place is not None:
        assert abs(found - place) <= within


def test_the_simplest_number():
    assert simplest(0.7, 1.3) == 1
    assert simplest(1.2345, 1.2355) == 1.235
    assert simplest(np.pi, np.nextafter(np.pi, 4)) in (np.pi, np.nextafter(np.pi, 4))
