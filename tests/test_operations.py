"""The public operations, every option, against NumPy and SciPy, by every method."""

import itertools

import numpy as np
import pytest
from scipy import ndimage, signal

import faltung as ft
from faltung import calls
from grid.pairs import pairs

METHODS = ["auto", "reference"]
FUNCTIONS = {"convolve": ft.convolve, "correlate": ft.correlate}

pytestmark = pytest.mark.parametrize("method", METHODS)


@pytest.fixture
def rng():
    return np.random.default_rng(2024)


def near(actual, expected, dtype=None):
    assert actual.shape == expected.shape
    scale = 1 if expected.size == 0 else max(1, np.abs(expected).max())
    single = np.dtype(dtype or actual.dtype).name in ("float32", "complex64")
    np.testing.assert_allclose(actual, expected, rtol=0, atol=scale * (3e-6 if single else 1e-13))


def test_the_article(method):
    result = ft.convolve([0, 0, 0, 1, 2, 3, 2, 1, 0, 0], [1, 2, 3, 2, 1], method=method)
    assert result.tolist() == [0, 0, 0, 1, 4, 10, 16, 19, 16, 10, 4, 1, 0, 0]


@pytest.mark.parametrize("name", FUNCTIONS)
@pytest.mark.parametrize("mode", ["full", "same", "valid"])
def test_every_pair_of_small_extents_is_scipys(method, name, mode, rng):
    for n, k in itertools.product(range(1, 7), range(1, 6)):
        if mode == "valid" and k > n:
            continue
        x, h = rng.normal(size=n), rng.normal(size=k)
        near(FUNCTIONS[name](x, h, mode, method=method), getattr(signal, name)(x, h, mode, method="direct"))


@pytest.mark.parametrize(("name", "dtype", "shapes"), pairs(
    FUNCTIONS, ["float32", "float64", "complex64", "complex128", "int64"],
    [((12,), (5,)), ((6, 7), (3, 2)), ((4, 3, 5), (2, 3, 2)), ((3, 2, 3, 4), (2, 2, 1, 3)),
     ((2, 2, 3, 2, 3), (1, 2, 2, 2, 2))]))
def test_any_number_of_dimensions(method, name, dtype, shapes, rng):
    image, kernel = shapes
    x, k = rng.integers(-9, 9, image).astype(dtype), rng.integers(-9, 9, kernel).astype(dtype)
    if dtype.startswith("complex"):
        x, k = x + dtype_one(dtype) * 1j, k - dtype_one(dtype) * 2j
    for mode in ("full", "same", "valid"):
        result = FUNCTIONS[name](x, k, mode, method=method)
        assert result.dtype == dtype
        near(result, getattr(signal, name)(x, k, mode, method="direct"))


def dtype_one(dtype):
    return np.dtype(dtype).type(1)


@pytest.mark.parametrize("name", ["convolve", "correlate"])
def test_numpys_values(method, name, rng):
    x, k = rng.normal(size=11) + 1j, rng.normal(size=4) - 1j
    for mode in ("full", "valid"):
        near(FUNCTIONS[name](x, k, mode, method=method), getattr(np, name)(x, k, mode))


@pytest.mark.parametrize(("border", "mode"), [
    ("reflect", "mirror"), ("symmetric", "reflect"), ("edge", "nearest"), ("wrap", "wrap"), (-3, "constant")])
def test_borders_are_ndimages(method, border, mode, rng):
    x = rng.normal(size=(6, 5))
    for taps in [(3, 3), (4, 2), (1, 5), (9, 3)]:
        k = rng.normal(size=taps)
        near(ft.correlate(x, k, "same", border=border, method=method), ndimage.correlate(x, k, mode=mode, cval=-3))
        anchor = tuple(extent // 2 for extent in taps)
        near(ft.convolve(x, k, "same", border=border, anchor=anchor, method=method),
             ndimage.convolve(x, k, mode=mode, cval=-3))


def padded(x, widths, border):
    for axis, (width, sides) in enumerate(zip(widths, border, strict=True)):
        for pad, side in zip([(width, 0), (0, width)], sides, strict=True):
            widths_of_all = [(0, 0)] * x.ndim
            widths_of_all[axis] = pad
            x = np.pad(x, widths_of_all, **how(side))
    return x


def test_a_border_for_each_side(method, rng):
    x, k = rng.normal(size=(5, 6)), rng.normal(size=(3, 4))
    border = (("edge", 2.0), (-1.0, "edge"))
    result = ft.correlate(x, k, border=border, method=method)
    near(result, signal.correlate(padded(x, (2, 3), border), k, "valid", method="direct"))


def test_modes_with_borders_are_parts_of_the_full_result(method, rng):
    x, k = rng.normal(size=9), rng.normal(size=4)
    for border in (0, "reflect", 2.5):
        full = ft.convolve(x, k, border=border, method=method)
        near(ft.convolve(x, k, "causal", border=border, method=method), full[:9])
        near(ft.convolve(x, k, "same", border=border, method=method), full[1:10])
        near(ft.convolve(x, k, "valid", border=border, method=method), full[3:9])


@pytest.mark.parametrize("name", FUNCTIONS)
def test_stride_and_dilation(method, name, rng):
    x, k = rng.normal(size=(9, 10)), rng.normal(size=(2, 3))
    holes = np.zeros((3, 7))
    holes[::2, ::3] = k
    for mode in ("full", "same", "valid"):
        expected = getattr(signal, name)(x, holes, mode, method="direct")[::2, ::3]
        near(FUNCTIONS[name](x, k, mode, stride=(2, 3), dilation=(2, 3), method=method), expected)


def test_anchor_moves_the_kernel(method, rng):
    x, k = rng.normal(size=7), rng.normal(size=4)
    full = signal.convolve(x, k)
    for anchor in range(4):
        near(ft.convolve(x, k, "same", anchor=anchor, method=method), full[anchor:anchor + 7])
        flipped = ft.correlate(x, k[::-1].copy(), "same", anchor=3 - anchor, method=method)
        near(flipped, full[anchor:anchor + 7])


def test_outputs_are_slices_of_the_full_result(method, rng):
    x, k = rng.normal(size=(8, 9)), rng.normal(size=(3, 4))
    for stride in (1, 2):
        full = ft.correlate(x, k, stride=stride, method=method)
        for part in [(slice(2, 5), slice(None)), (slice(-3, None), slice(1, -1, 2)),
                     (slice(None, None, 3), slice(0, 1))]:
            near(ft.correlate(x, k, stride=stride, outputs=part, method=method), full[part])
    near(ft.convolve(x[0], k[0], outputs=slice(3, 8, 2), method=method), signal.convolve(x[0], k[0])[3:8:2])
    assert ft.convolve(x[0], k[0], outputs=slice(4, 4), method=method).shape == (0,)


# ---------------------------------------------------------------- axes

def test_the_other_axes_are_a_batch(method, rng):
    x, k = rng.normal(size=(3, 7, 2)), rng.normal(size=3)
    result = ft.convolve(x, k, "same", axes=1, method=method)
    for i, j in np.ndindex(3, 2):
        near(result[i, :, j], signal.convolve(x[i, :, j], k, "same"))
    near(ft.convolve(x, k, "same", axes=-2, method=method), result)


def test_a_short_kernel_follows_the_order_of_axes(method, rng):
    x, k = rng.normal(size=(5, 2, 6)), rng.normal(size=(3, 2))
    straight = ft.correlate(x, k, "valid", axes=(0, 2), stride=(1, 2), method=method)
    turned = ft.correlate(x, k.T.copy(), "valid", axes=(2, 0), stride=(2, 1), method=method)
    near(turned, straight)
    for j in range(2):
        near(straight[:, j], signal.correlate(x[:, j], k, "valid", method="direct")[:, ::2])


@pytest.mark.parametrize(("image", "kernel"), [
    ((3, 8), (1, 3)), ((3, 8), (3, 3)), ((1, 8), (3, 3)),
    ((2, 3, 8), (2, 3, 2)), ((2, 1, 8), (2, 4, 3)), ((1, 3, 8), (2, 1, 3)), ((4, 3, 8), (1, 3, 3)),
    ((2, 5, 3, 8), (2, 1, 3, 3)), ((2, 1, 3, 8), (2, 4, 3, 3)), ((1, 2, 1, 8), (3, 1, 2, 3)),
    ((1, 1, 1, 8), (1, 1, 1, 3)), ((1, 3, 1, 8), (2, 3, 4, 2)), ((5, 1, 2, 8), (1, 3, 2, 2)),
])
def test_kernel_axes_broadcast_against_the_batch(method, image, kernel, rng):
    x, k = rng.normal(size=image), rng.normal(size=kernel)
    result = ft.convolve(x, k, "same", axes=-1, method=method)
    shape = np.broadcast_shapes(image[:-1], kernel[:-1])
    xs, ks = np.broadcast_to(x, (*shape, image[-1])), np.broadcast_to(k, (*shape, kernel[-1]))
    assert result.shape == (*shape, 8)
    assert result.flags.c_contiguous
    for index in np.ndindex(shape):
        near(result[index], signal.convolve(xs[index], ks[index], "same"))
    plan = ft.plan(ft.convolve, ft.Like(image, "float64"), k, "same", axes=-1, method=method)
    near(plan(x), result)
    out = np.full(result.shape, np.nan)
    assert ft.convolve(x, k, "same", axes=-1, method=method, out=out) is out
    near(out, result)


def test_convolved_axes_before_the_batch(method, rng):
    x, k = rng.normal(size=(7, 2, 3)), rng.normal(size=(3, 1, 3))
    result = ft.correlate(x, k, "full", axes=0, method=method)
    for i, j in np.ndindex(2, 3):
        near(result[:, i, j], signal.correlate(x[:, i, j], k[:, 0, j], method="direct"))


# ---------------------------------------------------------------- arrays

def test_views_of_every_kind(method, rng):
    base = rng.normal(size=(14, 16))
    k = rng.normal(size=(3, 3))
    locked = base.copy()
    locked.flags.writeable = False
    raw = np.zeros(base.nbytes + 1, np.uint8)
    unaligned = raw[1:].view(np.float64).reshape(base.shape)
    unaligned[...] = base
    views = [base[::2, ::3], base[::-1, ::-1], base.T, np.asfortranarray(base), locked, unaligned,
             np.broadcast_to(base[0], (5, 16)), base.astype(">f8")]
    for view in views:
        near(ft.convolve(view, k, "same", method=method),
             signal.convolve(np.ascontiguousarray(view), k, "same", "direct"))
        near(ft.convolve(base, view[:3, :3], "same", method=method),
             signal.convolve(base, np.ascontiguousarray(view[:3, :3]), "same", "direct"))


def test_lists_are_arrays(method):
    assert ft.convolve([[1, 2], [3, 4]], [[1, 1]], method=method).tolist() == [[1, 3, 2], [3, 7, 4]]


def test_an_empty_batch_gives_an_empty_result(method):
    x = np.zeros((0, 8), np.float32)
    assert ft.convolve(x, np.ones(3, np.float32), axes=1, method=method).shape == (0, 10)
    out = np.zeros((0, 10), np.float32)
    assert ft.convolve(x, np.ones(3, np.float32), axes=1, out=out, method=method) is out
    assert ft.conv(np.zeros((0, 2, 5)), np.ones((4, 2, 3)), method=method).shape == (0, 4, 3)


def test_out_with_any_strides_and_over_an_input(method, rng):
    x, k = rng.normal(size=(6, 8)), rng.normal(size=(3, 3))
    expected = ft.correlate(x, k, "same", border="edge", method=method)
    for out in (np.zeros((6, 8)), np.zeros((8, 6)).T, np.zeros((12, 24))[::2, ::-3], x.copy(), x.copy()[::-1]):
        image = x.copy()
        assert ft.correlate(image, k, "same", border="edge", out=out, method=method) is out
        near(out, expected)
    own = x.copy()
    ft.correlate(own, k, "same", border="edge", out=own, method=method)
    near(own, expected)
    memory = np.zeros(80)
    image, shifted = memory[:48].reshape(6, 8), memory[5:53].reshape(6, 8)
    image[...] = x
    ft.correlate(image, k, "same", border="edge", out=shifted, method=method)
    near(shifted, expected)


def test_threads_never_change_a_bit(method, rng):
    x, k = rng.normal(size=(40, 41)), rng.normal(size=(5, 4))
    one = ft.convolve(x, k, threads=1, method=method)
    two = ft.convolve(x, k, threads=2, method=method)
    assert one.tobytes() == two.tobytes()


# ---------------------------------------------------------------- dtypes

@pytest.mark.parametrize("image", ["bool", "int8", "uint8", "int16", "uint16", "int32", "uint32", "int64", "uint64"])
@pytest.mark.parametrize("kernel", ["bool", "int8", "uint8", "int16", "uint32", "int64", "uint64"])
def test_integers_are_exact(method, image, kernel, rng):
    x = rng.integers(0, 2 if image == "bool" else 100, 20).astype(image)
    k = rng.integers(0, 2 if kernel == "bool" else 100, 5).astype(kernel)
    if image.startswith("int"):
        x[::3] *= -1
    expected = np.convolve(x.astype(np.int64), k.astype(np.int64))
    result = ft.convolve(x, k, method=method)
    assert result.tolist() == expected.tolist()
    assert result.dtype.kind == ("u" if "uint64" in (image, kernel) and "int" not in (image[:3], kernel[:3]) else "i")


@pytest.mark.parametrize(("image", "kernel", "result"), [
    ("uint8", "float32", "float32"), ("int32", "float32", "float64"), ("float32", "float64", "float64"),
    ("float32", "complex64", "complex64"), ("uint16", "complex128", "complex128"), ("float16", "float16", "float16")])
def test_mixed_operands(method, image, kernel, result, rng):
    x, k = rng.integers(0, 9, 12).astype(image), rng.integers(0, 9, 3).astype(kernel)
    y = ft.convolve(x, k, method=method)
    assert y.dtype == result
    near(y.astype(np.complex128), np.convolve(x.astype(complex), k.astype(complex)))


@pytest.mark.parametrize("dtype", ["int16", "uint8", "int64", "float16", "float32", "float64", "complex64"])
def test_dtype_of_the_result(method, dtype):
    for kind in ("int32", "uint8", "float32", "float64"):
        y = ft.convolve(np.array([1, 2, 3], kind), np.array([1, 2], kind), dtype=dtype, method=method)
        assert y.dtype == dtype
        assert y.tolist() == [1, 4, 7, 6]


def test_a_float_result_is_rounded_half_to_even(method):
    x = np.array([1, 3, 5, -1, -3, 600, -600], np.float32)
    k = np.array([0.5], np.float32)
    assert ft.convolve(x, k, dtype="int8", overflow="saturate", method=method).tolist() == [0, 2, 2, 0, -2, 127, -128]
    assert ft.convolve(x[:5], k, dtype="int8", method=method).tolist() == [0, 2, 2, 0, -2]
    with pytest.raises(OverflowError):
        ft.convolve(x, k, dtype="int8", method=method)


def test_overflow(method):
    x = np.array([100, 100, -100], np.int8)
    k = np.array([1, 1], np.int8)
    with pytest.raises(OverflowError):
        ft.convolve(x, k, dtype="int8", method=method)
    assert ft.convolve(x, k, dtype="int8", overflow="wrap", method=method).tolist() == [100, -56, 0, -100]
    assert ft.convolve(x, k, dtype="int8", overflow="saturate", method=method).tolist() == [100, 127, 0, -100]
    assert ft.convolve(x, k, dtype="uint8", overflow="saturate", method=method).tolist() == [100, 200, 0, 0]


def test_overflow_of_64_bits_is_found_and_only_then_raised(method):
    big = np.array([2**62, 2**62, -(2**62)])
    assert ft.convolve(big, [1, -1], method=method, outputs=slice(1, 2)).tolist() == [0]
    with pytest.raises(OverflowError):
        ft.convolve(big, [1, 1], method=method)
    assert ft.convolve(big, [1, 1], overflow="wrap", method=method).tolist() == [2**62, -(2**63), 0, -(2**62)]
    assert ft.convolve(big, [1, 1], overflow="saturate", method=method).tolist() == [2**62, 2**63 - 1, 0, -(2**62)]
    with pytest.raises(OverflowError):
        ft.convolve([2**33, 1], [2**33, 1], method=method)
    unsigned = np.array([2**63, 2**63 - 1], np.uint64)
    assert ft.convolve(unsigned, np.array([1, 1], np.uint64), method=method).tolist() == [2**63, 2**64 - 1, 2**63 - 1]
    with pytest.raises(OverflowError):
        ft.convolve(unsigned, np.array([1, 3], np.uint64), method=method)


def test_a_fractional_border_makes_integers_floats(method):
    y = ft.convolve(np.array([1, 2], np.uint8), np.array([1, 1], np.uint8), border=0.5, method=method)
    assert y.dtype == np.float32
    assert y.tolist() == [1.5, 3, 2.5]


def test_a_border_beyond_the_image_dtype(method):
    y = ft.convolve(np.array([1, 2], np.uint8), np.array([1, 1], np.uint8), border=-300, method=method)
    assert y.tolist() == [-299, 3, -298]


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_what_is_not_finite_stays_in_its_footprint(method, bad, rng):
    x = rng.normal(size=(20, 21)).astype(np.float32)
    x[9, 10] = bad
    k = np.array([[1, 0, 1], [0, 1, 0], [0, 0, 2]], np.float32)
    y = ft.correlate(x, k, "same", method=method)
    touched = ~np.isfinite(y)
    footprint = np.zeros_like(touched)
    footprint[8:11, 9:12] = True
    np.testing.assert_array_equal(touched, footprint)
    if np.isinf(bad):
        assert np.isnan(y[footprint]).sum() == 5


# ---------------------------------------------------------------- layers

def loops(x, w, bias, stride, before, dilation, groups):
    """The layer's formula for one spatial axis, zeros outside."""
    cin, length = x.shape[1] // groups, w.shape[2]
    y = np.zeros((x.shape[0], w.shape[0], (x.shape[2] + 2 * before - (length - 1) * dilation - 1) // stride + 1))
    for b, m, o in np.ndindex(y.shape):
        group = m // (w.shape[0] // groups)
        total = 0 if bias is None else bias[m]
        for c, t in np.ndindex(cin, length):
            place = o * stride + t * dilation - before
            if 0 <= place < x.shape[2]:
                total += x[b, group * cin + c, place] * w[m, c, t]
        y[b, m, o] = total
    return y


@pytest.mark.parametrize(("stride", "padding", "dilation", "groups"), [
    (1, 0, 1, 1), (2, 1, 1, 2), (1, 2, 2, 4), (3, 3, 2, 1), (2, 4, 3, 4)])
def test_conv_is_its_formula(method, stride, padding, dilation, groups, rng):
    x, w, bias = rng.normal(size=(2, 4, 9)), rng.normal(size=(8, 4 // groups, 3)), rng.normal(size=8)
    options = {"stride": stride, "padding": padding, "dilation": dilation, "groups": groups, "method": method}
    near(ft.conv(x, w, bias, **options), loops(x, w, bias, stride, padding, dilation, groups))
    near(ft.conv(x, w, **options), loops(x, w, None, stride, padding, dilation, groups))


@pytest.mark.parametrize("ndim", [1, 2, 3])
def test_channels_last_is_channels_first_moved(method, ndim, rng):
    x, w = rng.normal(size=(2, 4, *[6, 5, 4][:ndim])), rng.normal(size=(6, 2, *[3] * ndim))
    first = ft.conv(x, w, groups=2, padding="same", stride=2, method=method)
    last = ft.conv(np.moveaxis(x, 1, -1), w, groups=2, padding="same", stride=2, layout="channels_last", method=method)
    near(np.moveaxis(last, -1, 1), first)


@pytest.mark.parametrize("padding", [2, (1, 2), ((0, 2), (1, 0)), "same", "same_lower", "valid", "causal", "full",
                                     ("causal", (1, 1))])
@pytest.mark.parametrize("border", [0, 1.5, "reflect", "wrap", ("edge", ("symmetric", 0))])
def test_padding_is_a_padded_image(method, padding, border, rng):
    from faltung.problem.border import parse_border
    from faltung.problem.extents import layer_padding, parse_padding
    x, w = rng.normal(size=(1, 2, 7, 6)), rng.normal(size=(3, 2, 3, 2))
    for stride, dilation in [(1, 1), (2, 2)]:
        y = ft.conv(x, w, stride=stride, dilation=dilation, padding=padding, border=border, method=method)
        whole = x
        for axis, entry in enumerate(parse_padding("conv", padding, 2)):
            widths = layer_padding(entry, x.shape[2 + axis], (w.shape[2 + axis] - 1) * dilation, stride)
            sides = parse_border("conv", border, 2)[axis]
            before = np.pad(whole, pads(axis, widths[0], 0), **how(sides[0]))
            after = np.pad(whole, pads(axis, 0, widths[1]), **how(sides[1]))
            size = whole.shape[2 + axis]
            tail = after.take(range(size, after.shape[2 + axis]), axis=2 + axis)
            whole = np.concatenate([before, tail], axis=2 + axis)
        near(y, ft.conv(whole, w, stride=stride, dilation=dilation, method=method))


def pads(axis, before, after):
    widths = [(0, 0)] * 4
    widths[2 + axis] = (before, after)
    return widths


def how(side):
    return {"mode": side} if isinstance(side, str) else {"mode": "constant", "constant_values": side}


@pytest.mark.parametrize("activation", ["relu", "relu6", "sigmoid", "tanh", "silu", "gelu"])
def test_activations(method, activation, rng):
    from faltung.reference import activate
    x, w, bias = 3 * rng.normal(size=(1, 3, 8, 8)), rng.normal(size=(4, 3, 3, 3)), rng.normal(size=4)
    for dtype, atol in (("float32", 2e-5), ("float64", 1e-12)):
        arrays = [array.astype(dtype) for array in (x, w, bias)]
        plain = ft.conv(*arrays, method="reference")
        result = ft.conv(*arrays, activation=activation, method=method)
        assert result.dtype == dtype
        np.testing.assert_allclose(result, activate(plain, activation), rtol=0, atol=atol)


@pytest.mark.parametrize(("stride", "padding", "extra", "dilation", "groups"), [
    (1, 0, 0, 1, 1), (2, 1, 1, 1, 2), (3, 0, 2, 2, 1), (2, 2, 0, 3, 4), (4, 0, 3, 1, 1)])
def test_conv_transpose_scatters(method, stride, padding, extra, dilation, groups, rng):
    x, w = rng.normal(size=(2, 4, 5)), rng.normal(size=(4, 3, 3))
    length = (5 - 1) * stride - 2 * padding + 2 * dilation + extra + 1
    y = np.zeros((2, 3 * groups, length + 2 * padding))
    for b, c, m, i, t in np.ndindex(2, 4, 3, 5, 3):
        y[b, 3 * (c // (4 // groups)) + m, i * stride + t * dilation] += x[b, c, i] * w[c, m, t]
    options = {"stride": stride, "padding": padding, "output_padding": extra, "dilation": dilation, "groups": groups}
    result = ft.conv_transpose(x, w, method=method, **options)
    near(result, y[:, :, padding:padding + length])
    last = ft.conv_transpose(np.moveaxis(x, 1, -1), w, layout="channels_last", method=method, **options)
    near(np.moveaxis(last, -1, 1), result)


def test_same_transposed_gives_stride_times_as_many(method, rng):
    for taps, stride in itertools.product((1, 2, 3, 5), (1, 2, 3)):
        y = ft.conv_transpose(rng.normal(size=(1, 2, 6)), rng.normal(size=(2, 3, taps)), stride=stride, padding="same",
                              method=method)
        assert y.shape == (1, 3, 6 * stride)


def test_integer_layers(method, rng):
    x, w = rng.integers(-128, 128, (1, 3, 6, 6)).astype(np.int8), rng.integers(-128, 128, (2, 3, 3, 3)).astype(np.int8)
    bias = np.array([2**30, -(2**30)], np.int32)
    y = ft.conv(x, w, bias, activation="relu", method=method)
    plain = ft.conv(x.astype(float), w.astype(float), method="reference")
    assert y.dtype == np.int32
    np.testing.assert_array_equal(y, np.maximum(plain + bias[:, None, None], 0))


# ---------------------------------------------------------------- plans

def test_direct_may_be_asked_for(method):
    assert ft.convolve([1, 2], [1, 1], method="direct").tolist() == [1, 3, 2]


def test_a_plan_knows_its_kernel_or_takes_it(method, rng):
    x, k = rng.normal(size=(6, 7)), rng.normal(size=(3, 3))
    expected = signal.convolve(x, k, "same", "direct")
    known = ft.plan(ft.convolve, ft.Like((6, 7), "float64"), k, "same", method=method)
    taken = ft.plan(ft.convolve, x, ft.Like((3, 3), "float64"), mode="same", method=method)
    near(known(x), expected)
    near(taken(x, k), expected)
    out = np.empty_like(x)
    assert known(x, out=out) is out
    near(out, expected)


def test_a_plan_of_a_layer(method, rng):
    x, w, bias = rng.normal(size=(1, 2, 6)), rng.normal(size=(4, 2, 3)), rng.normal(size=4)
    expected = ft.conv(x, w, bias, padding=1, method=method)
    near(ft.plan(ft.conv, x, w, bias, padding=1, method=method)(x), expected)
    likes = [ft.Like(array.shape, array.dtype) for array in (x, w, bias)]
    near(ft.plan(ft.conv, *likes, padding=1, method=method)(x, w, bias), expected)


def test_a_known_integer_kernel_narrows_the_sum(method):
    plan = ft.plan(ft.correlate, ft.Like((8,), "uint8"), [1, 2, 1], "valid", method=method)
    problem = plan.problem
    assert (problem.accumulator_dtype, problem.overflow, problem.output_dtype) == ("float32", "proven", "int64")
    assert plan(np.arange(8, dtype=np.uint8)).tolist() == [4, 8, 12, 16, 20, 24]


def test_options_may_be_lists_and_arrays(method, rng):
    x, k = rng.normal(size=(6, 7)), rng.normal(size=(2, 2))
    expected = ft.convolve(x, k, stride=(2, 1), border=("edge", 0), method=method)
    for _ in range(2):
        near(ft.convolve(x, k, stride=[2, 1], border=["edge", 0], method=method), expected)
        near(ft.convolve(x, k, stride=np.array([2, 1]), border=["edge", 0], method=method), expected)


def test_seen_calls_are_kept_and_bounded(method, monkeypatch):
    monkeypatch.setattr(calls, "CAPACITY", 4)
    calls.forget()
    for n in range(3, 13):
        assert ft.convolve(np.ones(n), np.ones(2), method=method).shape == (n + 1,)
        assert len(calls._seen) <= 4
    calls.forget()
    assert not calls._seen


def test_autocorrelate(method, rng):
    x = rng.normal(size=(5, 6))
    full = signal.correlate(x, x, method="direct")
    near(ft.autocorrelate(x), full)
    near(ft.autocorrelate(x, max_lag=(1, 2)), full[3:6, 3:8])
    near(ft.autocorrelate(x, max_lag=2, normalize=True), full[2:7, 3:8] / full[4, 5])
    whole = ft.autocorrelate([3, 1, 2], normalize=True)
    assert whole.dtype == np.float64
    assert whole[2] == 1
    assert np.isnan(ft.autocorrelate(np.zeros(3, np.float32), normalize=True)).all()
    z = rng.normal(size=4) + 1j * rng.normal(size=4)
    near(ft.autocorrelate(z), np.correlate(z, z, "full"))


def test_autocorrelation_tells_its_lags(method):
    x = np.array([[1.0, 2, 0], [3, 1, 5]])
    result, (down, across) = ft.autocorrelate(x, return_lags=True)
    np.testing.assert_array_equal(down, [-1, 0, 1])
    np.testing.assert_array_equal(across, [-2, -1, 0, 1, 2])
    np.testing.assert_array_equal(result, ft.autocorrelate(x))
    _, lags = ft.autocorrelate(x[0], max_lag=1, return_lags=True)
    np.testing.assert_array_equal(lags, [-1, 0, 1])


def test_an_integer_kernel_that_was_seen_does_not_speak_for_another(method: str) -> None:
    x, small, large = np.full(50, 2**15, "int32"), np.array([1, 2, 3], "int32"), np.array([1, 2**30, 3], "int32")
    for k in (small, small, large, small, large, large):
        np.testing.assert_array_equal(ft.convolve(x, k, method=method), np.convolve(x.astype("int64"), k))
    wide = x.astype("int64") << 44
    np.testing.assert_array_equal(ft.convolve(wide, small, method=method), np.convolve(wide, small))
    with pytest.raises(OverflowError):
        ft.convolve(wide, large, method=method)
