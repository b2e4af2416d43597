"""Laws that hold for any arrays: exact, because the numbers are small integers."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

import faltung as ft

QUICK = settings(max_examples=40, deadline=None, derandomize=True)
NUMBERS = st.integers(-50, 50).map(float)


def signals(least=1, most=9):
    return hnp.arrays(np.float64, st.integers(least, most), elements=NUMBERS)


def images(ndim=2, most=5):
    return hnp.arrays(np.float64, st.tuples(*[st.integers(1, most)] * ndim), elements=NUMBERS)


@QUICK
@given(images(), st.sampled_from(["full", "same", "valid", "causal"]))
def test_delta_changes_nothing(x, mode):
    np.testing.assert_array_equal(ft.convolve(x, np.ones((1, 1)), mode), x)
    np.testing.assert_array_equal(ft.correlate(x, np.ones((1, 1)), mode), x)


@QUICK
@given(signals(), st.integers(0, 4))
def test_a_moved_delta_shifts(x, shift):
    delta = np.zeros(shift + 1)
    delta[shift] = 1
    np.testing.assert_array_equal(ft.convolve(x, delta), np.concatenate([np.zeros(shift), x]))
    np.testing.assert_array_equal(ft.correlate(x, delta), np.concatenate([x, np.zeros(shift)]))


@QUICK
@given(images(), images(most=3), images(most=3), st.sampled_from([0, "edge", "reflect", "symmetric", "wrap"]))
def test_linear_in_the_kernel(x, k, other, border):
    shape = np.maximum(k.shape, other.shape)
    k, other = grown(k, shape), grown(other, shape)
    total = ft.convolve(x, k + 3 * other, border=border)
    np.testing.assert_array_equal(total, ft.convolve(x, k, border=border) + 3 * ft.convolve(x, other, border=border))


@QUICK
@given(images(), images(most=3), st.sampled_from([0, "edge", "reflect", "symmetric", "wrap"]))
def test_linear_in_the_image(x, k, border):
    total = ft.convolve(x + 2 * x[::-1], k, border=border)
    np.testing.assert_array_equal(total, ft.convolve(x, k, border=border) + 2 * ft.convolve(x[::-1], k, border=border))


def grown(array, shape):
    return np.pad(array, [(0, int(n) - m) for n, m in zip(shape, array.shape, strict=True)])


@QUICK
@given(images(), images())
def test_full_convolutions_commute(x, k):
    np.testing.assert_array_equal(ft.convolve(x, k), ft.convolve(k, x))


@QUICK
@given(signals(), signals(most=4), signals(most=4))
def test_full_convolutions_associate(x, k, other):
    np.testing.assert_array_equal(ft.convolve(ft.convolve(x, k), other), ft.convolve(x, ft.convolve(k, other)))


@QUICK
@given(images(), images(most=3))
def test_correlation_is_convolution_with_the_flipped_kernel(x, k):
    np.testing.assert_array_equal(ft.correlate(x, k), ft.convolve(x, k[::-1, ::-1]))


@QUICK
@given(signals(least=2), st.integers(1, 6))
def test_wrap_shifts_with_the_image(x, shift):
    k = np.array([1.0, -2.0, 5.0])
    moved = ft.convolve(np.roll(x, shift), k, "same", border="wrap")
    np.testing.assert_array_equal(moved, np.roll(ft.convolve(x, k, "same", border="wrap"), shift))


@QUICK
@given(images(), st.data())
def test_stride_takes_every_nth_output(x, data):
    k = data.draw(images(most=3))
    stride = data.draw(st.integers(1, 4))
    np.testing.assert_array_equal(ft.correlate(x, k, stride=stride), ft.correlate(x, k)[::stride, ::stride])


@QUICK
@given(st.data())
def test_the_transposed_layer_is_the_adjoint(data):
    """<conv(x, w), y> = <x, conv_transpose(y, w)>."""
    draw = lambda low, high: data.draw(st.integers(low, high))
    groups, stride, dilation, taps, padding = draw(1, 2), draw(1, 3), draw(1, 2), draw(1, 3), draw(0, 2)
    inputs, outputs, length = groups * draw(1, 2), groups * draw(1, 2), draw(5, 9)
    rng = np.random.default_rng(draw(0, 1000))
    x = rng.integers(-9, 9, (1, inputs, length)).astype(float)
    w = rng.integers(-9, 9, (outputs, inputs // groups, taps)).astype(float)
    options = {"stride": stride, "padding": padding, "dilation": dilation, "groups": groups}
    forward = ft.conv(x, w, **options)
    y = rng.integers(-9, 9, forward.shape).astype(float)
    rest = (length + 2 * padding - (taps - 1) * dilation - 1) % stride
    extra = rest if rest < max(stride, dilation) else 0
    backward = ft.conv_transpose(y, w, output_padding=extra, **options)
    assert backward.shape == x.shape
    assert (forward * y).sum() == (x * backward).sum()
