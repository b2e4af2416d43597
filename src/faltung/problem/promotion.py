"""Which dtype comes out, and in which dtype the sums are held.

=============================  ==========================================================
operands                       output
=============================  ==========================================================
bool                           counts as uint8 that is 0 or 1
8-bit with 8-bit integers      int32
uint64 with unsigned           uint64
any other pair of integers     int64
floats and complex, mixed      NumPy's ``result_type``; bfloat16 with float16: float32
8-, 16-bit integer with float  NumPy's ``result_type``; bfloat16 as float16
32-, 64-bit integer with float float64 (complex128)
=============================  ==========================================================

``dtype=`` replaces the output's dtype.  float16 and bfloat16 are summed in float32, every other
floating type in itself, or in ``dtype`` where that is wider.  Integers are summed exactly: with
``B`` a bound on the magnitude of every partial sum, in float32 if ``B < 2**24``, int32 if
``B < 2**31``, float64 if ``B < 2**53``, else in int64, which wraps modulo ``2**64``.

A border constant that is not an integer counts as a float32 operand when the others are integers,
and a complex one as complex64.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np

from ..errors import DTypeError
from .extents import quote
from .problem import OVERFLOWS, Number, Problem

INTEGERS = ("int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64")
UNSIGNED = ("bool", "uint8", "uint16", "uint32", "uint64")
FLOATS = ("float16", "bfloat16", "float32", "float64")
COMPLEX = ("complex64", "complex128")
DTYPES = ("bool", *INTEGERS, *FLOATS, *COMPLEX)


@dataclass(frozen=True, slots=True)
class Types:
    """The dtypes of sum and output, and what happens when an integer output cannot hold a sum."""

    accumulator: str
    output: str
    overflow: str


@dataclass(frozen=True, slots=True)
class Bound:
    """What is known of integer sums: none is larger in magnitude than ``limit``."""

    limit: int
    nonnegative: bool


def is_integer(dtype: str) -> bool:
    """Whether a dtype is summed as integers; bool is."""
    return dtype == "bool" or dtype in INTEGERS


def numpy_dtype(name: str) -> np.dtype[Any]:
    """NumPy's dtype of that name; bfloat16 needs ml_dtypes."""
    if name != "bfloat16":
        return np.dtype(name)
    if "ml_dtypes" not in sys.modules:
        try:
            __import__("ml_dtypes")
        except ImportError:
            raise DTypeError(
                "bfloat16 needs the package ml_dtypes, which is not installed; install it, or use float32") from None
    bfloat16: np.dtype[Any] = np.dtype(sys.modules["ml_dtypes"].bfloat16)
    return bfloat16


def limits(dtype: str) -> tuple[int, int]:
    """Smallest and largest value of an integer dtype.

    >>> limits("int8"), limits("bool")
    ((-128, 127), (0, 1))
    """
    if dtype == "bool":
        return 0, 1
    bits = int(dtype.lstrip("uint"))
    return (0, 2**bits - 1) if dtype[0] == "u" else (-(2 ** (bits - 1)), 2 ** (bits - 1) - 1)


def magnitude(dtype: str) -> int:
    """Largest magnitude that an integer dtype holds.

    >>> magnitude("int8"), magnitude("uint8")
    (128, 255)
    """
    low, high = limits(dtype)
    return max(-low, high)


def promote(image: str, kernel: str, fills: Sequence[Number] = ()) -> str:
    """Dtype that comes out of the operands' dtypes, by the table above.

    >>> promote("uint8", "int8"), promote("uint16", "float32"), promote("int32", "float32")
    ('int32', 'float32', 'float64')
    """
    dtype = _promote_pair(image, kernel)
    if is_integer(dtype) and not all(is_integral(fill) for fill in fills):
        image, dtype = "float32", _promote_pair(_promote_pair(image, "float32"), kernel)
    if dtype not in COMPLEX and any(isinstance(fill, complex) for fill in fills):
        dtype = _promote_pair(dtype, "complex64")
    return dtype


def sums_integers(problem: Problem) -> bool:
    """Whether the sums are integers, and so have to be exact: `promote` comes out as an integer."""
    integers = is_integer(problem.image_dtype) and is_integer(problem.kernel_dtype)
    return integers and is_integer(promote(problem.image_dtype, problem.kernel_dtype, [
        side for sides in problem.border for side in sides if not isinstance(side, str)]))


@cache
def _promote_pair(first: str, second: str) -> str:
    if is_integer(first) and is_integer(second):
        return _promote_integers(first, second)
    if "bfloat16" in (first, second):
        return _promote_bfloat16(second if first == "bfloat16" else first)
    return np.result_type(_without_bool(first), _without_bool(second)).name


def _without_bool(dtype: str) -> str:
    return "uint8" if dtype == "bool" else dtype


def _promote_integers(first: str, second: str) -> str:
    bits = [limits(dtype)[1].bit_length() for dtype in (first, second)]
    if max(bits) <= 8:
        return "int32"
    if "uint64" in (first, second) and first in UNSIGNED and second in UNSIGNED:
        return "uint64"
    return "int64"


def _promote_bfloat16(other: str) -> str:
    if other in ("bfloat16", "bool", "int8", "uint8"):
        return "bfloat16"
    if other == "float16":
        return "float32"
    return np.result_type("float16", other).name


def is_integral(fill: Number) -> bool:
    """Whether a border constant may stand among integers.

    >>> is_integral(3), is_integral(3.0), is_integral(0.5), is_integral(1e300)
    (True, True, False, False)
    """
    return isinstance(fill, int) or (isinstance(fill, float) and fill.is_integer() and abs(fill) < 2**64)


def range_bound(image: str, kernel: str, terms: int, fills: Sequence[Number] = (),
                bias: str | None = None) -> Bound:
    """Bound of integer sums when only dtypes are known.

    >>> range_bound("uint8", "int8", 9)
    Bound(limit=293760, nonnegative=False)
    """
    weight = magnitude(kernel) * terms
    return bound_of(magnitude(image), weight, fills, 0 if bias is None else magnitude(bias),
                    nonnegative=all(dtype is None or dtype in UNSIGNED for dtype in (image, kernel, bias)))


def bound_of(image: int, weight: int, fills: Sequence[Number], bias: int, *, nonnegative: bool) -> Bound:
    """Bound of integer sums: ``max(|image|, |fills|) * weight + |bias|``, ``weight`` the kernel's sum of magnitudes."""
    largest = max([image, *(abs(int(fill.real)) for fill in fills)])
    return Bound(largest * weight + bias, nonnegative and all(fill.real >= 0 for fill in fills))


def choose(image_dtype: str, kernel_dtype: str, dtype: str | None = None, overflow: str = "raise",
           bound: Bound | None = None, fills: Sequence[Number] = ()) -> Types:
    """Choose the dtypes of sum and output, and settle what overflow means.

    Integer operands need ``bound``, of `range_bound` or of the values themselves.

    >>> choose("uint8", "int8", bound=range_bound("uint8", "int8", 9))
    Types(accumulator='float32', output='int32', overflow='proven')
    >>> choose("float16", "float32", "float16")
    Types(accumulator='float32', output='float16', overflow='proven')
    """
    natural = promote(image_dtype, kernel_dtype, fills)
    output = natural if dtype is None else dtype
    if is_integer(natural):
        if bound is None:
            raise ValueError("integer operands need a bound")
        accumulator = _integer_accumulator(bound.limit, output)
        return Types(accumulator, output, _settle(output, bound, overflow))
    accumulator = _float_accumulator(natural, output)
    return Types(accumulator, output, overflow if is_integer(output) else "proven")


def _integer_accumulator(limit: int, output: str) -> str:
    if limit < 2**24:
        return "float32"
    if limit < 2**31:
        return "int32"
    if limit < 2**53:
        return "float64"
    return "int64" if is_integer(output) or limit < 2**63 else "float64"


def _float_accumulator(natural: str, output: str) -> str:
    accumulator = "float32" if natural in ("float16", "bfloat16") else natural
    if is_integer(output):
        return accumulator
    if accumulator in COMPLEX:
        return np.result_type(accumulator, "complex64" if output in COMPLEX[:1] else "complex128").name \
            if output in COMPLEX else accumulator
    real = {"complex64": "float32", "complex128": "float64"}.get(output, output)
    return "float64" if "float64" in (accumulator, real) else "float32"


def _settle(output: str, bound: Bound, overflow: str) -> str:
    if not is_integer(output):
        return "proven"
    fits = bound.limit <= limits(output)[1] and (bound.nonnegative or output not in UNSIGNED)
    return "proven" if fits else overflow


def check_dtype(function: str, dtype: Any) -> str | None:
    """Name of the caller's ``dtype=``; refuse what cannot come out."""
    if dtype is None:
        return None
    name = "bfloat16" if dtype == "bfloat16" else _numpy_name(dtype)
    if name not in DTYPES or name == "bool":
        raise DTypeError(
            f"{function}: dtype {quote(dtype)} cannot be an output; use an integer of 8 to 64 bits, float16, bfloat16, "
            "float32, float64, complex64 or complex128")
    return name


def _numpy_name(dtype: Any) -> str | None:
    try:
        return str(np.dtype(dtype).name)
    except (TypeError, ValueError):
        return None


def check_overflow(function: str, overflow: Any) -> None:
    """Refuse an unknown ``overflow=``."""
    if not isinstance(overflow, str) or overflow not in OVERFLOWS[:3]:
        raise DTypeError(f'{function}: overflow {quote(overflow)} is not known; use "raise", "wrap" or "saturate"')


def check_output(function: str, natural: str, output: str | None) -> None:
    """Refuse an output that would drop the imaginary part."""
    if natural in COMPLEX and output is not None and output not in COMPLEX:
        raise DTypeError(
            f"{function}: dtype {output} cannot hold a {natural} result; use a complex dtype, or take the part of the "
            "result that is wanted")


def overflow_error(function: str, output: str) -> OverflowError:
    """Make the error of an integer output that cannot hold a sum."""
    low, high = limits(output)
    wider = {
        "int8": "int16", "int16": "int32", "int32": "int64", "uint8": "int16", "uint16": "int32", "uint32": "int64"}
    return OverflowError(
        f'{function}: a sum does not fit the output dtype {output} ({low} to {high}); '
        f'use dtype="{wider.get(output, "float64")}", overflow="wrap" or overflow="saturate"')
