"""Bounds of integer sums from the values, and the detection of overflow beyond 64 bits."""

from dataclasses import replace

import numpy as np
import pytest

from faltung.planning.exact import data_bound, fits_accumulator, needs_guard, refine, settle
from faltung.problem.problem import Problem
from faltung.problem.promotion import Bound, sums_integers
from faltung.reference import correlate

WIDE = Problem((), 1, 1, 1, image=(12,), kernel=(3,), output=(10,), start=(0,), stride=(1,), kernel_dilation=(1,),
               image_dilation=(1,), border=((0, 0),), image_dtype="int64", kernel_dtype="int64",
               accumulator_dtype="int64", output_dtype="int64", overflow="raise")


def run_with(image, kernel, bias=None):
    """What a compiled plan computes: int64 that wraps, and float64 as float64 rounds."""
    def run(problem):
        if problem.output_dtype == "int64":
            return correlate(problem, image, kernel, bias)
        windows = np.lib.stride_tricks.sliding_window_view(image.astype(np.float64), problem.kernel, axis=-1)
        sums = (windows[..., None, :, :] * kernel.astype(np.float64)[:, :, 0, None, :]).sum(-1)[:, 0]
        return sums + (0 if bias is None else bias.astype(np.float64).reshape(1, -1, 1))
    return run


def test_bounds():
    image, kernel = np.array([[[-7, 5]]]), np.array([[[[2, -3]]], [[[1, 1]]]])
    assert data_bound(WIDE, image, kernel) == Bound(35, nonnegative=False)
    assert data_bound(WIDE, np.abs(image), np.abs(kernel), np.array([3])) == Bound(38, nonnegative=True)
    assert data_bound(replace(WIDE, border=((100, 0),)), image, kernel).limit == 500
    assert data_bound(WIDE).limit == 2**63 * 2**63 * 3
    small = replace(WIDE, image_dtype="uint8", kernel_dtype="bool")
    assert data_bound(small, None, None, "int8").limit == 255 * 3 + 128
    lowest = np.array([[[[-(2**63)] * 3]]])
    assert data_bound(WIDE, image, np.tile(lowest, 40)).limit == 7 * 120 * 2**63


def test_refine():
    assert refine(WIDE, Bound(1000, nonnegative=False)) == replace(WIDE, accumulator_dtype="float32", overflow="proven")
    narrow = replace(WIDE, output_dtype="int8")
    assert refine(narrow, Bound(1000, nonnegative=False)) == replace(narrow, accumulator_dtype="float32")


def test_who_needs_a_guard():
    assert needs_guard(WIDE)
    assert not needs_guard(WIDE, np.ones((1, 1, 1, 3), np.int8) * 0)
    assert not needs_guard(replace(WIDE, overflow="wrap"))
    assert not needs_guard(replace(WIDE, image_dtype="int16", kernel_dtype="int16"))
    assert not fits_accumulator(WIDE, Bound(2**63, nonnegative=True))
    assert fits_accumulator(replace(WIDE, output_dtype="uint64"), Bound(2**63, nonnegative=True))
    assert not sums_integers(replace(WIDE, kernel_dtype="float32"))


@pytest.mark.parametrize("output", ["int64", "uint64", "int32", "uint8"])
@pytest.mark.parametrize("operands", ["int64", "uint64"])
@pytest.mark.parametrize("activation", [None, "relu", "relu6"])
@pytest.mark.parametrize("bits", [(20, 20), (40, 24), (50, 13), (63, 2), (62, 58), (63, 63)])
def test_settled_sums_are_the_exact_ones(output, operands, activation, bits):
    rng = np.random.default_rng([*bits, len(output)])
    low = 0 if operands == "uint64" else -1
    image = rng.integers(low * 2 ** bits[0], 2 ** bits[0], (1, 1, 12), dtype=operands)
    kernel = rng.integers(low * 2 ** bits[1], 2 ** bits[1], (1, 1, 1, 3), dtype=operands)
    image[..., ::2] >>= np.array(rng.integers(0, bits[0], 6)).astype(operands)
    problem = replace(WIDE, image_dtype=operands, kernel_dtype=operands, output_dtype=output, activation=activation,
                      overflow="saturate")
    expected = correlate(problem, image, kernel)
    np.testing.assert_array_equal(settle(problem, image, kernel, None, run_with(image, kernel)), expected)
    asked = replace(problem, overflow="raise")
    assert raises(lambda: settle(asked, image, kernel, None, run_with(image, kernel))) == raises(
        lambda: correlate(asked, image, kernel))


def raises(call):
    try:
        call()
    except OverflowError:
        return True
    return False


def test_the_last_value_that_fits():
    kernel = np.array([[[[1, 0, 1]]]])
    for top, fits in ((2**63 - 1, True), (2**63, False)):
        image = np.zeros((1, 1, 12), np.int64)
        image[0, 0, 4], image[0, 0, 6] = 2**62, top - 2**62
        call = lambda image=image: settle(WIDE, image, kernel, None, run_with(image, kernel))
        assert raises(call) is not fits
        if fits:
            assert call()[0, 0, 4] == top


def test_the_bias_counts():
    image, kernel = np.full((1, 1, 12), 2**61), np.array([[[[1, 1, 1]]]])
    bias = np.array([2**61 - 1])
    problem = replace(WIDE, bias=True)
    assert settle(problem, image, kernel, bias, run_with(image, kernel, bias))[0, 0, 0] == 2**63 - 1
    assert raises(lambda: settle(problem, image, kernel, bias + 1, run_with(image, kernel, bias + 1)))
