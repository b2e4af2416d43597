"""Seeded problems over every parameter, and arrays for them in every kind of view."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cache
from math import prod
from typing import Any

import numpy as np

from faltung.planning.exact import data_bound
from faltung.problem.border import MAPPINGS, fills
from faltung.problem.layout import View
from faltung.problem.problem import ACTIVATIONS, Problem
from faltung.problem.promotion import COMPLEX, FLOATS, INTEGERS, choose, is_integer, limits, numpy_dtype, promote

VIEWS = ("plain", "fortran", "negative", "step", "offset", "broadcast", "read-only", "channels-last")
LOOK_UPS = 1500
"""Most (output, tap) pairs of one case: about 10 microseconds each in the oracle."""


@dataclass(frozen=True)
class Case:
    """A problem, the seed of its data, how the image lies in memory and how the output does."""

    problem: Problem
    seed: int
    view: str = "plain"
    channels_last: bool = False
    magnitude: int = 0

    def __str__(self) -> str:
        p = self.problem
        types = f"{p.image_dtype}*{p.kernel_dtype}+{p.accumulator_dtype}>{p.output_dtype}"
        return f"{self.seed}-{p.ndim}d-{types}-{self.view}"


@cache
def has_bfloat16() -> bool:
    """Whether the package with bfloat16 is installed."""
    try:
        numpy_dtype("bfloat16")
    except TypeError:
        return False
    return True


def floats() -> tuple[str, ...]:
    """Floating dtypes that can be tested here."""
    return tuple(name for name in FLOATS if name != "bfloat16" or has_bfloat16())


def dtypes() -> tuple[str, ...]:
    """All dtypes that can be tested here."""
    return ("bool", *INTEGERS, *floats(), *COMPLEX)


# ---------------------------------------------------------------- problems

def draw(seed: int) -> Case:
    """One case; the first dtypes go around, everything else is drawn."""
    rng = np.random.default_rng([seed, 7])
    image_dtype = dtypes()[seed % len(dtypes())]
    kernel_dtype = image_dtype if rng.random() < 0.6 else str(rng.choice(dtypes()))
    problem = _geometry(rng, image_dtype, kernel_dtype)
    magnitude = int(rng.choice([0, 1, 3]))
    if not is_integer(promote(image_dtype, kernel_dtype, fills(problem.border))) and rng.random() < 0.9:
        magnitude = min(magnitude, 1)  # large numbers make the bound of every output wide
    problem = _types(rng, problem, seed, magnitude)
    return Case(problem, seed, str(rng.choice(VIEWS)), bool(rng.random() < 0.3), magnitude)


def draw_line(seed: int) -> Case:
    """A long line under a long kernel, in any of one to three dimensions."""
    rng = np.random.default_rng([seed, 13])
    case = draw(seed)
    ndim = int(rng.choice([1, 1, 2, 3]))
    ones = (1,) * (ndim - 1)
    taps, output, stride = int(rng.integers(8, 40)), int(rng.integers(150, 900)), int(rng.choice([1, 1, 2, 3]))
    problem = replace(
        case.problem, image=(*ones, int(rng.integers(1, output * stride + 30))), kernel=(*ones, taps),
        output=(*(int(rng.integers(1, 3)) for _ in ones), output),
        start=(*(0 for _ in ones), -int(rng.integers(0, taps + 9))),
        stride=(*ones, stride), kernel_dilation=(*ones, int(rng.choice([1, 1, 2, 3]))),
        image_dilation=(*ones, int(rng.choice([1, 1, 1, 2]))), channels_in=int(rng.integers(1, 4)),
        channels_out=int(rng.integers(1, 6)), border=(*((0, "edge") for _ in ones), case.problem.border[-1]))
    magnitude = min(case.magnitude, 1)
    return replace(case, problem=_types(rng, problem, seed, magnitude), magnitude=magnitude)


def draw_woven(seed: int) -> Case:
    """A dilated image whose phases all have taps: they may be one program, and their outputs woven."""
    rng = np.random.default_rng([seed, 23])
    case = draw(seed)
    p, dtype = case.problem, str(rng.choice(["float32", "float32", "float64", "float16"]))
    ndim = int(rng.choice([1, 2, 2, 2, 3]))
    inserted = (*(int(rng.choice([1, 2, 2, 3])) for _ in range(ndim - 1)), int(rng.choice([2, 2, 3, 4])))
    kernel = tuple(d + int(rng.integers(0, 4)) for d in inserted)
    image = (*(int(rng.integers(1, 7)) for _ in range(ndim - 1)), int(rng.integers(1, 45)))
    output = tuple(max(1, (n - 1) * d + int(rng.integers(-1, k + 2))) for n, d, k in
                   zip(image, inserted, kernel, strict=True))
    met = tuple(-(-k // d) for k, d in zip(kernel, inserted, strict=True))
    output = _fit({"kernel": met, "output": output})["output"]
    steps = tuple(int(rng.choice([1, 1, 1, 2])) for _ in range(ndim))
    problem = replace(
        p, image=image, kernel=kernel, output=output, start=tuple(-int(rng.integers(0, k + 1)) for k in kernel),
        stride=(1,) * ndim, kernel_dilation=steps, image_dilation=inserted, image_dtype=dtype, kernel_dtype=dtype,
        border=tuple(((0, 0), ("edge", 0), (0, "wrap"))[int(rng.choice([0, 0, 1, 2]))] for _ in range(ndim)))
    return replace(case, problem=_types(rng, problem, seed, min(case.magnitude, 1)), magnitude=min(case.magnitude, 1))


def draw_bytes(seed: int) -> Case:
    """Bytes under a kernel of signed bytes, neighbours side by side: what may be multiplied four taps at a time."""
    rng = np.random.default_rng([seed, 17])
    case = draw(seed)
    p = case.problem
    problem = replace(
        p, image_dtype="uint8" if rng.random() < 0.8 else "bool", kernel_dtype="int8", bias=False,
        kernel=(*p.kernel[:-1], int(rng.integers(2, 12))), output=(*p.output[:-1], int(rng.integers(1, 50))),
        stride=(*p.stride[:-1], 1), kernel_dilation=(*p.kernel_dilation[:-1], 1), image_dilation=(1,) * p.ndim,
        border=tuple((_byte_side(rng), _byte_side(rng)) for _ in p.border))
    return replace(case, problem=_types(rng, problem, seed, case.magnitude))


def _byte_side(rng: np.random.Generator) -> Any:
    return str(rng.choice(MAPPINGS)) if rng.random() < 0.6 else int(rng.integers(0, 256))


def _geometry(rng: np.random.Generator, image_dtype: str, kernel_dtype: str) -> Problem:
    ndim = int(rng.choice([1, 2, 3, 4, 5], p=[0.25, 0.4, 0.2, 0.08, 0.07]))
    draws = [_axis(rng, ndim, last=axis == ndim - 1) for axis in range(ndim)]
    axes: dict[str, tuple[int, ...]] = {key: tuple(axis[key] for axis in draws) for key in draws[0]}
    axes = _fit(axes)
    whole = is_integer(image_dtype) and is_integer(kernel_dtype) and rng.random() < 0.9
    batches = ((), (int(rng.integers(1, 4)),), (2, int(rng.integers(1, 3))))
    batch = batches[int(rng.choice([0, 1, 2], p=[0.5, 0.3, 0.2]))]
    groups = int(rng.choice([1, 1, 2, 3, 5]))
    most = max(1, 40 // groups)
    return Problem(
        batch, groups, _channels(rng, most), _channels(rng, most),
        border=tuple((_side(rng, image_dtype, whole), _side(rng, image_dtype, whole)) for _ in range(ndim)),
        image_dtype=image_dtype, kernel_dtype=kernel_dtype, bias=bool(rng.random() < 0.4), **axes)


def _channels(rng: np.random.Generator, most: int) -> int:
    return min(most, int(rng.choice([1, 1, 2, 3, int(rng.integers(4, 12)), int(rng.integers(12, 41))])))


def _axis(rng: np.random.Generator, ndim: int, *, last: bool) -> dict[str, int]:
    wide = {1: 90, 2: 40, 3: 18}.get(ndim, 9)
    image = int(rng.choice([1, 2, int(rng.integers(1, 8)), int(rng.integers(1, wide if last else 12))]))
    kernel = int(rng.choice([1, 2, 3, int(rng.integers(1, 12 if ndim == 1 else 6))]))
    dilation = int(rng.choice([1, 1, 2, 3]))
    stride = int(rng.choice([1, 1, 2, 3, 4]))
    inserted = int(rng.choice([1, 1, 1, 2, 3, 4]))
    extent = (image - 1) * inserted + 1
    reach = (kernel - 1) * dilation + 1
    start = int(rng.integers(-reach - 3, extent + 2)) if rng.random() < 0.5 else -int(rng.integers(0, reach))
    output = int(rng.choice([1, 2, int(rng.integers(1, 10)), int(rng.integers(1, 2 * wide if last else 10))]))
    return {"image": image, "kernel": kernel, "output": output, "start": start, "stride": stride,
            "kernel_dilation": dilation, "image_dilation": inserted}


def _fit(axes: dict[str, tuple[int, ...]]) -> dict[str, tuple[int, ...]]:
    """Shrink the longest of outputs and kernels until the oracle is quick."""
    kernel, output = list(axes["kernel"]), list(axes["output"])
    while prod(kernel) * prod(output) > LOOK_UPS:
        longest = kernel if max(kernel) > 3 or prod(output) < prod(kernel) else output
        at = max(range(len(longest)), key=lambda i: longest[i])
        longest[at] = -(-longest[at] * 2 // 3) if longest[at] > 2 else longest[at] - 1
    return {**axes, "kernel": tuple(kernel), "output": tuple(output)}


def _side(rng: np.random.Generator, image_dtype: str, whole: bool) -> Any:
    if rng.random() < 0.6:
        return str(rng.choice(MAPPINGS))
    if rng.random() < 0.3:
        return 0
    low = 0 if image_dtype == "bool" or image_dtype.startswith("u") else -5
    number = int(rng.integers(low, 6))
    return number if whole else number + 0.25


def _types(rng: np.random.Generator, problem: Problem, seed: int, magnitude: int) -> Problem:
    natural = promote(problem.image_dtype, problem.kernel_dtype, fills(problem.border))
    if is_integer(natural):
        return _integer_types(rng, problem, natural, seed, magnitude)
    output = natural
    if natural not in COMPLEX and rng.random() < 0.4:
        output = str(rng.choice([*floats(), "int16", "uint8", "int32", "int64", "complex64"]))
    types = choose(problem.image_dtype, problem.kernel_dtype, output, str(rng.choice(["wrap", "saturate", "raise"])),
                   fills=fills(problem.border))
    activation = None
    if "complex" not in types.accumulator + output and rng.random() < 0.5:
        activation = str(rng.choice(ACTIVATIONS))
    return replace(problem, accumulator_dtype=types.accumulator, output_dtype=types.output, overflow=types.overflow,
                   activation=activation)


def _integer_types(rng: np.random.Generator, problem: Problem, natural: str, seed: int, magnitude: int) -> Problem:
    output = natural if rng.random() < 0.4 else str(rng.choice([*INTEGERS, "float32", "float64"]))
    overflow = str(rng.choice(["raise", "wrap", "saturate"]))
    activation = str(rng.choice(["relu", "relu6"])) if rng.random() < 0.3 else None
    problem = replace(problem, output_dtype=output, overflow=overflow, activation=activation)
    case = Case(problem, seed, magnitude=magnitude)
    image, kernel, bias = arrays(case)
    bound = data_bound(problem, image, kernel, bias)
    if bound.limit >= 2**63 and (overflow != "wrap" or activation or not is_integer(output)):
        # what an int64 cannot hold is the planner's business, and tested there
        problem = replace(problem, output_dtype="int64", overflow="wrap", activation=None)
    types = choose(problem.image_dtype, problem.kernel_dtype, problem.output_dtype, problem.overflow, bound,
                   fills(problem.border))
    fitting = [name for name, limit in (("float32", 2**24), ("int32", 2**31), ("float64", 2**53), ("int64", 2**63))
               if bound.limit < limit]
    accumulator = str(rng.choice(fitting)) if fitting and rng.random() < 0.5 else types.accumulator
    return replace(problem, accumulator_dtype=accumulator, overflow=types.overflow)


# ---------------------------------------------------------------- arrays

def arrays(case: Case) -> tuple[np.ndarray, np.ndarray, np.ndarray | None]:
    """Image, kernel and bias of a case, C-contiguous."""
    p, rng = case.problem, np.random.default_rng([case.seed, 11])
    image = _values(rng, p.image_shape, p.image_dtype, case.magnitude)
    kernel = _values(rng, p.kernel_shape, p.kernel_dtype, case.magnitude)
    bias = None
    if p.bias:
        sums = promote(p.image_dtype, p.kernel_dtype, fills(p.border))
        bias = _values(rng, (p.groups * p.channels_out,), "int16" if is_integer(sums) else sums, 1)
    if case.view == "broadcast":
        image = np.broadcast_to(image[_broadcast_index(p)], image.shape).copy()
    return image, kernel, bias


def _broadcast_index(p: Problem) -> tuple[Any, ...]:
    axis = 0 if p.batch else len(p.image_shape) - 1
    return tuple(slice(0, 1) if i == axis else slice(None) for i in range(len(p.image_shape)))


def _values(rng: np.random.Generator, shape: tuple[int, ...], dtype: str, magnitude: int) -> np.ndarray:
    """Small numbers for magnitude 0, all that the dtype holds for 3."""
    if dtype == "bool":
        return rng.random(shape) < 0.5
    if is_integer(dtype):
        low, high = limits(dtype)
        bits = (2, 7, 14, 64)[magnitude]
        low, high = max(low, -(1 << bits)), min(high, (1 << bits) - 1)
        return rng.integers(low, high, shape, np.dtype(dtype), endpoint=True)
    values = rng.standard_normal(shape)
    if dtype in COMPLEX:
        values = values + 1j * rng.standard_normal(shape)
    return np.asarray(values).astype(numpy_dtype(dtype))


def lay_out(case: Case, image: np.ndarray) -> np.ndarray:
    """The same numbers in another kind of view."""
    if case.view == "fortran":
        return np.asfortranarray(image)
    if case.view == "negative":
        reverse = (slice(None, None, -1),) * image.ndim
        return image[reverse].copy()[reverse]
    if case.view == "step":
        wide = np.full(tuple(2 * n + 1 for n in image.shape), 77, image.dtype)
        wide[(slice(1, None, 2),) * image.ndim] = image
        return wide[(slice(1, None, 2),) * image.ndim]
    if case.view == "offset":
        return misaligned(image, 1)
    if case.view == "broadcast":
        return np.broadcast_to(image[_broadcast_index(case.problem)], image.shape)
    if case.view == "channels-last":
        at = len(case.problem.batch)
        return np.moveaxis(np.ascontiguousarray(np.moveaxis(image, (at, at + 1), (-2, -1))), (-2, -1), (at, at + 1))
    if case.view == "read-only":
        image = image.copy()
        image.flags.writeable = False
    return image


def misaligned(array: np.ndarray, offset: int) -> np.ndarray:
    """A copy whose first byte lies ``offset`` bytes behind a 64-byte boundary."""
    raw = np.full(array.nbytes + 128, 0xA5, np.uint8)
    first = -raw.ctypes.data % 64 + offset
    moved = raw[first:first + array.nbytes].view(array.dtype).reshape(array.shape)
    moved[...] = array
    return moved


# ---------------------------------------------------------------- outputs

def output_view(problem: Problem, *, channels_last: bool = False) -> View:
    """The engine's own order of the output's axes, or with the channels behind the spatial axes."""
    p, batch = problem, len(problem.batch)
    if not channels_last:
        return View(p.output_shape, p.output_shape, tuple(range(len(p.output_shape))))
    split = (*p.batch, *p.output, p.groups, p.channels_out)
    order = (*range(batch), batch + p.ndim, batch + p.ndim + 1, *range(batch, batch + p.ndim))
    return View((*p.batch, *p.output, p.groups * p.channels_out), split, order)
