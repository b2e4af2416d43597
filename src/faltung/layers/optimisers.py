"""How a step goes downhill: SGD, Adam and AdamW, rates that change, gradients that are clipped.

The formulas and their order are torch's, so that a step gives the same numbers to rounding.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from math import isfinite, sqrt
from typing import Any

import numpy as np

from ..compiler.memory import address
from ..errors import ShapeError
from .base import Layer, LayerError, Parameter
from .code import steps
from .programs import CHUNK, bits, kind_of, program

Schedule = Callable[[int], float]
Given = tuple[str, np.ndarray, np.ndarray]
"""Name, value and gradient of a parameter."""


class Optimiser:
    """What all optimisers share.

    Parameters
    ----------
    parameters : Layer, or dict of Parameter
        What is trained.
    rate : float or callable
        Learning rate, or a schedule: a function of the number of steps done so far.
    """

    def __init__(self, parameters: Layer | Mapping[str, Parameter], rate: float | Schedule, **numbers: float) -> None:
        self.name = type(self).__name__
        self.parameters = dict(parameters.parameters if isinstance(parameters, Layer) else parameters)
        if not self.parameters:
            raise LayerError(f"{self.name}: there are no parameters to train; give a layer that has some")
        self.rate = rate
        if not callable(rate):
            numbers = {"rate": rate, **numbers}
        for argument, value in numbers.items():
            if isinstance(value, bool) or not isinstance(value, int | float | np.number) or not value >= 0:
                raise LayerError(f"{self.name}: {argument}={value!r} must be a number of at least 0")
        self.steps = 0
        self._state: dict[str, dict[str, np.ndarray]] = {}

    @property
    def current_rate(self) -> float:
        """Learning rate of the next step."""
        return float(self.rate(self.steps)) if callable(self.rate) else float(self.rate)

    def step(self) -> None:
        """Change every parameter that has a gradient, in place."""
        rate = self.current_rate
        self.steps += 1
        self._change_all([(name, parameter.value, parameter.gradient) for name, parameter in self.parameters.items()
                          if parameter.gradient is not None], rate)

    def _change_all(self, given: list[Given], rate: float) -> None:
        for name, value, gradient in given:
            self._change(name, value, gradient, rate)

    def _change(self, name: str, value: np.ndarray, gradient: np.ndarray, rate: float) -> None:
        raise NotImplementedError

    def forget_gradients(self) -> None:
        """Drop all gradients, so that accumulating parameters begin anew."""
        for parameter in self.parameters.values():
            parameter.gradient = None

    def _fresh(self, value: np.ndarray) -> dict[str, np.ndarray]:
        """Running arrays of a parameter before its first step."""
        return {}

    def _running(self, name: str, value: np.ndarray) -> list[np.ndarray]:
        if name not in self._state:
            self._state[name] = self._fresh(value)
        return list(self._state[name].values())

    # --- checkpoints

    def state(self) -> dict[str, np.ndarray]:
        """All that a resumed training needs: the number of steps, and the running arrays by parameter and kind."""
        found = {"steps": np.array(self.steps, np.int64)}
        for name, arrays in self._state.items():
            found.update({f"{kind}.{name}": array.copy() for kind, array in arrays.items()})
        return found

    def restore(self, state: Mapping[str, np.ndarray]) -> None:
        """Go on from a `state`; it is checked first, and nothing changes if it does not fit."""
        if "steps" not in state:
            raise LayerError(f'{self.name}: the state has no entry "steps"; give what state() returned')
        loaded: dict[str, dict[str, np.ndarray]] = {}
        for key, array in state.items():
            if key != "steps":
                kind, _, name = key.partition(".")
                loaded.setdefault(name, {})[kind] = self._fitting(key, kind, name, array)
        for name, arrays in loaded.items():
            if absent := [kind for kind in self._fresh(self.parameters[name].value) if kind not in arrays]:
                raise LayerError(f'{self.name}: the state has no entry "{absent[0]}.{name}"; give what '
                                 "state() returned")
        self.steps = int(state["steps"])
        self._state = {name: {kind: arrays[kind] for kind in self._fresh(self.parameters[name].value)}
                       for name, arrays in loaded.items()}

    def _fitting(self, key: str, kind: str, name: str, array: np.ndarray) -> np.ndarray:
        expected = self._fresh(self.parameters[name].value) if name in self.parameters else {}
        if kind not in expected:
            raise LayerError(f'{self.name}: the state\'s entry "{key}" belongs to no parameter of this optimiser; give '
                             "the state of one like it")
        if np.shape(array) != expected[kind].shape:
            raise ShapeError(f'{self.name}: the state\'s entry "{key}" must have shape {expected[kind].shape}, not '
                             f"{np.shape(array)}")
        return np.array(array, expected[kind].dtype)

    def __repr__(self) -> str:
        count = sum(parameter.value.size for parameter in self.parameters.values())
        return f"{self.name}({count:,} parameters, rate {self.current_rate:g}, {self.steps} steps done)"


class SGD(Optimiser):
    """Stochastic gradient descent, with momentum.

    ``g = gradient + weight_decay * p``; with momentum ``v = momentum * v + (1 - dampening) * g`` (in the first step
    ``v = g``) and ``g = v``, or ``g = g + momentum * v`` with Nesterov's; then ``p = p - rate * g``.
    I. Sutskever et al., "On the importance of initialization and momentum in deep learning" (2013), in torch's form.

    Parameters
    ----------
    parameters, rate
        As in `Optimiser`.
    momentum, dampening, weight_decay : float
    nesterov : bool
        Needs a momentum, and no dampening.

    Examples
    --------
    >>> p = Parameter(np.array([1.0]))
    >>> p.gradient = np.array([0.5])
    >>> SGD({"p": p}, 0.1).step()
    >>> p.value
    array([0.95])
    """

    def __init__(self, parameters: Layer | Mapping[str, Parameter], rate: float | Schedule = 0.01, *,
                 momentum: float = 0.0, dampening: float = 0.0, nesterov: bool = False,
                 weight_decay: float = 0.0) -> None:
        super().__init__(parameters, rate, momentum=momentum, dampening=dampening, weight_decay=weight_decay)
        if nesterov and (momentum <= 0 or dampening != 0):
            raise LayerError(f"SGD: nesterov=True needs a momentum above 0 and no dampening, but they are {momentum:g} "
                             f"and {dampening:g}")
        self.momentum, self.dampening = momentum, dampening
        self.nesterov, self.weight_decay = nesterov, weight_decay

    def _change(self, name: str, value: np.ndarray, gradient: np.ndarray, rate: float) -> None:
        if self.weight_decay:
            gradient = gradient + self.weight_decay * value
        if self.momentum:
            first = name not in self._state
            (velocity,) = self._running(name, value)
            if first:
                velocity += gradient
            else:
                velocity *= self.momentum
                velocity += gradient if self.dampening == 0 else (1 - self.dampening) * gradient
            gradient = gradient + self.momentum * velocity if self.nesterov else velocity
        value -= rate * gradient

    def _fresh(self, value: np.ndarray) -> dict[str, np.ndarray]:
        return {"velocity": np.zeros_like(value)}


class Adam(Optimiser):
    """Steps by the running means of the gradient and of its square.

    ``m = beta1 * m + (1 - beta1) * g``, ``v = beta2 * v + (1 - beta2) * g^2``, and after ``t`` steps
    ``p = p - rate / (1 - beta1^t) * m / (sqrt(v / (1 - beta2^t)) + epsilon)``.
    D. Kingma and J. Ba, "Adam" (2015), algorithm 1.  Weight decay is added to the gradient; see `AdamW`.

    Parameters
    ----------
    parameters, rate
        As in `Optimiser`.
    betas : (float, float)
        From 0, below 1.
    epsilon, weight_decay : float

    Examples
    --------
    >>> p = Parameter(np.array([1.0]))
    >>> p.gradient = np.array([0.5])
    >>> Adam({"p": p}, 0.1).step()
    >>> p.value.round(6)
    array([0.9])
    """

    def __init__(self, parameters: Layer | Mapping[str, Parameter], rate: float | Schedule = 0.001, *,
                 betas: tuple[float, float] = (0.9, 0.999), epsilon: float = 1e-8, weight_decay: float = 0.0) -> None:
        super().__init__(parameters, rate, epsilon=epsilon, weight_decay=weight_decay)
        if len(betas) != 2 or not all(0 <= beta < 1 for beta in betas):
            raise LayerError(f"{self.name}: betas={betas!r} must be two numbers of at least 0 and below 1")
        self.betas, self.epsilon, self.weight_decay = betas, epsilon, weight_decay
        self._places: dict[str, tuple[np.ndarray, dict[str, np.ndarray], tuple[int, int, int]]] = {}

    _decays = "added"
    """How `steps` calls this kind of weight decay."""

    def _change_all(self, given: list[Given], rate: float) -> None:
        """One program for all parameters that lie as it reads them; the bits are those of `_change`."""
        kind = given[0][1].dtype if given else None
        if not all(_is_plain(value, gradient, kind) for _, value, gradient in given) or _shared(given):
            super()._change_all(given, rate)
            return
        cells: list[int] = []
        numbers: dict[int, list[int]] = {}
        for name, value, gradient in given:
            count, places = self._known(name, value)
            count += 1
            taken = int(count)
            if taken not in numbers:
                numbers[taken] = self._numbers(taken, rate)
            cells += _items(places, address(gradient), value, numbers[taken])
        if cells:
            decay = "" if not self.weight_decay else self._decays
            program(steps.emit_adam, decay, kind_of(given[0][1]))(
                cells, len(cells) // steps.CELLS, sum(value.size for _, value, _ in given))

    def _known(self, name: str, value: np.ndarray) -> tuple[np.ndarray, tuple[int, int, int]]:
        """A parameter's count of steps, and the addresses of its value, mean and square."""
        mean, square, count = self._running(name, value)
        known, state = self._places.get(name), self._state[name]
        if known is None or known[0] is not value or known[1] is not state:
            known = self._places[name] = value, state, (address(value), address(mean), address(square))
        return count, known[2]

    def _numbers(self, taken: int, rate: float) -> list[int]:
        """By what elements change in the step of that number."""
        beta1, beta2 = self.betas
        numbers = (1 - beta1, beta2, 1 - beta2, sqrt(1 - beta2**taken), self.epsilon, rate / (1 - beta1**taken),
                   self._decay_number(rate))
        return [bits(number) for number in numbers]

    def _decay_number(self, rate: float) -> float:
        return self.weight_decay

    def _change(self, name: str, value: np.ndarray, gradient: np.ndarray, rate: float) -> None:
        gradient = self._decay(value, gradient, rate)
        first, second, count = self._running(name, value)
        count += 1
        steps, (beta1, beta2) = int(count), self.betas
        first += (1 - beta1) * (gradient - first)
        second *= beta2
        second += (1 - beta2) * (gradient * gradient)
        denominator = np.sqrt(second)
        denominator /= sqrt(1 - beta2**steps)
        denominator += self.epsilon
        np.divide(first, denominator, out=denominator)
        denominator *= rate / (1 - beta1**steps)
        value -= denominator

    def _decay(self, value: np.ndarray, gradient: np.ndarray, rate: float) -> np.ndarray:
        """The gradient with its weight decay."""
        return gradient + self.weight_decay * value if self.weight_decay else gradient

    def _fresh(self, value: np.ndarray) -> dict[str, np.ndarray]:
        # Each parameter counts its own steps: those without a gradient sit out.
        return {"mean": np.zeros_like(value), "square": np.zeros_like(value), "count": np.zeros((), np.int64)}


class AdamW(Adam):
    """`Adam` with weight decay apart from the gradient: first ``p = p * (1 - rate * weight_decay)``.

    I. Loshchilov and F. Hutter, "Decoupled weight decay regularization" (2019), algorithm 2, in torch's form.

    Parameters
    ----------
    parameters, rate, betas, epsilon, weight_decay
        As in `Adam`.
    """

    _decays = "apart"

    def __init__(self, parameters: Layer | Mapping[str, Parameter], rate: float | Schedule = 0.001, *,
                 betas: tuple[float, float] = (0.9, 0.999), epsilon: float = 1e-8, weight_decay: float = 0.01) -> None:
        super().__init__(parameters, rate, betas=betas, epsilon=epsilon, weight_decay=weight_decay)

    def _decay(self, value: np.ndarray, gradient: np.ndarray, rate: float) -> np.ndarray:
        value *= self._decay_number(rate)
        return gradient

    def _decay_number(self, rate: float) -> float:
        return 1 - rate * self.weight_decay


def _is_plain(value: np.ndarray, gradient: np.ndarray, kind: np.dtype[Any] | None) -> bool:
    """Whether generated code reads both where they lie."""
    return (value.flags.carray and gradient.flags.carray and value.dtype == gradient.dtype == kind
            and value.shape == gradient.shape and kind.isnative and kind.char in "fd")


def _shared(given: list[Given]) -> bool:
    """Whether a parameter stands there under two names; its steps then follow each other."""
    return len({id(value) for _, value, _ in given}) < len(given)


def _items(places: tuple[int, int, int], gradient: int, value: np.ndarray, numbers: list[int]) -> list[int]:
    """Rows of the program's context: each says where a stretch of elements lies, and by what they change."""
    (at, mean, square), cells, size = places, [], value.size
    for first in range(0, size, CHUNK):
        far = first * value.itemsize
        cells += [at + far, gradient + far, mean + far, square + far, min(CHUNK, size - first), *numbers]
    return cells


def clip_norm(parameters: Layer | Mapping[str, Parameter], limit: float) -> float:
    """Scale all gradients together so that their norm is at most ``limit``.

    ``g = g * min(1, limit / (norm + 1e-6))`` with ``norm = sqrt(sum of all g^2)``, as torch has it.

    Returns
    -------
    float
        The norm as it was; infinite or NaN if a gradient is, and then all gradients are left alone.

    Examples
    --------
    >>> p = Parameter(np.zeros(2))
    >>> p.gradient = np.array([3.0, 4.0])
    >>> clip_norm({"p": p}, 1.0), p.gradient.round(4)
    (5.0, array([0.6, 0.8]))
    """
    if isinstance(limit, bool) or not isinstance(limit, int | float | np.number) or not limit > 0:
        raise LayerError(f"clip_norm: limit={limit!r} must be a number above 0")
    given = parameters.parameters if isinstance(parameters, Layer) else parameters
    gradients = [parameter.gradient for parameter in given.values() if parameter.gradient is not None]
    norm = sqrt(sum(float(np.square(gradient, dtype=np.float64).sum()) for gradient in gradients))
    factor = float(limit) / (norm + 1e-6)
    if factor < 1 and isfinite(norm):
        for parameter in given.values():
            if parameter.gradient is not None:
                parameter.gradient = parameter.gradient * parameter.gradient.dtype.type(factor)
    return norm
