"""What every layer has: parameters, forward, backward, shapes, cost, and a place in a network."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import suppress
from typing import Any, NamedTuple

import numpy as np

from ..errors import DTypeError, FaltungError, ShapeError
from ..problem.extents import quote

Shape = tuple[int, ...]
DTYPES = ("float32", "float64")


class LayerError(FaltungError, ValueError):
    """A layer, loss or optimiser that is used in the wrong order, or an option that cannot be."""


class Cost(NamedTuple):
    """What one forward pass takes.

    ``bytes`` is what it has to read and write at least once: input, parameters and output.
    """

    parameters: int
    multiply_adds: int
    bytes: int


def total_cost(costs: Iterable[Cost]) -> Cost:
    """Sum of costs, member by member.

    >>> total_cost([Cost(1, 2, 3), Cost(10, 20, 30)])
    Cost(parameters=11, multiply_adds=22, bytes=33)
    """
    parts = list(costs)
    return Cost(sum(cost.parameters for cost in parts), sum(cost.multiply_adds for cost in parts),
                sum(cost.bytes for cost in parts))


class Parameter:
    """An array that training changes, and the gradient of the loss by it.

    Attributes
    ----------
    value : ndarray
        float32 or float64; change it in place, or assign an array of the same shape and dtype.
    gradient : ndarray or None
        Of the same shape and dtype.  ``backward`` sets it.
    accumulate : bool
        Let ``backward`` add to the gradient that is there, instead of replacing it: for a batch in several parts.
        Set ``gradient = None`` to begin anew.
    """

    __slots__ = ("accumulate", "gradient", "value")

    def __init__(self, value: np.ndarray) -> None:
        self.value = value
        self.gradient: np.ndarray | None = None
        self.accumulate = False

    def receive(self, gradient: np.ndarray) -> None:
        """Take the gradient of one backward pass."""
        if self.accumulate and self.gradient is not None:
            self.gradient = self.gradient + gradient
        else:
            self.gradient = gradient

    def __repr__(self) -> str:
        state = "no gradient yet" if self.gradient is None else "with its gradient"
        return f"Parameter({self.value.shape} {self.value.dtype}, {state})"


class Layer:
    """A function of an array with a derivative.

    ``forward`` computes ``y = f(x)``; ``backward`` takes the gradient of the loss by ``y``, gives that by ``x``, and
    sets that by every parameter.  Arrays are (batch, channels, ...).

    A subclass calls ``super().__init__``, puts its own parameters into ``self._parameters``, its buffers into
    ``self._buffers`` (they are changed in place) and its children in with `add`, and writes `forward`, `backward` and
    `output_shape`.  In training ``forward`` ends with ``self._keep(...)``, and ``backward`` begins with
    ``self._recall()``.

    Attributes
    ----------
    name : str
        The kind of layer, as messages call it.
    path : str
        Its place in a network, such as "network.2"; empty if it stands alone.
    dtype : numpy.dtype or None
        What it computes in; None if it takes float32 and float64.
    input_gradient : bool
        Set it to False where nobody needs the gradient by the input, as in the first layer of a network: ``backward``
        may then save that work and return None.
    children : dict of Layer
    """

    name: str = "Layer"
    input_gradient: bool = True

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        if "name" not in cls.__dict__:
            cls.name = cls.__name__

    def __init__(self, *, dtype: Any = None) -> None:
        self.path = ""
        self.dtype = None if dtype is None else check_dtype(self.name, dtype)
        self.children: dict[str, Layer] = {}
        self._parameters: dict[str, Parameter] = {}
        self._buffers: dict[str, np.ndarray] = {}
        self._kept: Any = None

    # --- what a subclass writes

    def forward(self, x: np.ndarray, *, training: bool = False) -> np.ndarray:
        """Compute the layer.

        Parameters
        ----------
        x : ndarray, shape (batch, channels, ...)
        training : bool
            Keep what `backward` needs, and behave as in training (dropout, batch normalisation).

        Returns
        -------
        ndarray, shape ``output_shape(x.shape)``
        """
        raise NotImplementedError

    def backward(self, dy: np.ndarray) -> Any:
        """Carry a gradient through the last ``forward(x, training=True)``.

        Parameters
        ----------
        dy : ndarray
            Gradient by the layer's result.

        Returns
        -------
        ndarray
            Gradient by ``x``; None if ``input_gradient`` is False and the layer saves that work.
        """
        raise NotImplementedError

    def output_shape(self, input_shape: Shape) -> Shape:
        """Shape of the result for an input of this shape, batch first.

        Raises
        ------
        ShapeError
            The shapes do not fit; the text names the layer by its path.
        """
        raise NotImplementedError

    def _multiply_adds(self, input_shape: Shape, output_shape: Shape) -> int:
        return 0

    def _describe(self) -> str:
        """What stands between the brackets of the repr."""
        return ""

    # --- what a user has

    def __call__(self, x: np.ndarray, *, training: bool = False) -> np.ndarray:
        """Call `forward`."""
        return self.forward(x, training=training)

    @property
    def parameters(self) -> dict[str, Parameter]:
        """The layer's parameters and its children's, by the names that torch.nn gives them."""
        found = dict(self._parameters)
        for prefix, child in self.children.items():
            found.update({f"{prefix}.{name}": parameter for name, parameter in child.parameters.items()})
        return found

    @property
    def buffers(self) -> dict[str, np.ndarray]:
        """What is saved beside the parameters though no gradient changes it; change it in place."""
        found = dict(self._buffers)
        for prefix, child in self.children.items():
            found.update({f"{prefix}.{name}": array for name, array in child.buffers.items()})
        return found

    def cost(self, input_shape: Shape) -> Cost:
        """Parameters, multiply-adds and bytes of one forward pass."""
        shape = tuple(input_shape)
        result = self.output_shape(shape)
        count = self._count()
        values = count + elements(shape) + elements(result)
        return Cost(count, self._multiply_adds(shape, result), values * np.dtype(self.dtype or "float32").itemsize)

    def summary(self, input_shape: Shape) -> str:
        """Table of all layers within: shapes, parameters, multiply-adds, bytes, receptive field."""
        from .network import summary

        return summary(self, input_shape)

    def add(self, name: str, child: Layer) -> None:
        """Put a child in under this name, after those that are there."""
        if not isinstance(child, Layer):
            raise LayerError(f"{self.where}: {name} must be a layer, not {child!r}")
        if name in self.children:
            raise LayerError(f'{self.where}: there is a layer named "{name}" already; give each another name')
        self.children[name] = child
        self._place(self.path or "network")

    @property
    def where(self) -> str:
        """How messages name this layer: ``network.2 (Conv2d)``, or ``Conv2d`` if it stands alone."""
        return f"{self.path} ({self.name})" if self.path else self.name

    def __repr__(self) -> str:
        text, count = self._describe(), self._count()
        parts = f"{count:,} parameter{'s' if count != 1 else ''}" if count else ""
        return f"{self.name}({': '.join(part for part in (text, parts) if part)})"

    def _repr_html_(self) -> str:
        from .pages import layer_html

        return layer_html(self)

    # --- what helps a subclass

    def _place(self, path: str) -> None:
        """Take a path, and give the children theirs."""
        self.path = path
        for name, child in self.children.items():
            child._place(f"{path}.{name}")

    def _keep(self, *values: Any) -> None:
        self._kept = values

    def _recall(self) -> Any:
        """What `forward` kept, once; then it is let go."""
        if self._kept is None:
            raise LayerError(f"{self.where}: backward needs what forward keeps in training; call "
                             "forward(x, training=True) before each backward")
        kept, self._kept = self._kept, None
        return kept

    def _check(self, x: Any, argument: str = "x") -> np.ndarray:
        """``x`` as an array of the layer's dtype, or an error."""
        array = x if type(x) is np.ndarray else np.asarray(x)
        if self.dtype is None:
            if array.dtype.char not in "fd":
                raise DTypeError(f"{self.where}: {argument} has dtype {array.dtype}, but must be float32 or float64; "
                                 f'convert it, {argument}.astype("float32")')
        elif array.dtype != self.dtype:
            raise DTypeError(f"{self.where}: {argument} has dtype {array.dtype}, but the layer computes in "
                             f'{self.dtype}; convert it, {argument}.astype("{self.dtype}"), or make the layer with '
                             "another dtype")
        return array

    def _check_gradient(self, dy: Any, shape: Shape) -> np.ndarray:
        """``dy`` as an array of the layer's dtype and the result's shape, or an error."""
        array = self._check(dy, "dy")
        if array.shape != shape:
            raise ShapeError(f"{self.where}: expected dy of the result's shape {shape}, given {array.shape}")
        return array

    def _count(self) -> int:
        return sum(parameter.value.size for parameter in self.parameters.values())


def elements(shape: Shape) -> int:
    """Number of values in an array of this shape."""
    count = 1
    for extent in shape:
        count *= extent
    return count


def check_dtype(where: str, dtype: Any) -> np.dtype[Any]:
    """``dtype`` as a NumPy dtype, float32 or float64."""
    found: np.dtype[Any] | None = None
    with suppress(TypeError):
        found = np.dtype(dtype)
    if found is None or found.name not in DTYPES or not found.isnative:
        shown = dtype if isinstance(dtype, str) or found is None else found.name
        raise DTypeError(f'{where}: dtype {quote(shown)} is not one that layers compute in; use "float32" or "float64"')
    return found


def check_count(where: str, argument: str, value: Any, least: int = 1) -> int:
    """``value`` as a whole number of at least ``least``."""
    if isinstance(value, bool) or not isinstance(value, int | np.integer) or value < least:
        raise ShapeError(f"{where}: {argument}={quote(value)} must be a whole number of at least {least}")
    return int(value)


def generator(seed: Any) -> np.random.Generator:
    """Random numbers from a seed, or the generator itself, which then goes on from where it is."""
    return np.random.default_rng(seed)
