"""The catalogue: by hand, by properties, and by SciPy where it defines the same."""

from __future__ import annotations

import math
from fractions import Fraction

import numpy as np
import pytest
from scipy import ndimage, signal, special, stats

from faltung import correlate, kernels
from faltung.kernels import bells


def places(extent):
    return np.arange(extent) - (extent - 1) / 2


def test_values_made_by_hand():
    np.testing.assert_array_equal(kernels.scharr(0), [[-3, -10, -3], [0, 0, 0], [3, 10, 3]])
    np.testing.assert_array_equal(kernels.prewitt(1), [[-1, 0, 1]] * 3)
    np.testing.assert_array_equal(kernels.roberts(1), [[0, 1], [-1, 0]])
    np.testing.assert_array_equal(kernels.kirsch(0), [[-3, -3, 5], [-3, 0, 5], [-3, -3, 5]])
    np.testing.assert_array_equal(kernels.kirsch(3), [[5, 5, -3], [5, 0, -3], [-3, -3, -3]])
    np.testing.assert_allclose(kernels.pyramid((4, 1)) * 6, [[1], [2], [2], [1]])
    np.testing.assert_allclose(kernels.pyramid(5), correlate(kernels.box(3), kernels.box(3)), atol=1e-16)
    np.testing.assert_allclose(kernels.b_spline(5, 1) * 120, [1, 26, 66, 26, 1], rtol=1e-14)
    np.testing.assert_allclose(kernels.b_spline(2, 1) * 8, [1, 6, 1], rtol=1e-14)
    assert [kernels.kirsch(direction).sum() for direction in range(8)] == [0] * 8


# ---------------------------------------------------------------- SciPy

@pytest.mark.parametrize("sigma", [0.7, 1.0, 2.3])
@pytest.mark.parametrize("order", range(5))
def test_gaussian_is_that_of_ndimage(sigma, order):
    reach = 4 * math.ceil(sigma)
    delta = np.zeros(4 * reach + 1)
    delta[2 * reach] = 1
    wanted = ndimage.gaussian_filter(delta, sigma, order=order, radius=reach)[reach : 3 * reach + 1][::-1]
    np.testing.assert_allclose(kernels.gaussian(sigma, 1, 2 * reach + 1, order=order), wanted, atol=2e-14)


@pytest.mark.parametrize("sigma", [1e-20, 0.01, 0.5, 1, 3, 30, 100])
def test_bessel_functions(sigma):
    most = math.ceil(4 * sigma) + 2
    wanted = special.ive(np.arange(most + 1), sigma**2)
    np.testing.assert_allclose(bells.scaled_bessel(most, sigma**2), wanted, atol=1e-15, rtol=1e-11)


@pytest.mark.parametrize(("ours", "theirs"), [(kernels.sobel, ndimage.sobel), (kernels.prewitt, ndimage.prewitt)])
@pytest.mark.parametrize(("ndim", "axis"), [(1, 0), (2, 0), (2, 1), (3, 1)])
def test_slopes_are_those_of_ndimage(ours, theirs, ndim, axis, rng):
    image = rng.normal(size=(7, 8, 9)[:ndim])
    made = correlate(image, ours(axis, ndim), "same", border="symmetric")
    np.testing.assert_allclose(made, theirs(image, axis), atol=1e-13)


@pytest.mark.parametrize("case", [(5, 2, 0), (11, 3, 1), (21, 5, 2), (7, 6, 3), (6, 3, 0), (8, 3, 1)])
def test_savitzky_golay_is_that_of_scipy(case):
    size, degree, order = case
    wanted = signal.savgol_coeffs(size, degree, deriv=order, delta=0.5, use="dot", pos=(size - 1) / 2)
    made = kernels.savitzky_golay(size, degree, order=order, spacing=0.5)
    np.testing.assert_allclose(made, wanted, atol=1e-12 * np.abs(wanted).max())


@pytest.mark.parametrize("window", ["hamming", "hann", "blackman", "kaiser", "rectangular", "bartlett"])
@pytest.mark.parametrize(("kind", "cutoff", "taps"), [
    ("low", 0.3, 31), ("low", 0.3, 30), ("high", 0.3, 31), ("band", (0.2, 0.6), 31), ("band", (0.2, 0.6), 30),
    ("stop", (0.2, 0.6), 31)])
def test_fir_is_firwin(kind, cutoff, taps, window):
    name = {"kaiser": ("kaiser", 8.6), "rectangular": "boxcar"}.get(window, window)
    long = {"low": "lowpass", "high": "highpass", "band": "bandpass", "stop": "bandstop"}[kind]
    wanted = signal.firwin(taps, cutoff, window=name, pass_zero=long)
    np.testing.assert_allclose(kernels.fir(taps, cutoff, kind=kind, window=window), wanted, atol=1e-14)
    scaled = np.multiply(cutoff, 500)
    np.testing.assert_allclose(kernels.fir(taps, scaled, kind=kind, window=window, rate=1000), wanted, atol=1e-14)


def test_binomial_is_the_distribution_and_holds_long_rows():
    np.testing.assert_allclose(kernels.binomial(9, 1), stats.binom.pmf(np.arange(9), 8, 0.5), rtol=1e-14)
    assert kernels.binomial(2001, 1).sum() == pytest.approx(1, abs=1e-13)


# ---------------------------------------------------------------- properties

@pytest.mark.parametrize("kind", bells.KINDS)
@pytest.mark.parametrize("order", range(5))
def test_derivatives_of_the_gaussian_differentiate_powers(kind, order):
    line = kernels.gaussian(2.0, 1, 41, order=order, kind=kind)
    t = places(41)
    for power in range(order + 1):
        wanted = math.factorial(order) if power == order else 0
        # The discrete one is exact by construction; the others end at ten sigma.
        assert np.dot(line, t**power) == pytest.approx(wanted, abs=1e-11 if kind == "bessel" else 1e-7)


def test_the_discrete_gaussian_has_its_variance_and_adds_up():
    line = kernels.gaussian(1.5, 1, 61, kind="bessel")
    assert np.dot(line, places(61) ** 2) == pytest.approx(2.25, abs=1e-12)
    twice = correlate(line, line)
    np.testing.assert_allclose(twice[30:91], kernels.gaussian(math.sqrt(4.5), 1, 61, kind="bessel"), atol=1e-12)


def test_the_integrated_gaussian_is_that_of_the_error_function():
    edges = np.arange(-3.5, 4) / 0.6
    wanted = np.diff(special.ndtr(edges))
    np.testing.assert_allclose(kernels.gaussian(0.6, 1, 7, kind="integrated"), wanted / wanted.sum(), atol=1e-15)


@pytest.mark.parametrize("radius", [0.3, 0.5, 0.75, 1.0, 2.5, 7.1])
def test_disk_has_its_area_and_second_moment(radius):
    kernel = kernels.disk(radius)
    kernel = np.asarray(kernel)
    assert kernel.sum() == pytest.approx(1, abs=1e-14)
    np.testing.assert_allclose(kernel, kernel.T, atol=1e-16)
    np.testing.assert_allclose(kernel, kernel[::-1], atol=1e-16)
    fine = (np.arange(2000) + 0.5) / 2000 - 0.5
    tap = kernel[tuple(extent // 2 for extent in kernel.shape)]
    inside = (fine[:, None] ** 2 + fine**2 <= radius**2).mean()
    assert tap * math.pi * radius**2 == pytest.approx(inside, abs=2e-3)
    inner = int(radius / math.sqrt(2) - 0.5)
    full = [math.pi * radius**2 * tap for tap in np.diag(kernel)[len(kernel) // 2 : len(kernel) // 2 + inner]]
    np.testing.assert_allclose(full, 1, atol=1e-12)


def test_disk_of_one_and_three_axes():
    np.testing.assert_allclose(kernels.disk(1.0, 1), [0.25, 0.5, 0.25])
    ball = kernels.disk(2.5, 3)
    assert ball.shape == (5, 5, 5)
    np.testing.assert_allclose(ball, ball.transpose(2, 0, 1), atol=3e-4 * ball.max())
    np.testing.assert_allclose(ball.sum(axis=(0, 1)) * 4 / 3 * math.pi * 2.5**3,
                               [math.pi * np.diff([z * 2.5**2 - z**3 / 3 for z in (a - 0.5, a + 0.5)])[0]
                                for a in range(-2, 3)], rtol=1e-4)


@pytest.mark.parametrize("angle", [0, 17, 45, 90, 133, 180, 270])
@pytest.mark.parametrize("length", [0.5, 1, 4, 9.3])
def test_motion_is_a_line(length, angle):
    kernel = kernels.motion(length, angle)
    assert kernel.sum() == pytest.approx(1, abs=1e-14)
    np.testing.assert_allclose(kernel, kernel[::-1, ::-1], atol=1e-15)
    y, x = (place * 1.0 for place in np.meshgrid(*[places(extent) for extent in kernel.shape], indexing="ij"))
    turn = math.radians(angle)
    across = np.abs(x * math.sin(turn) + y * math.cos(turn))
    assert across[kernel > 0].max() <= math.sqrt(0.5) + 1e-12
    # Seen from the centre the line runs up to the right for angles below 90 degrees.
    assert np.sign(np.round((kernel * x * y).sum(), 12)) == -np.sign(np.round(math.sin(2 * turn), 12)) or length <= 1


@pytest.mark.parametrize("degree", range(7))
@pytest.mark.parametrize("step", [1, 2, 3])
def test_b_splines_are_repeated_boxes(degree, step):
    exact = signal.BSpline if hasattr(signal, "BSpline") else None
    assert exact is None
    from scipy.interpolate import BSpline

    line = kernels.b_spline(degree, 1, step=step)
    knots = np.arange(degree + 2) - (degree + 1) / 2
    wanted = BSpline.basis_element(knots, extrapolate=False)(places(len(line)) / step)
    wanted = np.nan_to_num(wanted)
    if degree:
        np.testing.assert_allclose(line, wanted / wanted.sum(), atol=1e-14)
    assert line.sum() == pytest.approx(1)


@pytest.mark.parametrize("name", ["lanczos", "lanczos:lobes=2,factor=4", "lanczos:factor=1"])
def test_lanczos_passes_constants_and_stops_what_would_alias(name):
    kernel = kernels.named(name)
    assert kernel.sum() == pytest.approx(1)
    np.testing.assert_allclose(kernel, kernel[::-1, ::-1], atol=1e-17)
    if name.endswith("factor=1"):
        np.testing.assert_allclose(kernel, kernels.identity(5), atol=1e-16)
    else:
        assert max(kernels.describe(kernel).nyquist_gains) < 0.02


def exact_savitzky_golay(size, degree, order):
    """The kernel in fractions: minimum norm under the moments, solved by elimination."""
    t = [Fraction(2 * i - size + 1, 2) for i in range(size)]
    rows = [[Fraction(p) ** m for p in t] for m in range(degree + 1)]
    gram = [[sum(a * b for a, b in zip(r, s, strict=True)) for s in rows] for r in rows]
    wanted = [Fraction(math.factorial(order) if m == order else 0) for m in range(degree + 1)]
    table = [[*row, value] for row, value in zip(gram, wanted, strict=True)]
    for i in range(degree + 1):
        pivot = next(j for j in range(i, degree + 1) if table[j][i])
        table[i], table[pivot] = table[pivot], table[i]
        table[i] = [value / table[i][i] for value in table[i]]
        for j in range(degree + 1):
            if j != i and table[j][i]:
                table[j] = [a - table[j][i] * b for a, b in zip(table[j], table[i], strict=True)]
    return [float(sum(table[m][-1] * rows[m][i] for m in range(degree + 1))) for i in range(size)]


@pytest.mark.parametrize("case", [(5, 2, 0), (31, 20, 0), (31, 20, 3), (12, 7, 1), (51, 12, 2)])
def test_savitzky_golay_against_fractions(case):
    wanted = exact_savitzky_golay(*case)
    size, degree, order = case
    made = kernels.savitzky_golay(size, degree, order=order)
    np.testing.assert_allclose(made, wanted, atol=1e-12 * np.abs(wanted).max())


@pytest.mark.parametrize("order", [(0, 0), (1, 0), (0, 2), (1, 1)])
def test_savitzky_golay_of_two_axes_gives_the_derivatives_of_polynomials(order):
    kernel = kernels.savitzky_golay((7, 9), 4, ndim=2, order=order)
    y, x = places(7)[:, None], places(9)[None, :]
    for a in range(5):
        for b in range(5 - a):
            wanted = math.factorial(a) * math.factorial(b) if (a, b) == order else 0
            assert (kernel * y**a * x**b).sum() == pytest.approx(wanted, abs=1e-11)


def test_laplacian_of_gaussian_and_difference():
    log = kernels.laplacian_of_gaussian(2)
    assert log.sum() == pytest.approx(0, abs=1e-15)
    y, x = places(len(log))[:, None], places(len(log))[None, :]
    assert (log * x**2).sum() == pytest.approx(2, rel=1e-3)
    np.testing.assert_allclose(log, log.T, atol=1e-18)
    bell = np.exp(-(x**2 + y**2) / 8) / (8 * math.pi)
    np.testing.assert_allclose(log, ((x**2 + y**2) / 16 - 2 / 4) * bell, atol=1e-6)
    dog = kernels.difference_of_gaussians(2, 1.02, size=len(log))
    cosine = -(dog * log).sum() / np.sqrt((dog**2).sum() * (log**2).sum())
    assert cosine > 0.999


@pytest.mark.parametrize(("angle", "phase"), [(0, 0), (30, 90), (90, 45)])
def test_gabor_is_its_formula(angle, phase):
    kernel = kernels.gabor(2, 5, angle, phase, aspect=0.5, size=(11, 13))
    y, x = places(11)[:, None], places(13)[None, :]
    c, s = math.cos(math.radians(angle)), math.sin(math.radians(angle))
    u, v = c * x - s * y, s * x + c * y
    wanted = np.exp(-(u**2 + v**2 / 4) / 8) * np.cos(2 * np.pi * u / 5 + math.radians(phase)) / (16 * np.pi)
    np.testing.assert_allclose(kernel, wanted, atol=1e-16)


@pytest.mark.parametrize("ndim", [1, 2, 3])
def test_ricker_has_unit_energy_and_no_mean(ndim):
    kernel = kernels.ricker(2.0, ndim)
    assert np.square(kernel).sum() == pytest.approx(1, abs=1e-6)
    assert kernel.sum() == pytest.approx(0, abs=2e-3)
    assert kernels.ricker(0.5).sum() != 0  # narrow ones are given all the same


@pytest.mark.parametrize(("kind", "cutoff", "zero", "nyquist"),
                         [("low", 0.4, 1, 0), ("high", 0.4, 0, 1), ("band", (0.3, 0.6), 0, 0),
                          ("stop", (0.3, 0.6), 1, 1)])
def test_fir_of_two_axes(kind, cutoff, zero, nyquist):
    found = kernels.describe(kernels.fir(41, cutoff, 2, kind=kind))
    assert found.dc_gain == pytest.approx(zero, abs=0.01)
    assert found.nyquist_gains == pytest.approx((nyquist, nyquist), abs=0.01)
    assert found.symmetry == ("even", "even")


def test_unsharp_undoes_part_of_a_blur(rng):
    kernel = kernels.unsharp(1.5, 2)
    assert kernel.sum() == pytest.approx(1)
    soft = kernels.gaussian(1.5)
    np.testing.assert_allclose(kernel, 3 * kernels.identity(soft.shape) - 2 * soft, atol=1e-16)


@pytest.mark.parametrize("name", kernels.KERNELS)
def test_every_kernel_is_an_array_of_its_own(name):
    first, second = kernels.named(name), kernels.named(name)
    assert first.flags.writeable
    assert not np.may_share_memory(first, second)
    assert first.dtype in (np.int16, np.float64)
    assert np.isfinite(first).all()
