"""Initial values of weights: Kaiming's and Xavier's, with the formulas of their papers.

For weights of shape (out, in, *taps), ``fan_in = in * taps`` and ``fan_out = out * taps``, as in torch.nn.init.  The
same seed gives the same values in float32 and float64, up to rounding.

Sources: K. He et al., "Delving deep into rectifiers" (2015), equations 10 and 14; X. Glorot and Y. Bengio,
"Understanding the difficulty of training deep feedforward neural networks" (2010), equations 12 and 16.
"""

from __future__ import annotations

from collections.abc import Callable
from math import prod, sqrt
from typing import Any

import numpy as np

from ..errors import ShapeError
from ..problem.extents import quote
from .base import LayerError, Shape, check_dtype, generator

Initialiser = Callable[..., np.ndarray]

GAINS = {"linear": 1.0, "sigmoid": 1.0, "tanh": 5.0 / 3.0, "relu": sqrt(2.0), "selu": 0.75}


def gain(nonlinearity: str, slope: float = 0.01) -> float:
    """Factor by which a nonlinearity has to be made up for, so that variances stay as they are.

    1 for "linear" and "sigmoid", 5/3 for "tanh", sqrt(2) for "relu", 3/4 for "selu", and ``sqrt(2 / (1 + slope^2))``
    for "leaky_relu".

    >>> gain("tanh"), gain("leaky_relu", 1.0)
    (1.6666666666666667, 1.0)
    """
    if nonlinearity == "leaky_relu":
        return sqrt(2.0 / (1.0 + slope * slope))
    if nonlinearity not in GAINS:
        raise LayerError(f"gain: nonlinearity {quote(nonlinearity)} is not known; use "
                         f'{", ".join(f"{chr(34)}{name}{chr(34)}" for name in GAINS)} or "leaky_relu"')
    return GAINS[nonlinearity]


def fans(shape: Shape) -> tuple[int, int]:
    """``fan_in`` and ``fan_out`` of weights (out, in, *taps).

    >>> fans((16, 3, 5, 5))
    (75, 400)
    """
    if len(shape) < 2:
        raise ShapeError(f"fans: weights of shape {tuple(shape)} have {len(shape)} axes, but must have at least two: "
                         "(out, in, *taps)")
    taps = prod(shape[2:])
    return shape[1] * taps, shape[0] * taps


def kaiming_uniform(shape: Shape, *, slope: float = 0.0, nonlinearity: str = "leaky_relu", mode: str = "fan_in",
                    seed: Any = None, dtype: Any = "float32") -> np.ndarray:
    """Draw weights from ``U(-b, b)`` with ``b = gain * sqrt(3 / fan)``.

    Parameters
    ----------
    shape : tuple of int
        (out, in, *taps).
    slope : float
        Slope of "leaky_relu" for negative values.
    nonlinearity : str
        What follows the layer, see `gain`.
    mode : {"fan_in", "fan_out"}
        Keep the variance of the forward or of the backward pass.
    seed : int or numpy.random.Generator, optional
    dtype : {"float32", "float64"}

    Returns
    -------
    ndarray, shape ``shape``

    Examples
    --------
    >>> bool(abs(kaiming_uniform((8, 3, 3, 3), seed=1)).max() <= (2 * 3 / 27) ** 0.5)
    True
    """
    bound = gain(nonlinearity, slope) * sqrt(3.0 / _fan("kaiming_uniform", shape, mode))
    return uniform(shape, bound=bound, seed=seed, dtype=dtype)


def kaiming_normal(shape: Shape, *, slope: float = 0.0, nonlinearity: str = "leaky_relu", mode: str = "fan_in",
                   seed: Any = None, dtype: Any = "float32") -> np.ndarray:
    """Draw weights from ``N(0, s^2)`` with ``s = gain / sqrt(fan)``.

    Parameters are those of `kaiming_uniform`.

    >>> kaiming_normal((8, 3, 3, 3), seed=1).shape
    (8, 3, 3, 3)
    """
    deviation = gain(nonlinearity, slope) / sqrt(_fan("kaiming_normal", shape, mode))
    return normal(shape, deviation=deviation, seed=seed, dtype=dtype)


def xavier_uniform(shape: Shape, *, gain: float = 1.0, seed: Any = None, dtype: Any = "float32") -> np.ndarray:
    """Draw weights from ``U(-b, b)`` with ``b = gain * sqrt(6 / (fan_in + fan_out))``.

    >>> xavier_uniform((8, 3), seed=1).shape
    (8, 3)
    """
    return uniform(shape, bound=gain * sqrt(6.0 / sum(fans(shape))), seed=seed, dtype=dtype)


def xavier_normal(shape: Shape, *, gain: float = 1.0, seed: Any = None, dtype: Any = "float32") -> np.ndarray:
    """Draw weights from ``N(0, s^2)`` with ``s = gain * sqrt(2 / (fan_in + fan_out))``.

    >>> xavier_normal((8, 3), seed=1).shape
    (8, 3)
    """
    return normal(shape, deviation=gain * sqrt(2.0 / sum(fans(shape))), seed=seed, dtype=dtype)


def uniform(shape: Shape, *, bound: float, seed: Any = None, dtype: Any = "float32") -> np.ndarray:
    """Draw values from ``U(-bound, bound)``."""
    kind = check_dtype("uniform", dtype)
    return generator(seed).uniform(-bound, bound, tuple(shape)).astype(kind)


def normal(shape: Shape, *, deviation: float, seed: Any = None, dtype: Any = "float32") -> np.ndarray:
    """Draw values from ``N(0, deviation^2)``."""
    kind = check_dtype("normal", dtype)
    return (deviation * generator(seed).standard_normal(tuple(shape))).astype(kind)


def _fan(function: str, shape: Shape, mode: str) -> int:
    if mode not in ("fan_in", "fan_out"):
        raise LayerError(f'{function}: mode {quote(mode)} is not known; use "fan_in" or "fan_out"')
    return max(1, fans(shape)[mode == "fan_out"])


NAMED: dict[str, Initialiser] = {
    "kaiming_uniform": kaiming_uniform, "kaiming_normal": kaiming_normal,
    "xavier_uniform": xavier_uniform, "xavier_normal": xavier_normal,
}


def draw(where: str, initialiser: Any, shape: Shape, rng: np.random.Generator, dtype: np.dtype[Any]) -> np.ndarray:
    """Weights of a layer; by default torch's, ``U(-b, b)`` with ``b = 1 / sqrt(fan_in)``."""
    if initialiser is None:
        return kaiming_uniform(shape, slope=sqrt(5.0), seed=rng, dtype=dtype)
    function = NAMED.get(initialiser) if isinstance(initialiser, str) else initialiser
    if not callable(function):
        raise LayerError(f"{where}: initialiser {quote(initialiser)} is not known; use "
                         f'{", ".join(f"{chr(34)}{name}{chr(34)}" for name in NAMED)}, or a function '
                         "(shape, *, seed, dtype) -> array")
    values = np.asarray(function(shape, seed=rng, dtype=dtype))
    if values.shape != shape:
        raise ShapeError(f"{where}: expected weights of shape {shape} from the initialiser, given {values.shape}")
    return np.array(values, dtype, order="C")


def draw_bias(fan_in: int, count: int, rng: np.random.Generator, dtype: np.dtype[Any]) -> np.ndarray:
    """Biases as torch draws them: ``U(-b, b)`` with ``b = 1 / sqrt(fan_in)``."""
    return uniform((count,), bound=1.0 / sqrt(max(1, fan_in)), seed=rng, dtype=dtype)
