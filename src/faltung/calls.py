"""What happens between a public function and its plan: seen shapes, integer bounds, ``out=``."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from math import prod
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from .arrays import Like, Restore, adopt
from .compiler.seen import Table, lock
from .compiler.threads import when_changed
from .errors import DTypeError, ShapeError
from .layer_lowering import Layer, lower_conv, lower_conv_transpose
from .lowering import Arrangement, Lowered, Sliding, lower_sliding
from .planning import wisdom
from .planning.exact import data_bound, note_small, refine, refined
from .planning.plan import Plan
from .planning.planner import check_method, make_plan
from .problem.promotion import numpy_dtype, sums_integers

if TYPE_CHECKING:
    from .gradient_lowering import Gradient

__all__ = ["Arranged", "Seen", "check_method", "check_out", "forget", "gradient", "layer", "make", "refine_known",
           "slide"]

CAPACITY = 512
"""Calls whose plans are kept."""

KERNEL_BYTES = 1 << 12
"""Integer kernels up to this long are compared with the last one, before they are asked what their sums may be."""

Words = tuple[Any, ...]


class Seen(NamedTuple):
    """A call that was lowered: its plan, or what a plan by the values at hand is made of."""

    plan: Any
    lowered: Lowered
    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    by_data: bool
    proven: dict[bytes, Any]
    """The bytes of the last integer kernel that proves, for any image, that sums fit, and the plan for it."""
    compute: Callable[[np.ndarray, np.ndarray], Any] | None = None
    """What the plan does with arrays that are its image and kernel and need no further look."""


convolved, correlated, layered, transposed = Table(), Table(), Table(), Table()
"""The last small calls of each function; they take image, kernel and bias, the fields of `Sliding` or `Layer`, then
``method``, ``out`` and ``threads``, and the first two also `UNMISSED`."""

UNMISSED = (None, "propagate", None, False)
"""``where``, ``nan_policy``, ``min_weight`` and ``return_weights`` where nothing is missing."""

_tables = {"convolve": convolved, "correlate": correlated, "conv": layered, "conv_transpose": transposed}
_seen: dict[Hashable, Any] = {}


def forget() -> None:
    """Drop the plans of all calls."""
    with lock:
        _seen.clear()
        for table in _tables.values():
            table.clear()


when_changed.append(forget)
wisdom.when_changed.append(forget)


def _remember(key: Hashable, value: Any) -> Any:
    with lock:
        while len(_seen) >= CAPACITY:
            del _seen[next(iter(_seen))]
        return _seen.setdefault(key, value)


def _recall(key: Hashable) -> tuple[Any, Hashable]:
    """What is kept for a call, and the key under which it may be kept."""
    try:
        return _seen.get(key), key
    except TypeError:
        pass
    try:
        key = _freeze(key)
        return _seen.get(key), key
    except TypeError:
        return None, None


def _freeze(value: Any) -> Any:
    """A hashable stand-in for a list, a slice or an array among the options."""
    if isinstance(value, np.ndarray):
        value = value.tolist()
    if isinstance(value, slice):
        return slice, value.start, value.stop, value.step
    if isinstance(value, list | tuple):
        return tuple(map(_freeze, value))
    return value


# ---------------------------------------------------------------- calls

def slide(function: str, x: Any, k: Any, words: Words, method: str, out: Any, threads: int | None) -> Any:
    """Run `convolve` or `correlate`; ``words`` are the fields of `Sliding`."""
    if type(x) is type(k) is np.ndarray and out is threads is None:
        try:
            known = _seen.get((function, x.shape, x.dtype, k.shape, k.dtype, words, method))
        except TypeError:  # a list among the options
            known = None
        if known is not None and known.compute is not None:
            if _tables[function].misses():
                known.plan.teach(_tables[function], x, k, None, (*words, method, None, None, *UNMISSED))
            return known.compute(x, k)
    image, restore = adopt(x, function, "x")
    kernel, _ = adopt(k, function, "k")
    key: Hashable = (function, image.shape, image.dtype, kernel.shape, kernel.dtype, words, method)
    seen, key = _recall(key)
    if seen is None:
        lowered = lower_sliding(function, _like(image), _like(kernel), Sliding(*words))
        seen = _see(key, lowered, function, method)
    return _run(function, key, seen, image, kernel, None, method, out, threads, restore)


def layer(function: str, x: Any, w: Any, bias: Any, words: Words, method: str, out: Any, threads: int | None) -> Any:
    """Run `conv` or `conv_transpose`; ``words`` are the fields of `Layer`."""
    image, restore = adopt(x, function, "x")
    kernel, _ = adopt(w, function, "w")
    offset = None if bias is None else adopt(bias, function, "bias")[0]
    shape, dtype = (None, None) if offset is None else (offset.shape, offset.dtype)
    key: Hashable = (function, image.shape, image.dtype, kernel.shape, kernel.dtype, shape, dtype, words,
                     method)
    seen, key = _recall(key)
    if seen is None:
        lower = lower_conv if function == "conv" else lower_conv_transpose
        lowered = lower(function, _like(image), _like(kernel), None if offset is None else _like(offset), Layer(*words))
        seen = _see(key, lowered, function, method)
    result = _run(function, key, seen, image, kernel, offset, method, out, threads, restore)
    if out is threads is None and isinstance(seen.plan, Plan) and _tables[function].misses():
        seen.plan.teach(_tables[function], image, kernel, offset, (*words, method, None, None))
    return result


def gradient(function: str, lower: Callable[..., Gradient], operands: tuple[tuple[str, Any], tuple[str, Any]],
             shape: Any, words: Words, method: str, out: Any, threads: int | None) -> Any:
    """Run a gradient of `conv` or `conv_transpose`; the operands are named, that which is the engine's image first."""
    (first, x), (second, k) = operands
    image, restore = adopt(x, function, first)
    kernel, _ = adopt(k, function, second)
    key: Hashable = (function, image.shape, image.dtype, kernel.shape, kernel.dtype, shape, words, method)
    seen, key = _recall(key)
    if seen is None:
        lowered, folds = lower(function, _like(image), _like(kernel), shape, Layer(*words))
        made = _see(None, lowered, function, method) if image.size and kernel.size else None
        seen = Differentiated(made, lowered, folds)
        if key is not None:
            seen = _remember(key, seen)
    if seen.seen is not None and not seen.folds:
        return _run(function, key, seen.seen, image, kernel, None, method, out, threads, restore)
    if seen.seen is None:  # an empty batch has no gradient
        result = np.zeros(seen.lowered.layout.output.shape, numpy_dtype(seen.lowered.problem.output_dtype))
    else:
        result = seen.seen.plan(image, kernel, threads=threads)
    for fold in seen.folds:
        result = fold(result)
    if out is None:
        result = np.ascontiguousarray(result)
        return result if restore is None else restore(result)
    check_out(function, out, result.shape, result.dtype)[...] = result
    return out


class Differentiated(NamedTuple):
    """A gradient that was lowered, and its plan, if there is anything to sum."""

    seen: Seen | None
    lowered: Lowered
    folds: tuple[Any, ...]


def _like(array: np.ndarray) -> Like:
    return Like(array.shape, array.dtype.name)


def _see(key: Hashable, lowered: Lowered, function: str, method: str) -> Seen:
    check_method(function, method)
    problem, layout, arrangement = lowered
    shape = layout.output.shape
    if arrangement is not None:
        shape = tuple(shape[axis] for axis in arrangement.output)
    by_data = problem.overflow in ("raise", "saturate") and sums_integers(problem)
    plan = None if by_data or 0 in shape else make(lowered, function, method)
    seen = Seen(plan, lowered, shape, numpy_dtype(problem.output_dtype), by_data, {},
                plan.compute if isinstance(plan, Plan) else None)
    if key is not None:
        seen = _remember(key, seen)
    return seen


def _run(function: str, key: Hashable, seen: Seen, image: np.ndarray, kernel: np.ndarray, bias: np.ndarray | None,
         method: str, out: Any, threads: int | None, restore: Restore) -> Any:
    plan = seen.plan
    if out is None and plan is not None:
        result = plan(image, kernel, bias, threads=threads)
        return result if restore is None else restore(result)
    target = None if out is None else check_out(function, out, seen.shape, seen.dtype)
    if 0 in seen.shape:
        result = np.empty(seen.shape, seen.dtype)
    else:
        if plan is None:
            plan = _plan_by_data(function, key, seen, image, kernel, bias, method)
        direct = target if target is not None and not _in_the_way(target, (image, kernel, bias)) else None
        result = plan(image, kernel, bias, out=direct, threads=threads)
    if target is None:
        return result if restore is None else restore(result)
    if result is not target:
        target[...] = result
    return out


def _plan_by_data(function: str, key: Hashable, seen: Seen, image: np.ndarray, kernel: np.ndarray,
                  bias: np.ndarray | None, method: str) -> Any:
    """The plan of integers whose dtypes prove too little: their values decide the accumulator.

    The kernel's values are asked first, for they are few.
    """
    lowered = seen.lowered
    given = kernel.tobytes() if bias is None and kernel.nbytes <= KERNEL_BYTES else b""
    plan = seen.proven.get(given)
    if plan is not None:
        return plan
    taps = _engine_kernel(lowered, kernel)
    problem = refined(lowered.problem, taps, bias)
    proven = problem.overflow == "proven"
    if not proven:
        problem = note_small(refine(lowered.problem, data_bound(lowered.problem, image, taps, bias)), taps)
    own_key = (key, problem.accumulator_dtype, problem.overflow, problem.small_kernel)
    plan = _seen.get(own_key)
    if plan is None:
        plan = make(lowered._replace(problem=problem), function, method)
        if key is not None:
            plan = _remember(own_key, plan)
    if proven and given:
        seen.proven.clear()
        seen.proven[given] = plan
    return plan


def _engine_kernel(lowered: Lowered, kernel: np.ndarray) -> np.ndarray:
    if lowered.arrangement is not None:
        kernel = kernel.transpose(lowered.arrangement.kernel)
    return lowered.layout.kernel(kernel)  # type: ignore[no-any-return]


# ---------------------------------------------------------------- out

def check_out(function: str, out: Any, shape: tuple[int, ...], dtype: np.dtype[Any]) -> np.ndarray:
    """See ``out`` as an array that can take the result, or refuse it."""
    if not isinstance(out, np.ndarray) and not hasattr(out, "__dlpack__"):
        raise DTypeError(
            f"{function}: out must be an array or a tensor that can be written, not a {type(out).__name__}")
    target = out if isinstance(out, np.ndarray) else adopt(out, function, "out")[0]
    if target.shape != shape:
        raise ShapeError(f"{function}: out {target.shape} must have the shape of the result {shape}")
    if target.dtype != dtype:
        raise DTypeError(f"{function}: out has dtype {target.dtype}, but the result has {dtype}; pass such an "
                         "array, "
                         "or ask for another dtype")
    if not target.flags.writeable:
        raise ShapeError(f"{function}: out {target.shape} is read-only; pass an array that can be written")
    return target


def _in_the_way(target: np.ndarray, operands: tuple[np.ndarray | None, ...]) -> bool:
    """Whether the result has to be made elsewhere first: steps in ``out``, or memory shared with an operand."""
    if not (target.flags.c_contiguous and target.flags.aligned):
        return True
    return any(operand is not None and np.may_share_memory(target, operand) for operand in operands)


# ---------------------------------------------------------------- plans

def make(lowered: Lowered, function: str, method: str, threads: int | None = None, kernel: np.ndarray | None = None,
         bias: np.ndarray | str | None = None, *, refine: bool = False, max_workspace: int | None = None,
         measure: bool = False) -> Any:
    """The plan of a lowered call, with its kernel and bias if they are known; a bias may be told as its dtype.

    ``refine`` lets a known kernel choose the accumulator of integer sums.
    """
    problem, layout, arrangement = lowered
    if kernel is not None and arrangement is not None:
        kernel = kernel.transpose(arrangement.kernel)
    copied = 0 if arrangement is None else sum(
        prod(view.shape) * numpy_dtype(dtype).itemsize
        for view, dtype in ((layout.image, problem.image_dtype), (layout.output, problem.output_dtype)))
    plan = make_plan(problem, layout, function, method, threads, kernel, bias, refine, max_workspace, copied,
                     measure=measure)
    return plan if arrangement is None else Arranged(plan, arrangement)


def refine_known(lowered: Lowered, kernel: np.ndarray | None, bias: np.ndarray | str | None) -> Lowered:
    """Choose the accumulator of integer sums by a kernel that is known."""
    if kernel is None:
        return lowered
    return lowered._replace(problem=refined(lowered.problem, _engine_kernel(lowered, kernel), bias))


class Arranged:
    """A plan whose operands are transposed before, and its output after: what no view could express."""

    def __init__(self, plan: Any, arrangement: Arrangement) -> None:
        self.plan, self.arrangement = plan, arrangement

    def update(self, kernel: Any, bias: Any = None) -> None:
        """Put other weights in the place of the known ones; see `Plan.update`."""
        self.plan.update(adopt(kernel, self.plan.function, "k")[0].transpose(self.arrangement.kernel), bias)

    def __call__(self, image: Any, kernel: Any = None, bias: Any = None, *, out: Any = None,
                 threads: int | None = None) -> Any:
        """Run on arrays of the planned shapes and dtypes."""
        arrangement = self.arrangement
        image, restore = adopt(image, self.plan.function, "x")
        if kernel is not None:
            kernel = adopt(kernel, self.plan.function, "k")[0].transpose(arrangement.kernel)
        image = np.ascontiguousarray(image.transpose(arrangement.image))
        result = self.plan(image, kernel, bias, threads=threads).transpose(arrangement.output)
        if out is not None:
            out[...] = result
            return out
        result = np.ascontiguousarray(result)
        return result if restore is None else restore(result)

    def __getattr__(self, name: str) -> Any:
        if name in ("plan", "arrangement"):  # not there yet while a pickle is read
            raise AttributeError(name)
        return getattr(self.plan, name)

    def __repr__(self) -> str:
        return repr(self.plan)

    def __str__(self) -> str:
        return str(self.plan)
