"""The promotion table, written out."""

import numpy as np
import pytest

from faltung.problem.promotion import (
    COMPLEX,
    FLOATS,
    INTEGERS,
    Bound,
    Types,
    check_dtype,
    choose,
    limits,
    magnitude,
    promote,
    range_bound,
)

SMALL, WIDE = ("bool", "int8", "uint8"), ("int16", "uint16", "int32", "uint32", "int64")


@pytest.mark.parametrize(("image", "kernel", "expected"), [
    *((a, b, "int32") for a in SMALL for b in SMALL),
    *((a, b, "int64") for a in SMALL for b in WIDE),
    *((a, b, "int64") for a in WIDE for b in WIDE),
    *(("uint64", b, "uint64") for b in ("bool", "uint8", "uint16", "uint32", "uint64")),
    *(("uint64", b, "int64") for b in ("int8", "int16", "int32", "int64")),
    ("uint8", "float16", "float16"), ("int16", "float16", "float32"), ("int32", "float16", "float64"),
    ("uint8", "float32", "float32"), ("uint16", "float32", "float32"), ("int32", "float32", "float64"),
    ("int64", "float32", "float64"), ("bool", "float32", "float32"), ("int8", "float64", "float64"),
    ("float16", "float16", "float16"), ("float16", "float32", "float32"), ("float32", "float64", "float64"),
    ("bfloat16", "bfloat16", "bfloat16"), ("bfloat16", "float16", "float32"), ("bfloat16", "float32", "float32"),
    ("bfloat16", "uint8", "bfloat16"), ("bfloat16", "int16", "float32"), ("bfloat16", "int64", "float64"),
    ("bfloat16", "complex64", "complex64"), ("complex64", "float32", "complex64"),
    ("complex64", "float64", "complex128"), ("complex64", "int16", "complex64"),
    ("complex64", "int32", "complex128"), ("complex64", "complex128", "complex128"),
])
def test_promotion(image, kernel, expected):
    assert promote(image, kernel) == promote(kernel, image) == expected


def test_a_border_that_is_no_integer_counts_as_float32():
    assert promote("uint8", "int8", (0, 2.0)) == "int32"
    assert promote("uint8", "int8", (0.5,)) == "float32"
    assert promote("uint8", "int32", (float("nan"),)) == "float64"
    assert promote("float16", "float16", (0.5,)) == "float16"


def test_a_complex_border_counts_as_complex64():
    assert promote("float32", "float32", (1j,)) == "complex64"
    assert promote("uint8", "float64", (1j,)) == "complex128"


@pytest.mark.parametrize(("limit", "accumulator"), [
    (2**24 - 1, "float32"), (2**24, "int32"), (2**31 - 1, "int32"), (2**31, "float64"), (2**53 - 1, "float64"),
    (2**53, "int64"), (2**63, "int64"), (2**90, "int64"),
])
def test_the_bound_decides_the_accumulator_of_integers(limit, accumulator):
    assert choose("int8", "int8", bound=Bound(limit, nonnegative=False)).accumulator == accumulator


@pytest.mark.parametrize("output", INTEGERS)
@pytest.mark.parametrize("nonnegative", [False, True])
def test_overflow_is_proven_exactly_up_to_the_largest_output(output, nonnegative):
    high = limits(output)[1]
    fits = nonnegative or output.startswith("int")
    assert (choose("int8", "int8", output, "raise", Bound(high, nonnegative)).overflow == "proven") == fits
    assert choose("int8", "int8", output, "saturate", Bound(high + 1, nonnegative)).overflow == "saturate"


def test_range_bounds():
    assert range_bound("uint8", "uint8", 9) == Bound(255 * 255 * 9, nonnegative=True)
    assert range_bound("int8", "uint8", 1, (0,)) == Bound(128 * 255, nonnegative=False)
    assert range_bound("bool", "bool", 5, (3,)) == Bound(15, nonnegative=True)
    assert range_bound("bool", "bool", 5, (-3,)) == Bound(15, nonnegative=False)
    assert range_bound("int8", "int8", 2, (), "int16") == Bound(2 * 2**14 + 2**15, nonnegative=False)


@pytest.mark.parametrize(("image", "kernel", "dtype", "expected"), [
    ("float16", "float16", None, ("float32", "float16")),
    ("bfloat16", "bfloat16", None, ("float32", "bfloat16")),
    ("float32", "float32", "float64", ("float64", "float64")),
    ("float32", "float32", "float16", ("float32", "float16")),
    ("float64", "float64", "float32", ("float64", "float32")),
    ("float32", "float32", "complex128", ("float64", "complex128")),
    ("float32", "float32", "complex64", ("float32", "complex64")),
    ("complex64", "complex64", "complex128", ("complex128", "complex128")),
    ("complex128", "complex128", "complex64", ("complex128", "complex64")),
])
def test_dtype_replaces_the_output_and_widens_the_sum(image, kernel, dtype, expected):
    assert choose(image, kernel, dtype) == Types(*expected, "proven")


def test_a_float_sum_may_overflow_an_integer_output():
    assert choose("float32", "float32", "uint8", "saturate") == Types("float32", "uint8", "saturate")


def test_integers_in_a_float_output():
    small = Bound(100, nonnegative=False)
    assert choose("int8", "int8", "float32", "raise", small) == Types("float32", "float32", "proven")
    assert choose("int64", "int64", "float64", "raise", Bound(2**62, nonnegative=False)).accumulator == "int64"
    assert choose("int64", "int64", "float64", "raise", Bound(2**63, nonnegative=False)).accumulator == "float64"


def test_limits_are_numpys():
    for name in INTEGERS:
        info = np.iinfo(name)
        assert limits(name) == (info.min, info.max)
        assert magnitude(name) == max(-int(info.min), int(info.max))


@pytest.mark.parametrize("name", [*INTEGERS, *FLOATS, *COMPLEX])
def test_all_dtypes_may_come_out(name):
    assert check_dtype("convolve", name) == name


def test_integer_operands_need_a_bound():
    with pytest.raises(ValueError, match=r"^integer operands need a bound$"):
        choose("int8", "int8")
