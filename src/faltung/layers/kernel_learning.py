"""The smallest answer to "how do we choose a kernel": learn it from two pictures, by gradient descent."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from ..errors import DataError, ShapeError
from ..kernels.fitting import Nearest, closest
from .convolution import Conv
from .optimisers import SGD

Array = npt.NDArray[Any]
_LARGEST_STEPS = 12
"""Steps of the power iteration; its result is an eigenvalue from below, so a little is added."""
_MARGIN = 1.05


class Frame(NamedTuple):
    """The kernel after so many steps, and the root mean square of what it leaves."""

    step: int
    kernel: Array
    residual: float


class Learned(NamedTuple):
    """What `learn_kernel` found.

    ``offset`` is the constant that is added beside the kernel.  ``residuals`` has the root mean square of what is left
    after each step, in the units of the image after, and ``spread`` the standard deviation of that image; ``frames``
    show the kernel growing.
    """

    kernel: Array
    offset: float
    residuals: list[float]
    spread: float
    frames: list[Frame]
    nearest: Nearest


def learn_kernel(before: Any, after: Any, size: int | tuple[int, ...] = 5, *, steps: int = 600,
                 tolerance: float = 1e-6, most: int = 1 << 16,
                 on_step: Callable[[Frame], None] | None = None) -> Learned:
    """Learn the kernel that turns one array into another, by gradient descent on a layer of one channel.

    It begins with zeros, and goes down
    ``mean over p of (after[p] - offset - sum over t of before[p + t - K // 2] k[t])**2`` over the outputs that see no
    border, with the best offset at each step.  `faltung.kernels.fit` solves the problem without offset in one go.

    Parameters
    ----------
    before, after : array_like, the same shape
        Real, over any number of axes.  Outputs at the ends of the range of uint8 or uint16 may have been cut off,
        and do not count.
    size
        Extent of the kernel: one for all axes, or one per axis.
    steps
        At most so many.
    tolerance
        Ends when 20 steps together lower the residual by less than this portion.
    most
        Larger arrays are learned from by their middle, with about so many outputs.
    on_step
        Called after each step.

    Returns
    -------
    Learned

    Raises
    ------
    ShapeError, DataError
        Arrays that differ in shape, are smaller than the kernel, or hold nothing to learn from.

    Notes
    -----
    The rate is ``1 / L``, with ``L`` the largest eigenvalue of the second derivative, found by power iteration on
    gradients; momentum is Nesterov's with a restart where the residual grows.

    References
    ----------
    O'Donoghue and Candes, "Adaptive restart for accelerated gradient schemes", Found. Comput. Math. 15 (2015).

    Examples
    --------
    >>> from faltung import correlate
    >>> picture = np.random.default_rng(0).normal(size=(40, 40))
    >>> learned = learn_kernel(picture, correlate(picture, [[-1.0, 0, 1], [-2, 0, 2], [-1, 0, 1]], "same"), 3)
    >>> learned.kernel.round(3) + 0.0
    array([[-1.,  0.,  1.],
           [-2.,  0.,  2.],
           [-1.,  0.,  1.]])
    >>> learned.nearest
    Nearest(text='sobel:axis=1', score=1.0)
    """
    problem = _Problem(*_operands(before, after, size, most))
    weight = problem.weight
    descent = SGD({"weight": weight}, 1 / (_MARGIN * problem.largest()), momentum=0.5, nesterov=True)
    weight.value[...] = 0
    residuals = [problem.gradient()]
    frames = [Frame(0, weight.value[0, 0].copy(), residuals[0])]
    since = 0
    for step in range(1, steps + 1):
        # Nesterov's sequence; the layer stands where the gradient is to be taken.
        descent.momentum = (since + 1) / (since + 4)
        descent.step()
        residuals.append(problem.gradient())
        since += 1
        if residuals[-1] > residuals[-2]:
            since = 0
            descent.restore({"steps": np.array(descent.steps)})
        frame = Frame(step, weight.value[0, 0].copy(), residuals[-1])
        if on_step is not None:
            on_step(frame)
        done = _is_done(residuals, tolerance)
        if step & (step - 1) == 0 or done or step == steps:
            frames.append(frame)
        if done:
            break
    kernel = weight.value[0, 0].copy()
    return Learned(kernel, problem.offset, residuals, problem.spread, frames, closest(kernel))


class _Problem:
    """A layer of one channel, its input, and what is wanted of it."""

    def __init__(self, image: Array, wanted: Array, counted: Array, shape: tuple[int, ...]) -> None:
        self.layer = Conv(1, 1, shape, bias=False, ndim=image.ndim, dtype="float64")
        self.layer.input_gradient = False
        self.weight = self.layer.parameters["weight"]
        self.share = counted / max(np.count_nonzero(counted), 1)
        # Without the means, which would make the problem badly conditioned.
        self.means = float(image.mean()), float(np.vdot(wanted, self.share))
        self.x, self.wanted = (image - self.means[0])[None, None], wanted - self.means[1]
        self.spread = math.sqrt(float(np.vdot(self.wanted * self.share, self.wanted)))
        self.offset = 0.0

    def gradient(self, *, wanted: bool = True) -> float:
        """Set the gradient of half the mean square of what is left, and give the root of that mean."""
        rest = self.layer.forward(self.x, training=True)[0, 0]
        if wanted:
            rest -= self.wanted
        # The best constant is known, so it is taken out at once.
        mean = float(np.vdot(rest, self.share))
        self.offset = self.means[1] - mean - self.means[0] * float(self.weight.value.sum())
        rest -= mean
        shared = rest * self.share
        self.layer.backward(shared[None, None])
        return math.sqrt(float(np.vdot(shared, rest)))

    def largest(self) -> float:
        """Estimate the largest eigenvalue of the second derivative, by power iteration."""
        direction = np.random.default_rng(0).normal(size=self.weight.value.shape)
        length = 0.0
        for _ in range(_LARGEST_STEPS):
            self.weight.value[...] = direction / np.linalg.norm(direction)
            self.gradient(wanted=False)
            assert self.weight.gradient is not None
            direction = self.weight.gradient.copy()
            length = float(np.linalg.norm(direction))
            if not length:
                raise DataError("learn_kernel: before is the same everywhere, or all of after is cut off; give "
                                "pictures with something on them")
        return length


def _is_done(residuals: list[float], tolerance: float) -> bool:
    if residuals[-1] <= 1e-13 * residuals[0]:
        return True
    return len(residuals) > 20 and min(residuals[:-20]) - min(residuals) <= tolerance * residuals[0]


def _operands(before: Any, after: Any, size: int | tuple[int, ...],
              most: int) -> tuple[Array, Array, Array, tuple[int, ...]]:
    image, result = np.asarray(before), np.asarray(after)
    if image.shape != result.shape or not image.ndim:
        raise ShapeError(f"learn_kernel: before {image.shape} and after {result.shape} must have the same shape, with "
                         "one axis at least; crop the larger one")
    for name, array in (("before", image), ("after", result)):
        if array.dtype.kind not in "biuf" or not np.isfinite(array).all():
            raise DataError(f"learn_kernel: {name} ({array.dtype}) must hold real and finite numbers; cut out a "
                            "part of it")
    shape = (size,) * image.ndim if isinstance(size, int) else tuple(size)
    if len(shape) != image.ndim or min(shape) < 1:
        raise ShapeError(f"learn_kernel: size={size} must be one number of at least 1, or one for each of the "
                         f"{image.ndim} axes")
    if any(taps > extent for taps, extent in zip(shape, image.shape, strict=True)):
        raise ShapeError(f"learn_kernel: size={size} is larger than the arrays {image.shape}; take a smaller one")
    image, result = _middle(image, shape, most), _middle(result, shape, most)
    inner = result[tuple(slice(taps // 2, taps // 2 + extent - taps + 1)
                         for taps, extent in zip(shape, image.shape, strict=True))]
    counted = np.ones(inner.shape)
    if inner.dtype.name in ("uint8", "uint16"):
        counted = ((inner > 0) & (inner < np.iinfo(inner.dtype).max)).astype(np.float64)
    return image.astype(np.float64), inner.astype(np.float64), counted, shape


def _middle(array: Array, shape: tuple[int, ...], most: int) -> Array:
    """Cut the longest axes until about `most` outputs are left."""
    outputs = [extent - taps + 1 for extent, taps in zip(array.shape, shape, strict=True)]
    kept = list(outputs)
    while math.prod(kept) > max(most, 1) and max(kept) > 1:
        longest = kept.index(max(kept))
        others = math.prod(kept) // kept[longest]
        second = max([extent for axis, extent in enumerate(kept) if axis != longest], default=1)
        kept[longest] = max(min(second, kept[longest] - 1), max(most, 1) // others, 1)
    cuts = [((there - left) // 2, left + taps - 1) for there, left, taps in zip(outputs, kept, shape, strict=True)]
    return array[tuple(slice(start, start + length) for start, length in cuts)]
