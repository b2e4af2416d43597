"""The gradients of `conv` and `conv_transpose`, by their image and by their kernel.

With ``y = conv(x, w, ...)`` and ``dy`` the gradient of a loss by ``y``, these give the gradients of the loss by ``x``
and by ``w``.  That by a bias is ``dy`` summed over the batch and the spatial axes.  All are correlations themselves
(see `faltung.problem.adjoint`) and run on the same engine.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from . import calls
from .arrays import Like, adopt
from .gradient_lowering import (
    Gradient,
    lower_input_grad,
    lower_transpose_input_grad,
    lower_transpose_weight_grad,
    lower_weight_grad,
)
from .layer_lowering import Layer


def conv_input_grad(dy: Any, w: Any, x_shape: Any, *, stride: Any = 1, padding: Any = 0, dilation: Any = 1,
                    groups: int = 1, border: Any = 0, layout: str = "channels_first", method: str = "auto",
                    out: Any = None, threads: int | None = None) -> Any:
    """Compute the gradient of `conv` by its image.

    ``dx[b, c, i] = sum over m, o, t with o * stride + t * dilation - before == i of dy[b, m, o] * w[m, c, t]``, the sum
    taken over the output channels of the group of ``c``; where the border repeats the image, a border sample's sum is
    added to that of the sample it repeats.

    Parameters
    ----------
    dy : array_like, shape (batch, channels_out, O, ...), or (batch, O, ..., channels_out)
        Gradient by the layer's result; float16, bfloat16, float32 or float64.
    w : array_like, shape (channels_out, channels_in / groups, K, ...)
        The layer's kernel.
    x_shape : tuple of int
        Shape of the layer's image.
    stride, padding, dilation, groups, border, layout
        The layer's own, as in `conv`.
    method, out, threads
        As in `convolve`.

    Returns
    -------
    array, shape ``x_shape``
        Of the kind of ``dy``.

    Raises
    ------
    ShapeError, DTypeError, BorderError, PlanError
        An argument that does not fit.

    Examples
    --------
    >>> conv_input_grad([[[1.0, 10.0]]], [[[1.0, 2.0]]], (1, 1, 4), stride=2)
    array([[[ 1.,  2., 10., 20.]]])
    """
    words = (stride, padding, 0, dilation, groups, border, None, layout)
    return calls.gradient("conv_input_grad", lower_input_grad, (("dy", dy), ("w", w)), x_shape, words, method, out,
                          threads)


def conv_weight_grad(dy: Any, x: Any, w_shape: Any, *, stride: Any = 1, padding: Any = 0, dilation: Any = 1,
                     groups: int = 1, border: Any = 0, layout: str = "channels_first", method: str = "auto",
                     out: Any = None, threads: int | None = None) -> Any:
    """Compute the gradient of `conv` by its kernel.

    ``dw[m, c, t] = sum over b, o of dy[b, m, o] * x[b, c, o * stride + t * dilation - before]``, border included.

    Parameters
    ----------
    dy : array_like, shape (batch, channels_out, O, ...), or (batch, O, ..., channels_out)
        Gradient by the layer's result; float16, bfloat16, float32 or float64.
    x : array_like, shape (batch, channels_in, N, ...), or (batch, N, ..., channels_in)
        The layer's image.
    w_shape : tuple of int
        Shape of the layer's kernel, (channels_out, channels_in / groups, K, ...).
    stride, padding, dilation, groups, border, layout
        The layer's own, as in `conv`.
    method, out, threads
        As in `convolve`.

    Returns
    -------
    array, shape ``w_shape``
        Of the kind of ``x``.

    Raises
    ------
    ShapeError, DTypeError, BorderError, PlanError
        An argument that does not fit.

    Notes
    -----
    Sums in float32 are long here (batch times image): they are taken in blocks whose sums are added in float64, so
    that the error does not grow with the image.

    Examples
    --------
    >>> conv_weight_grad([[[1.0, 10.0]]], [[[1.0, 2.0, 3.0]]], (1, 1, 2))
    array([[[21., 32.]]])
    """
    words = (stride, padding, 0, dilation, groups, border, None, layout)
    return calls.gradient("conv_weight_grad", lower_weight_grad, (("x", x), ("dy", dy)), w_shape, words, method, out,
                          threads)


def conv_transpose_input_grad(dy: Any, w: Any, x_shape: Any, *, stride: Any = 1, padding: Any = 0,
                              output_padding: Any = 0, dilation: Any = 1, groups: int = 1,
                              layout: str = "channels_first", method: str = "auto", out: Any = None,
                              threads: int | None = None) -> Any:
    """Compute the gradient of `conv_transpose` by its image: a `conv` with the same kernel.

    ``dx[b, c, i] = sum over m, t of dy[b, m, i * stride + t * dilation - before] * w[c, m, t]``.

    Parameters
    ----------
    dy : array_like, shape (batch, channels_out, O, ...), or (batch, O, ..., channels_out)
        Gradient by the layer's result.
    w : array_like, shape (channels_in, channels_out / groups, K, ...)
        The layer's kernel.
    x_shape : tuple of int
        Shape of the layer's image.
    stride, padding, output_padding, dilation, groups, layout
        The layer's own, as in `conv_transpose`.
    method, out, threads
        As in `convolve`.

    Returns
    -------
    array, shape ``x_shape``
        Of the kind of ``dy``.

    Raises
    ------
    ShapeError, DTypeError, PlanError
        An argument that does not fit.

    Examples
    --------
    >>> conv_transpose_input_grad([[[1.0, 2.0, 3.0]]], [[[1.0, 10.0]]], (1, 1, 2))
    array([[[21., 32.]]])
    """
    words = (stride, padding, output_padding, dilation, groups, 0, None, layout)
    return calls.gradient("conv_transpose_input_grad", lower_transpose_input_grad, (("dy", dy), ("w", w)), x_shape,
                          words, method, out, threads)


def conv_transpose_weight_grad(dy: Any, x: Any, w_shape: Any, *, stride: Any = 1, padding: Any = 0,
                               output_padding: Any = 0, dilation: Any = 1, groups: int = 1,
                               layout: str = "channels_first", method: str = "auto", out: Any = None,
                               threads: int | None = None) -> Any:
    """Compute the gradient of `conv_transpose` by its kernel.

    ``dw[c, m, t] = sum over b, i of x[b, c, i] * dy[b, m, i * stride + t * dilation - before]``.

    Parameters
    ----------
    dy : array_like, shape (batch, channels_out, O, ...), or (batch, O, ..., channels_out)
        Gradient by the layer's result.
    x : array_like, shape (batch, channels_in, N, ...), or (batch, N, ..., channels_in)
        The layer's image.
    w_shape : tuple of int
        Shape of the layer's kernel, (channels_in, channels_out / groups, K, ...).
    stride, padding, output_padding, dilation, groups, layout
        The layer's own, as in `conv_transpose`.
    method, out, threads
        As in `convolve`.

    Returns
    -------
    array, shape ``w_shape``
        Of the kind of ``x``; sums are taken in blocks, as in `conv_weight_grad`.

    Raises
    ------
    ShapeError, DTypeError, PlanError
        An argument that does not fit.

    Examples
    --------
    >>> conv_transpose_weight_grad([[[1.0, 2.0, 3.0]]], [[[1.0, 10.0]]], (1, 1, 2))
    array([[[21., 32.]]])
    """
    words = (stride, padding, output_padding, dilation, groups, 0, None, layout)
    return calls.gradient("conv_transpose_weight_grad", lower_transpose_weight_grad, (("dy", dy), ("x", x)), w_shape,
                          words, method, out, threads)


# ---------------------------------------------------------------- plans

OPERANDS: dict[Callable[..., Any], tuple[str, str, str, Callable[..., Gradient]]] = {
    conv_input_grad: ("dy", "w", "x_shape", lower_input_grad),
    conv_weight_grad: ("x", "dy", "w_shape", lower_weight_grad),
    conv_transpose_input_grad: ("dy", "w", "x_shape", lower_transpose_input_grad),
    conv_transpose_weight_grad: ("dy", "x", "w_shape", lower_transpose_weight_grad),
}
"""For each gradient: the operands that are the engine's image and kernel, the shape that is given, the lowering."""


def plan_gradient(function: Callable[..., Any], chosen: dict[str, Any], planning: dict[str, Any]) -> Any:
    """Plan a gradient; the plan is called with the function's own operands, in its own order.

    ``planning`` are the options of planning itself, as of `calls.make`.
    """
    image, kernel, shape, lower = OPERANDS[function]
    name, method, threads = function.__name__, chosen.pop("method"), chosen.pop("threads")
    calls.check_method(name, method)
    likes, values = [], []
    for word in (image, kernel):
        given = chosen.pop(word)
        array = None if isinstance(given, Like) else adopt(given, name, word)[0]
        likes.append(given if array is None else Like(array.shape, array.dtype.name))
        values.append(array)
    lowered, folds = lower(name, *likes, chosen.pop(shape), Layer(**chosen))
    made = calls.make(lowered, name, method, threads, values[1], **planning)
    swapped = kernel == "dy"
    return GradientPlan(made, folds, swapped=swapped) if folds or swapped else made


class GradientPlan:
    """A plan whose operands come in another order, or whose result has border samples that are folded back."""

    def __init__(self, plan: Any, folds: tuple[Any, ...], *, swapped: bool) -> None:
        self.plan, self.folds, self.swapped = plan, folds, swapped

    def __call__(self, *operands: Any, threads: int | None = None) -> Any:
        """Run on arrays of the planned shapes and dtypes."""
        result = self.plan(*(reversed(operands) if self.swapped else operands), threads=threads)
        for fold in self.folds:
            result = fold(result)
        return np.ascontiguousarray(result)

    def __getattr__(self, name: str) -> Any:
        if name in ("plan", "folds", "swapped"):  # not there yet while a pickle is read
            raise AttributeError(name)
        return getattr(self.plan, name)

    def __str__(self) -> str:
        return str(self.plan)
