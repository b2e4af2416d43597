"""Losses: one number for how wrong a prediction is, and its gradient by the prediction."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..errors import DTypeError, ShapeError
from ..problem.extents import quote
from .base import DTYPES, LayerError, Shape

REDUCTIONS = ("mean", "sum")


class Loss:
    """What all losses share.

    ``forward(prediction, target)`` gives the loss as a float, summed in float64; ``backward()`` then gives the gradient
    by the prediction, of its shape and dtype.
    """

    def __init__(self, *, reduction: str = "mean") -> None:
        self.name = type(self).__name__
        if reduction not in REDUCTIONS:
            raise LayerError(f'{self.name}: reduction {quote(reduction)} is not known; use "mean" or "sum"')
        self.reduction = reduction
        self._gradient: np.ndarray | None = None

    def forward(self, prediction: np.ndarray, target: Any) -> float:
        """Compute the loss, and keep what `backward` needs."""
        raise NotImplementedError

    def __call__(self, prediction: np.ndarray, target: Any) -> float:
        """Call `forward`."""
        return self.forward(prediction, target)

    def backward(self) -> np.ndarray:
        """Gradient of the last loss by its prediction."""
        if self._gradient is None:
            raise LayerError(f"{self.name}: backward needs a loss; call forward(prediction, target) first")
        gradient, self._gradient = self._gradient, None
        return gradient

    def _prediction(self, prediction: Any) -> np.ndarray:
        array = np.asarray(prediction)
        if array.dtype.name not in DTYPES:
            raise DTypeError(f"{self.name}: prediction has dtype {array.dtype}, but must be float32 or float64; "
                             'convert it, prediction.astype("float32")')
        if array.size == 0:
            raise ShapeError(f"{self.name}: prediction {array.shape} is empty; it must have at least one value")
        return array

    def _pair(self, prediction: Any, target: Any) -> tuple[np.ndarray, np.ndarray]:
        """Prediction and target, of one shape and dtype."""
        array = self._prediction(prediction)
        goal = np.asarray(target)
        if goal.shape != array.shape:
            raise ShapeError(f"{self.name}: target {goal.shape} must have the shape of the prediction {array.shape}")
        if goal.dtype.kind not in "biuf":
            raise DTypeError(f"{self.name}: target has dtype {goal.dtype}, but must be real numbers")
        return array, goal.astype(array.dtype, copy=False)

    def _reduce(self, losses: np.ndarray, gradient: np.ndarray, count: float) -> float:
        """Sum or mean over ``count`` values; keeps the gradient."""
        total = float(losses.sum(dtype=np.float64))
        if self.reduction == "mean":
            gradient = gradient * gradient.dtype.type(1.0 / count) if count else gradient * gradient.dtype.type(np.nan)
            total = total / count if count else float("nan")
        self._gradient = gradient
        return total

    def __repr__(self) -> str:
        return f"{self.name}({self.reduction})"


class MeanSquare(Loss):
    """Mean of squares: ``mean((prediction - target)^2)``.

    >>> loss = MeanSquare()
    >>> loss(np.array([1.0, 4.0]), np.array([1.0, 2.0])), loss.backward()
    (2.0, array([0., 2.]))
    """

    def forward(self, prediction: np.ndarray, target: Any) -> float:
        """Compute the loss; the target has the prediction's shape."""
        array, goal = self._pair(prediction, target)
        difference = array - goal
        return self._reduce(difference * difference, 2 * difference, array.size)


class L1(Loss):
    """Mean of distances: ``mean(|prediction - target|)``; where they are equal the gradient is 0.

    >>> loss = L1()
    >>> loss(np.array([1.0, 4.0]), np.array([1.0, 2.0])), loss.backward()
    (1.0, array([0. , 0.5]))
    """

    def forward(self, prediction: np.ndarray, target: Any) -> float:
        """Compute the loss; the target has the prediction's shape."""
        array, goal = self._pair(prediction, target)
        difference = array - goal
        return self._reduce(np.abs(difference), np.sign(difference), array.size)


class BinaryCrossEntropy(Loss):
    """Cross entropy of two classes: ``-mean(w * t * log(p) + (1 - t) * log(1 - p))`` with ``p = sigmoid(prediction)``.

    With ``m = log(1 + exp(-|z|))`` the two logarithms are ``log(p) = min(z, 0) - m`` and
    ``log(1 - p) = -max(z, 0) - m``: nothing overflows, and nothing is cancelled.

    Parameters
    ----------
    logits : bool
        If False, the prediction is the probability ``p`` itself, from 0 to 1; its logarithms are cut at -100.
    positive_weight : float or array_like
        ``w``: weight of the positive class, broadcast to the prediction.
    reduction : {"mean", "sum"}

    Examples
    --------
    >>> round(BinaryCrossEntropy()(np.array([0.0, 100.0]), [1, 1]), 6)
    0.346574
    """

    def __init__(self, *, logits: bool = True, positive_weight: Any = 1.0, reduction: str = "mean") -> None:
        super().__init__(reduction=reduction)
        self.logits, self.positive_weight = logits, positive_weight

    def forward(self, prediction: np.ndarray, target: Any) -> float:
        """Compute the loss; targets have the prediction's shape and lie from 0 to 1."""
        array, goal = self._pair(prediction, target)
        self._check_range("target", goal)
        weight = np.asarray(self.positive_weight, array.dtype)
        if self.logits:
            small = np.exp(-np.abs(array))
            rest = np.log1p(small)
            losses = weight * goal * (rest - np.minimum(array, 0)) + (1 - goal) * (rest + np.maximum(array, 0))
            positive = np.where(array >= 0, 1, small) / (1 + small)
            gradient = positive * (1 - goal + weight * goal) - weight * goal
        else:
            self._check_range("prediction", array)
            with np.errstate(divide="ignore"):
                of_one, of_zero = np.maximum(np.log(array), -100), np.maximum(np.log1p(-array), -100)
            losses = -(weight * goal * of_one + (1 - goal) * of_zero)
            floor = array.dtype.type(1e-12)
            gradient = (1 - goal) / np.maximum(1 - array, floor) - weight * goal / np.maximum(array, floor)
        return self._reduce(losses, gradient.astype(array.dtype, copy=False), array.size)

    def _check_range(self, argument: str, values: np.ndarray) -> None:
        outside = (values < 0) | (values > 1)
        if outside.any():
            place = tuple(int(index) for index in np.argwhere(outside)[0])
            hint = "; use logits=True for values before the sigmoid" if argument == "prediction" else ""
            raise LayerError(f"{self.name}: {argument} is {values[place]} at {place}, but must be from 0 to 1{hint}")


class CrossEntropy(Loss):
    """Cross entropy of classes: ``-mean over b of sum over c of t[b, c] * log_softmax(prediction[b])[c]``.

    With classes as whole numbers, ``t`` is 1 at the class and 0 elsewhere; smoothing makes that
    ``(1 - s) * t + s / classes``.  The gradient is ``softmax(prediction) - t``, divided by the number of targets (by
    the sum of their weights).

    Parameters
    ----------
    label_smoothing : float
        ``s``, from 0 to 1.
    weight : array_like, shape (classes,), optional
        Weight of each class; the mean is then weighted.
    ignore : int, optional
        A target that does not count.
    reduction : {"mean", "sum"}

    Examples
    --------
    >>> loss = CrossEntropy()
    >>> round(loss(np.array([[2.0, 0.0], [0.0, 0.0]]), [0, 1]), 6)
    0.410038
    >>> loss.backward().round(3)
    array([[-0.06,  0.06],
           [ 0.25, -0.25]])
    """

    def __init__(self, *, label_smoothing: float = 0.0, weight: Any = None, ignore: int | None = None,
                 reduction: str = "mean") -> None:
        super().__init__(reduction=reduction)
        if not 0 <= label_smoothing <= 1:
            raise LayerError(f"CrossEntropy: label_smoothing={label_smoothing!r} must be from 0 to 1")
        self.label_smoothing, self.ignore = float(label_smoothing), ignore
        self.weight = None if weight is None else np.asarray(weight, np.float64)

    def forward(self, prediction: np.ndarray, target: Any) -> float:
        """Compute the loss.

        Parameters
        ----------
        prediction : ndarray, shape (batch, classes, ...)
            Scores before the softmax.
        target : array_like, shape (batch, ...) of integers, or the prediction's shape of floats
            Classes from 0, or the probability of each class.
        """
        array = self._prediction(prediction)
        if array.ndim < 2:
            raise ShapeError(f"CrossEntropy: prediction {array.shape} must have at least two axes, (batch, classes)")
        weight = self._class_weight(array.shape[1])
        goal = np.asarray(target)
        if self._is_plain(array, goal):
            return self._of_classes(array, goal)
        if goal.shape == array.shape and goal.dtype.kind == "f":
            shares, norm = goal.astype(array.dtype), float(array.size // array.shape[1])
            shares = self._smooth(shares)
            if weight is not None:
                shares = shares * _along_classes(weight, array.ndim).astype(array.dtype)
        else:
            shares, norm = self._shares(goal, array.shape, array.dtype, weight)
        shifted = array - array.max(axis=1, keepdims=True)
        powers = np.exp(shifted)
        sums = powers.sum(axis=1, keepdims=True)
        # A class that does not count may be impossible: its logarithm is then -inf, and 0 * inf would be NaN.
        losses = np.multiply(shares, np.log(sums) - shifted, out=np.zeros_like(shares), where=shares != 0)
        gradient = powers / sums * shares.sum(axis=1, keepdims=True) - shares
        return self._reduce(losses, gradient, norm)

    def _is_plain(self, array: np.ndarray, goal: np.ndarray) -> bool:
        """Whether every row has one class, all of which count the same."""
        return (self.weight is None is self.ignore and not self.label_smoothing and array.ndim == 2
                and goal.shape == array.shape[:1] and goal.dtype.kind in "iu"
                and bool(goal.min() >= 0 and goal.max() < array.shape[1]))

    def _of_classes(self, array: np.ndarray, goal: np.ndarray) -> float:
        """The usual case, with a third of the operations; the gradient has the bits of the others."""
        rows = np.arange(len(goal))
        shifted = array - array.max(axis=1, keepdims=True)
        gradient = np.exp(shifted)
        sums = gradient.sum(axis=1, keepdims=True)
        losses = np.log(sums[:, 0]) - shifted[rows, goal]
        gradient /= sums
        gradient[rows, goal] -= 1
        return self._reduce(losses, gradient, len(goal))

    def _smooth(self, shares: np.ndarray) -> np.ndarray:
        smoothing = shares.dtype.type(self.label_smoothing)
        return (1 - smoothing) * shares + smoothing / shares.shape[1] if self.label_smoothing else shares

    def _shares(self, goal: np.ndarray, shape: Shape, dtype: np.dtype[Any],
                weight: np.ndarray | None) -> tuple[np.ndarray, float]:
        """What each class counts at each place, and the sum of the weights of all targets."""
        classes, counts = self._check_classes(goal, shape)
        shares = np.zeros(shape, dtype)
        np.put_along_axis(shares, np.expand_dims(classes, 1), 1, axis=1)
        shares = self._smooth(shares)
        norm = float(counts.sum())
        if weight is not None:
            shares = shares * _along_classes(weight, len(shape)).astype(dtype)
            norm = float((weight[classes] * counts).sum())
        if not counts.all():
            shares = shares * np.expand_dims(counts, 1)
        return shares, norm

    def _check_classes(self, goal: np.ndarray, shape: Shape) -> tuple[np.ndarray, np.ndarray]:
        """Classes, 0 where they do not count, and whether they do."""
        expected = (shape[0], *shape[2:])
        if goal.shape != expected:
            raise ShapeError(f"CrossEntropy: target {goal.shape} must have the shape {expected} of a prediction "
                             f"{shape}, one class for each place (or, as floats, the prediction's own shape)")
        if goal.dtype.kind not in "iu":
            raise DTypeError(f"CrossEntropy: target has dtype {goal.dtype}, but classes must be whole numbers; convert "
                             'it, target.astype("int64")')
        counts = np.ones(goal.shape, bool) if self.ignore is None else goal != self.ignore
        outside = counts & ((goal < 0) | (goal >= shape[1]))
        if outside.any():
            place = tuple(int(index) for index in np.argwhere(outside)[0])
            raise LayerError(f"CrossEntropy: target is {goal[place]} at {place}, but the prediction has {shape[1]} "
                             f"classes, 0 to {shape[1] - 1}")
        return np.where(counts, goal, 0).astype(np.intp), counts

    def _class_weight(self, classes: int) -> np.ndarray | None:
        if self.weight is not None and self.weight.shape != (classes,):
            raise ShapeError(f"CrossEntropy: weight {self.weight.shape} must have one value for each of the {classes} "
                             "classes")
        return self.weight


def _along_classes(weight: np.ndarray, ndim: int) -> np.ndarray:
    """One value per class, seen along axis 1."""
    return weight.reshape(1, -1, *(1,) * (ndim - 2))
