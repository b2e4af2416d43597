"""The public operations: each adopts its arrays, looks up the plan of such a call, and runs it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from . import calls
from .arrays import adopt
from .errors import PlanError, ShapeError
from .lowering import Sliding, lower_sliding
from .plan_arguments import bind, describe, plan_layer, planning_options
from .problem.extents import per_axis
from .problem.promotion import is_integer


def convolve(x: Any, k: Any, mode: str = "full", *, border: Any = 0, stride: Any = 1, dilation: Any = 1,
             axes: Any = None, anchor: Any = None, outputs: Any = None, where: Any = None,
             nan_policy: str = "propagate", min_weight: float | None = None, return_weights: bool = False,
             dtype: Any = None, overflow: str = "raise", method: str = "auto", out: Any = None,
             threads: int | None = None) -> Any:
    """Convolve an image with a kernel, over any number of axes.

    ``y[n] = sum over t of x[n - t * dilation] * k[t]``, per axis, for ``n`` from 0 to
    ``N + (K - 1) * dilation - 1`` in mode "full"; the other modes are parts of that.

    Parameters
    ----------
    x : array_like, shape (..., N, ...)
        Image: an ndarray, a list, a CPU tensor, anything with ``__dlpack__`` or ``__array_interface__``.
    k : array_like
        Kernel, with as many axes as ``x``, or with just those that are convolved.
    mode : {"full", "same", "valid", "causal"}
        "full" gives ``N + reach`` outputs along an axis, ``reach = (K - 1) * dilation``; "same" gives
        ``N`` from sample ``reach // 2`` of the full result on, "valid" ``N - reach`` from ``reach`` on,
        "causal" ``N`` from 0 on.  The operands are never swapped.
    border : number, "edge", "reflect", "symmetric", "wrap", or one per axis, or one (before, after) pair per axis
        What stands outside the image, with the meaning of ``numpy.pad``.
    stride : int or one per axis
        Take every ``stride``-th output of the mode; the others are not computed.
    dilation : int or one per axis
        Distance between neighbouring taps.
    axes : int or sequence of int, optional
        Axes that are convolved, all by default.  All others broadcast against the kernel's, if it has them.
        Options with one value per axis follow the order of ``axes``.
    anchor : int or one per axis, optional
        In mode "same": index of the tap of ``k`` that sits on the output sample.  Default: ``(K - 1) // 2``.
    outputs : slice or one per axis, optional
        The outputs to compute, as slices with positive steps into the full result.
    where : array_like, optional
        Weights of the image's samples, broadcast to its shape: False or 0 for what is missing, True or any number
        above 0 for what is there.  The result is then the normalised convolution
        ``sum(k) * sum(k w x) / sum(k w)``; for kernels that sum to zero, missing values are replaced by the local
        mean weighted by ``|k|``.  What is missing is never touched, NaN or not.  A constant border counts as data
        of weight 1, any other as the sample that it shows.  Integers give floats.
    nan_policy : {"propagate", "omit", "raise"}
        Whether NaN reaches the outputs that see it, is missing like what ``where`` leaves out, or is an error.
    min_weight : float, optional
        Share of ``sum|k|`` that must be there; outputs with less are NaN.  By default any weight above 0 does.
    return_weights : bool
        Return the shares ``sum(|k| w) / sum|k|`` too: ``(result, weights)``.
    dtype : dtype, optional
        Dtype of the result.  By default float32 and wider floats stay, 8-bit integers give int32, wider ones
        int64 (uint64 where both are unsigned and one has 64 bits), mixed operands NumPy's ``result_type``.
    overflow : {"raise", "wrap", "saturate"}
        What happens when an integer result cannot hold a sum.  A float is rounded half to even first.
    method : {"auto", "direct", "fourier", "reference"}
        How it is computed; never changes what comes out, beyond the stated accuracy.
    out : array, optional
        Takes the result; any strides, and it may overlap an operand.
    threads : int, optional
        Threads to use; never changes a bit of the result.

    Returns
    -------
    array
        Of the kind of ``x``; convolved axes as ``mode`` says, the others broadcast.

    Raises
    ------
    ShapeError, DTypeError, BorderError, PlanError
        An argument that does not fit.
    OverflowError
        An integer result cannot hold a sum, and ``overflow`` is "raise".

    Notes
    -----
    Accuracy: integers are exact.  Floats have ``|error| <= c * u * max|x| * sum|k|``, ``c`` the number of taps at most.
    Cost: one multiply-add per output and tap.

    Examples
    --------
    >>> convolve([0, 0, 0, 1, 2, 3, 2, 1, 0, 0], [1, 2, 3, 2, 1])
    array([ 0,  0,  0,  1,  4, 10, 16, 19, 16, 10,  4,  1,  0,  0])
    >>> convolve([1.0, 2.0, 4.0], [0.5, 0.5], "causal", border="edge")
    array([1. , 1.5, 3. ])
    >>> convolve([[1, 2, 3], [4, 5, 6]], [1, -1], "valid", axes=1)
    array([[1, 1],
           [1, 1]])
    """
    result = calls.convolved.call(x, k, None, mode, border, stride, dilation, axes, anchor, outputs, dtype, overflow,
                                  method, out, threads, where, nan_policy, min_weight, return_weights)
    if result is not None:
        return result
    words = (mode, border, stride, dilation, axes, anchor, outputs, dtype, overflow)
    if where is not None or nan_policy != "propagate" or min_weight is not None or return_weights:
        choice = (where, nan_policy, min_weight, return_weights)
        return _slide_missing("convolve", x, k, words, method, out, threads, choice)
    return calls.slide("convolve", x, k, words, method, out, threads)


def correlate(x: Any, k: Any, mode: str = "full", *, border: Any = 0, stride: Any = 1, dilation: Any = 1,
              axes: Any = None, anchor: Any = None, outputs: Any = None, where: Any = None,
              nan_policy: str = "propagate", min_weight: float | None = None, return_weights: bool = False,
              dtype: Any = None, overflow: str = "raise", method: str = "auto", out: Any = None,
              threads: int | None = None) -> Any:
    """Correlate an image with a kernel, over any number of axes.

    ``y[n] = sum over t of x[n - reach + t * dilation] * conj(k[t])``, per axis, for ``n`` from 0 to
    ``N + reach - 1`` in mode "full", ``reach = (K - 1) * dilation``; the other modes are parts of that.

    Parameters, results and errors are those of `convolve`.  The kernel is not flipped, a complex one is conjugated, and
    ``anchor`` is ``K // 2`` by default.

    Examples
    --------
    >>> correlate([1, 2, 3, 4], [1, 10])
    array([10, 21, 32, 43,  4])
    >>> correlate([1, 2, 3, 4], [0, 0, 1], "same", anchor=0)
    array([3, 4, 0, 0])
    """
    result = calls.correlated.call(x, k, None, mode, border, stride, dilation, axes, anchor, outputs, dtype, overflow,
                                   method, out, threads, where, nan_policy, min_weight, return_weights)
    if result is not None:
        return result
    words = (mode, border, stride, dilation, axes, anchor, outputs, dtype, overflow)
    if where is not None or nan_policy != "propagate" or min_weight is not None or return_weights:
        choice = (where, nan_policy, min_weight, return_weights)
        return _slide_missing("correlate", x, k, words, method, out, threads, choice)
    return calls.slide("correlate", x, k, words, method, out, threads)


def _slide_missing(function: str, x: Any, k: Any, words: calls.Words, method: str, out: Any, threads: int | None,
                   choice: tuple[Any, Any, Any, Any]) -> Any:
    from . import missing  # seldom asked for

    return missing.slide(function, x, k, words, method, out, threads, missing.Choice(*choice))


def autocorrelate(x: Any, *, max_lag: Any = None, normalize: bool = False, return_lags: bool = False) -> Any:
    """Correlate an image with itself, over all its axes.

    ``y[max_lag + lag] = sum over n of x[n + lag] * conj(x[n])`` for ``-max_lag <= lag <= max_lag``.

    Parameters
    ----------
    x : array_like, shape (N, ...)
    max_lag : int or one per axis, optional
        Largest lag, at most ``N - 1``, which is the default.  Only the lags asked for are computed.
    normalize : bool
        Divide by the value at lag zero, so that it becomes 1; integers become float64.
    return_lags : bool
        Return the lags too, ``(result, lags)``: one array, or a tuple with one for each axis.

    Returns
    -------
    array, shape (2 * max_lag + 1, ...)
        Of the kind of ``x``.

    Raises
    ------
    ShapeError
        A lag that is negative or larger than ``N - 1``.

    Examples
    --------
    >>> autocorrelate([1, 2, 3])
    array([ 3,  8, 14,  8,  3])
    >>> autocorrelate([1.0, 2.0, 2.0], max_lag=1, normalize=True)
    array([0.66666667, 1.        , 0.66666667])
    >>> autocorrelate([1, 2, 3], max_lag=1, return_lags=True)
    (array([ 8, 14,  8]), array([-1,  0,  1]))
    """
    array, restore = adopt(x, "autocorrelate", "x")
    lags = _lags(array.shape, max_lag)
    outputs = tuple(slice(extent - 1 - lag, extent + lag) for extent, lag in zip(array.shape, lags, strict=True))
    words = ("full", 0, 1, 1, None, None, outputs, None, "raise")
    result = calls.slide("correlate", array, array, words, "auto", None, None)
    if normalize:
        with np.errstate(invalid="ignore", divide="ignore"):
            ratio = result / result[lags]
        result = ratio.astype(np.float64 if is_integer(result.dtype.name) else result.dtype, copy=False)
    given = result if restore is None else restore(result)
    if not return_lags:
        return given
    every = tuple(np.arange(-lag, lag + 1) for lag in lags)
    return given, every[0] if len(every) == 1 else every


def _lags(shape: tuple[int, ...], max_lag: Any) -> tuple[int, ...]:
    if not shape or 0 in shape:
        raise ShapeError(f"autocorrelate: image {shape} must have at least one axis, and samples along each")
    if max_lag is None:
        return tuple(extent - 1 for extent in shape)
    lags = per_axis("autocorrelate", "max_lag", max_lag, len(shape), least=0)
    for axis, (lag, extent) in enumerate(zip(lags, shape, strict=True)):
        if lag >= extent:
            raise ShapeError(
                f"autocorrelate: max_lag is {lag} along axis {axis}, but {extent} samples have lags up to "
                f"{extent - 1} only")
    return lags


def conv(x: Any, w: Any, bias: Any = None, *, stride: Any = 1, padding: Any = 0, dilation: Any = 1, groups: int = 1,
         border: Any = 0, activation: str | None = None, layout: str = "channels_first", method: str = "auto",
         out: Any = None, threads: int | None = None) -> Any:
    """Compute a convolutional layer: a correlation summed over input channels.

    ``y[b, m, o] = activation(bias[m] + sum over c, t of
    x[b, c, o * stride + t * dilation - before] * w[m, c, t])``, the sum taken over the channels of the group of ``m``.

    Parameters
    ----------
    x : array_like, shape (batch, channels_in, N, ...), or (batch, N, ..., channels_in)
        Image, with any number of spatial axes.
    w : array_like, shape (channels_out, channels_in / groups, K, ...)
        Kernel, in this order for both layouts.
    bias : array_like, shape (channels_out,), optional
    stride, dilation : int or one per axis
    padding : int, "same", "same_lower", "valid", "causal", "full", or one per axis, or a (before, after) pair per axis
        With ``reach = (K - 1) * dilation``, ``O = ceil(N / stride)`` and
        ``total = max((O - 1) * stride + reach + 1 - N, 0)``: "same" pads ``total // 2`` before and the rest after,
        "same_lower" the other way round, "valid" nothing, "causal" ``reach`` before, "full" ``reach`` on both sides.
    groups : int
        Divides the channels; each group sees its own.  ``groups = channels_in`` is a depthwise layer.
    border : number, "edge", "reflect", "symmetric", "wrap", or per axis, or per side
        What the padding is made of, as in `convolve`.
    activation : {"relu", "relu6", "sigmoid", "tanh", "silu", "gelu"}, optional
        Applied to each sum before it is cast; "gelu" is the exact one, with erf.
    layout : {"channels_first", "channels_last"}
    method, out, threads
        As in `convolve`.

    Returns
    -------
    array, shape (batch, channels_out, O, ...), or (batch, O, ..., channels_out)
        Of the kind of ``x``, with ``O = (N + before + after - reach - 1) // stride + 1``.

    Raises
    ------
    ShapeError, DTypeError, BorderError, PlanError
        An argument that does not fit.
    OverflowError
        An integer result cannot hold a sum.

    Examples
    --------
    >>> x = np.arange(8.0).reshape(1, 2, 4)
    >>> w = np.ones((1, 2, 3))
    >>> conv(x, w, np.array([-20.0]), padding="same", activation="relu")
    array([[[0., 0., 4., 0.]]])
    """
    result = calls.layered.call(x, w, bias, stride, padding, 0, dilation, groups, border, activation, layout, method,
                                out, threads)
    if result is not None:
        return result
    words = (stride, padding, 0, dilation, groups, border, activation, layout)
    return calls.layer("conv", x, w, bias, words, method, out, threads)


def conv_transpose(x: Any, w: Any, bias: Any = None, *, stride: Any = 1, padding: Any = 0, output_padding: Any = 0,
                   dilation: Any = 1, groups: int = 1, activation: str | None = None, layout: str = "channels_first",
                   method: str = "auto", out: Any = None, threads: int | None = None) -> Any:
    """Compute a transposed convolutional layer: the adjoint of `conv`.

    ``y[b, m, o] = activation(bias[m] + sum over c, i, t with i * stride + t * dilation - before == o of
    x[b, c, i] * w[c, m, t])``, the sum taken over the channels of the group of ``m``.

    Parameters
    ----------
    x : array_like, shape (batch, channels_in, N, ...), or (batch, N, ..., channels_in)
    w : array_like, shape (channels_in, channels_out / groups, K, ...)
        Kernel, in this order for both layouts.
    bias : array_like, shape (channels_out,), optional
    stride, dilation : int or one per axis
    padding : int, "same", "same_lower", "valid", "causal", "full", or one per axis, or a (before, after) pair per axis
        Outputs that are left out on each side; a name means the adjoint of the `conv` of that name, and "same" and
        "same_lower" give ``N * stride`` outputs.
    output_padding : int or one per axis
        Outputs that are added at the end; smaller than the stride or the dilation.
    groups, activation, layout, method, out, threads
        As in `conv`.

    Returns
    -------
    array, shape (batch, channels_out, O, ...), or (batch, O, ..., channels_out)
        Of the kind of ``x``, with ``O = (N - 1) * stride - before - after + (K - 1) * dilation + output_padding + 1``.

    Raises
    ------
    ShapeError, DTypeError, PlanError
        An argument that does not fit.
    OverflowError
        An integer result cannot hold a sum.

    Examples
    --------
    >>> conv_transpose(np.array([[[1.0, 2.0, 3.0]]]), np.array([[[1.0, 10.0]]]), stride=2)
    array([[[ 1., 10.,  2., 20.,  3., 30.]]])
    """
    result = calls.transposed.call(x, w, bias, stride, padding, output_padding, dilation, groups, 0, activation, layout,
                                   method, out, threads)
    if result is not None:
        return result
    words = (stride, padding, output_padding, dilation, groups, 0, activation, layout)
    return calls.layer("conv_transpose", x, w, bias, words, method, out, threads)


# ---------------------------------------------------------------- plans

def plan(function: Callable[..., Any], *arguments: Any, **options: Any) -> Any:
    """Decide once how a call is computed, and compile it.

    Parameters
    ----------
    function : callable
        `convolve`, `correlate`, `conv`, `conv_transpose`, or a gradient of these two.
    *arguments, **options
        Exactly its arguments, except ``out`` and those for missing values (such a call takes several sums, whose
        plans it keeps by itself).  Any array may be a `Like`.  A kernel or bias given as an array is known to the
        plan; given as a `Like`, it is passed at each call.
    measure : bool
        Time the best methods on made-up data, take the fastest, and remember it: every later plan of the same
        problem on this machine takes it too (see `faltung.wisdom`).
    max_workspace : int, optional
        Most bytes of workspace that a call may take, all threads together.

    Returns
    -------
    Plan
        ``plan(x)``, or ``plan(x, k)``, or ``plan(x, w, bias)`` computes; ``print(plan)`` tells what was decided.

    Raises
    ------
    PlanError
        A function that cannot be planned, an option that it does not have, or a workspace that no method fits.
    ShapeError, DTypeError, BorderError
        As the function itself.

    Notes
    -----
    Many images under one kernel, or many kernels over one image, are one call: axes that are not convolved
    broadcast.  ``correlate(x[:, None], k[None], axes=(2, 3))`` gives every image under every kernel.

    Examples
    --------
    >>> from faltung import Like
    >>> smooth = plan(correlate, Like((4,), "float64"), np.array([0.5, 0.5]), "valid")
    >>> smooth(np.array([1.0, 3.0, 5.0, 7.0]))
    array([2., 4., 6.])
    """
    from . import gradients

    planning = planning_options(options)
    if function in gradients.OPERANDS:
        return gradients.plan_gradient(function, bind(function, arguments, options), planning)
    if function not in (convolve, correlate, conv, conv_transpose):
        called = getattr(function, "__name__", repr(function))
        raise PlanError(f"plan: {called} cannot be planned; pass convolve, correlate, conv or conv_transpose (any "
                        "other function keeps the plans of its sums by itself: just call it again)")
    name = function.__name__
    chosen = bind(function, arguments, options)
    method, threads = chosen.pop("method"), chosen.pop("threads")
    calls.check_method(name, method)
    image, _ = describe(name, "x", chosen.pop("x"))
    if name in ("conv", "conv_transpose"):
        return plan_layer(name, image, chosen, method, threads, planning)
    shape, kernel = describe(name, "k", chosen.pop("k"))
    lowered = lower_sliding(name, image, shape, Sliding(**chosen))
    return calls.make(lowered, name, method, threads, kernel, refine=True, **planning)
