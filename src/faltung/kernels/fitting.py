"""The kernel that best turns one array into another."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from .. import operations
from ..arrays import adopt
from ..errors import KernelError, ShapeError
from .checking import Kernel, centred, extents, say
from .registry import named

_BLOCK_BYTES = 1 << 24


class Nearest(NamedTuple):
    """A kernel of the catalogue by its text, and its normalised correlation (a cosine) with another."""

    text: str
    score: float


@dataclass(frozen=True)
class Fit:
    """What `fit` found.

    Attributes
    ----------
    kernel
        The taps, for `correlate` in mode "same".
    residual
        Root mean square of what is left, in the units of the array after.
    relative_residual
        The same over that of the array after, both without their means.
    condition
        Condition number of the matrix of neighbourhoods: errors of the array after, and of rounding, may be
        magnified that much in the taps.  Above about 1e6 the array before has too little in it to tell the
        taps apart: give another, or a ridge.
    nearest
        The kernel of the catalogue that is most like it.
    """

    kernel: Kernel
    residual: float
    relative_residual: float
    condition: float
    nearest: Nearest

    def __str__(self) -> str:
        shape = "x".join(map(str, self.kernel.shape))
        return (f"{shape} kernel; residual {self.residual:.3g} ({100 * self.relative_residual:.3g} %), "
                f"condition {self.condition:.3g}; like {self.nearest.text} ({self.nearest.score:.4f})")


def fit(before: Any, after: Any, size: int | tuple[int, ...] = 5, *, ridge: float = 0.0) -> Fit:
    """Find the kernel that best turns one array into another, by least squares.

    The taps that minimise ``sum over p of (after[p] - sum over t of before[p + t - K // 2] k[t])**2 + ridge m |k|**2``,
    over the outputs ``p`` that see no border; ``m`` is the mean square of one tap's samples, so that `ridge` has no
    unit.

    Parameters
    ----------
    before, after : array_like, the same shape
        Real, over any number of axes.
    size
        Extent of the kernel: one for all axes, or one per axis.
    ridge
        At least 0; about 1e-6 to 1e-2 where the condition number is large.

    Returns
    -------
    Fit
        With ``kernel``, ``residual``, ``condition`` and ``nearest``.

    Raises
    ------
    ShapeError
        Arrays of different shapes, or with fewer inner outputs than there are taps.
    KernelError
        Values that are not finite or not real, a negative ridge.

    Notes
    -----
    The normal equations are summed over blocks of neighbourhoods in float64 (the workspace stays below about
    32 MiB and twice the square of the number of taps) and solved by eigenvalues, where those below rounding are
    left out: so the solution is the shortest where there are many.  One step of refinement on the residual, which
    the engine computes, restores most digits that squaring the condition number costs.
    Cost: the number of outputs times the number of taps squared.

    References
    ----------
    Golub and Van Loan, "Matrix Computations", 4th edition (2013), sections 5.3.2 and 5.3.8.

    Examples
    --------
    >>> before = np.random.default_rng(0).normal(size=(40, 40))
    >>> found = fit(before, operations.correlate(before, named("sobel"), "same"), 3)
    >>> found.kernel.round(6) + 0.0
    array([[-1.,  0.,  1.],
           [-2.,  0.,  2.],
           [-1.,  0.,  1.]])
    >>> found.nearest
    Nearest(text='sobel:axis=1', score=1.0)
    """
    image, wanted = _operands(before, after)
    shape = tuple(extents("fit", size, image.ndim))
    if len(shape) != image.ndim:
        raise ShapeError(f"fit: size={say(size)} has {len(shape)} entries for arrays of {image.ndim} axes; give one "
                         "number, or one per axis")
    if not math.isfinite(ridge) or ridge < 0:
        raise KernelError(f"fit: ridge={ridge} must be at least 0 and finite")
    inner = wanted[tuple(slice(taps // 2, taps // 2 + extent - taps + 1)
                         for taps, extent in zip(shape, image.shape, strict=True))]
    outputs = math.prod(max(extent - taps + 1, 0) for taps, extent in zip(shape, image.shape, strict=True))
    if outputs < math.prod(shape):
        raise ShapeError(f"fit: {outputs} outputs of {image.shape} see no border, fewer than the {math.prod(shape)} "
                         f"taps of size={say(size)}; give larger arrays or a smaller size")
    kernel, rest, condition = _solve(image, inner, shape, ridge)
    spread = float(np.sqrt(np.mean(np.square(inner - inner.mean()))))
    residual = float(np.sqrt(np.mean(np.square(rest))))
    return Fit(kernel, residual, residual / spread if spread else 0.0 if not residual else math.inf, condition,
               closest(kernel))


def _operands(before: Any, after: Any) -> tuple[Kernel, Kernel]:
    arrays = []
    for name, given in (("before", before), ("after", after)):
        array = adopt(given, "fit", name)[0]
        if array.dtype.kind == "c":
            raise KernelError(f"fit: {name} is complex ({array.dtype}); fit its real and imaginary parts apart")
        array = array.astype(np.float64)
        bad = np.count_nonzero(~np.isfinite(array))
        if bad:
            raise KernelError(f"fit: {name} has {bad} values that are not finite; cut out a part without them")
        arrays.append(array)
    if arrays[0].shape != arrays[1].shape or not arrays[0].ndim:
        raise ShapeError(f"fit: before {arrays[0].shape} and after {arrays[1].shape} must have the same shape, with "
                         "one axis at least; crop or filter in mode same")
    return arrays[0], arrays[1]


def _solve(image: Kernel, inner: Kernel, shape: tuple[int, ...], ridge: float) -> tuple[Kernel, Kernel, float]:
    taps = math.prod(shape)
    gram, moment = np.zeros((taps, taps)), np.zeros(taps)
    for rows, part in _blocks(image, inner, shape):
        gram += rows.T @ rows
        moment += rows.T @ part
    weights, vectors = np.linalg.eigh(gram)
    top = float(weights[-1])
    extra = ridge * float(np.trace(gram)) / taps
    floor = top * taps * np.finfo(np.float64).eps
    kept = np.maximum(weights, 0) + extra > floor
    inverse = np.where(kept, 1 / np.where(kept, np.maximum(weights, 0) + extra, 1), 0)
    lowest = float(weights[0]) + extra
    condition = math.sqrt((top + extra) / lowest) if lowest > floor else math.inf
    kernel = vectors @ (inverse * (vectors.T @ moment))
    rest = inner - operations.correlate(image, kernel.reshape(shape), "valid")
    moment = -extra * kernel
    for rows, part in _blocks(image, rest, shape):
        moment += rows.T @ part
    made = (kernel + vectors @ (inverse * (vectors.T @ moment))).reshape(shape)
    return made, inner - operations.correlate(image, made, "valid"), condition


def _blocks(image: Kernel, inner: Kernel, shape: tuple[int, ...]) -> Iterator[tuple[Kernel, npt.NDArray[np.float64]]]:
    """Give the neighbourhoods of a few outputs at a time as rows of a matrix, and what is wanted there."""
    windows = np.lib.stride_tricks.sliding_window_view(image, shape)
    taps = math.prod(shape)
    most = max(_BLOCK_BYTES // (8 * taps), 1)
    line = inner.shape[-1]
    for index in np.ndindex(inner.shape[:-1]) if line >= most or inner.ndim == 1 else _groups(inner, most):
        view, part = windows[index], inner[index]
        flat = part.reshape(-1)
        if part.ndim == 1:
            for start in range(0, line, most):
                yield view[start : start + most].reshape(-1, taps), flat[start : start + most]
        else:
            yield view.reshape(-1, taps), flat


def _groups(inner: Kernel, most: int) -> Iterator[tuple[int | slice, ...]]:
    """Cut the outputs into groups of whole lines."""
    lines = max(most // inner.shape[-1], 1)
    for index in np.ndindex(inner.shape[:-2]):
        for start in range(0, inner.shape[-2], lines):
            yield *index, slice(start, start + lines)


# ---------------------------------------------------------------- the nearest of the catalogue

def closest(kernel: Kernel) -> Nearest:
    """Find the kernel of the catalogue with the largest normalised correlation, of those that fit its shape.

    >>> closest(np.array([[1.0, 2, 1], [2, 4, 2], [1, 2, 1]]))
    Nearest(text='binomial:size=3', score=1.0)
    """
    length = float(np.linalg.norm(kernel))
    best = Nearest("none", 0.0)
    if not length:
        return best
    for text in _texts(kernel.ndim, min(kernel.shape)):
        other = named(text).astype(np.float64)
        if any(mine < its for mine, its in zip(kernel.shape, other.shape, strict=True)):
            continue
        score = float(np.vdot(centred(other, kernel.shape), kernel)) / (length * float(np.linalg.norm(other)))
        # The first of equals stays: the plainest stand first.
        if score > best.score + 1e-12:
            best = Nearest(text, min(round(score, 12), 1.0))
    return best


def _texts(ndim: int, size: int) -> Iterator[str]:
    """Write down the kernels of `ndim` axes that may fit `size`, the plainest first."""
    axes = "" if ndim == 2 else f",ndim={ndim}"
    only = "" if ndim == 2 else f":ndim={ndim}"
    yield f"identity{only}"
    for extent in range(3, size + 1, 2):
        yield from (f"{name}:size={extent}{axes}" for name in ("box", "binomial", "pyramid"))
    yield from (f"{name}:axis={axis}{axes}" for name in ("sobel", "scharr", "prewitt") for axis in range(ndim))
    yield f"laplacian{only}"
    if ndim > 1:
        yield f"laplacian:diagonal=true{axes}"
    if ndim == 2:
        yield from ("sharpen", "emboss", "roberts:diagonal=0", "roberts:diagonal=1")
        yield from (f"kirsch:direction={direction}" for direction in range(8))
        yield from (f"motion:length={length},angle={angle}" for length in range(3, size + 1, 2)
                    for angle in (0, 45, 90, 135))
    if ndim <= 3:
        yield from (f"disk:radius={radius / 2:g}{axes}" for radius in range(2, size + 1))
    odd = size - 1 + size % 2
    for sigma in (0.5, 0.75, 1, 1.25, 1.5, 2, 2.5, 3, 4, 5, 6, 8):
        if odd >= 3 and sigma <= size / 3:
            yield f"gaussian:sigma={sigma},size={odd}{axes}"
            yield f"laplacian_of_gaussian:sigma={sigma},size={odd}{axes}"
            yield f"unsharp:sigma={sigma},size={odd}{axes}"
            yield from (f"gaussian:sigma={sigma},size={odd},order=" + "x".join(str(int(axis == other))
                        for other in range(ndim)) + axes for axis in range(ndim))
