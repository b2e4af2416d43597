"""What pooling layers share: where the windows lie, and how rows of them are run."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from typing import Any

from ..compiler.memory import Workspace, address
from ..compiler.threads import get_threads
from ..errors import ShapeError
from .base import Layer, Shape, check_count
from .programs import CHUNK, Array, kind_of, program
from .windows import Axis, Layout, layout

Ints = int | Sequence[int]


def borrow(known: Layout, threads: int) -> tuple[Workspace, tuple[int, Any]]:
    """Scratch for every thread, and where to give it back."""
    if threads not in known.workspaces:
        known.workspaces[threads] = Workspace(known.scratch_bytes * threads)
    return known.workspaces[threads], known.workspaces[threads].borrow()


class Pooling(Layer):
    """Windows of whatever kind; a subclass says where they lie."""

    count_include_pad = False
    divisor: int | None = None

    def __init__(self) -> None:
        super().__init__()
        self._axes_of: dict[Shape, tuple[Axis, ...]] = {}
        self._layouts: dict[tuple[str, str, Shape], Layout] = {}

    def _make_axes(self, space: Shape) -> tuple[Axis, ...]:
        raise NotImplementedError

    def _axes(self, shape: Shape) -> tuple[Axis, ...]:
        space = shape[2:]
        if space not in self._axes_of:
            if not space:
                raise ShapeError(f"{self.where}: expected an input of shape (batch, channels, *space) with at "
                                 f"least one axis of space, given {shape}")
            if 0 in space:
                raise ShapeError(f"{self.where}: an input of shape {shape} has no places to pool; give every axis of "
                                 "space at least one")
            self._axes_of[space] = self._make_axes(space)
        return self._axes_of[space]

    def output_shape(self, input_shape: Shape) -> Shape:
        """(batch, channels, ...) with the number of windows along each axis."""
        shape = tuple(input_shape)
        return (*shape[:2], *(axis.outputs for axis in self._axes(shape)))

    def _layout(self, x: Array, kind: str) -> Layout:
        """How a program works on ``x``, which has the shape of the source."""
        key = kind, kind_of(x), x.shape[2:]
        if key not in self._layouts:
            axes = self._axes(x.shape)
            self._layouts[key] = layout(axes, key[1], kind, self.count_include_pad, self.divisor or 0)
        return self._layouts[key]

    def _run_rows(self, emit: Any, what: tuple[Any, ...], x: Array, out: Array, places: int, known: Layout) -> None:
        """Run a program of `rows`."""
        rows = known.rows * prod(out.shape[:2])
        per_item = max(1, CHUNK * rows // max(x.size, out.size, 1))
        threads = get_threads()
        workspace, buffer = borrow(known, threads)
        cells = (address(x), address(out), places, rows, buffer[0], per_item, *known.cells)
        program(emit, known.mode, *what)(cells, -(-rows // per_item), max(x.size, out.size), threads)
        workspace.give_back(buffer)

    def _multiply_adds(self, input_shape: Shape, output_shape: Shape) -> int:
        return prod(input_shape)


def check_each(layer: Layer, argument: str, value: Any, least: int) -> int | tuple[int, ...]:
    """One whole number for all axes, or one for each."""
    if isinstance(value, list | tuple):
        return tuple(check_count(layer.where, argument, one, least) for one in value)
    return check_count(layer.where, argument, value, least)


def for_each(layer: Layer, argument: str, value: Any, rank: int) -> tuple[Any, ...]:
    """One for each of ``rank`` axes."""
    found = value if isinstance(value, tuple) else (value,) * rank
    if len(found) != rank:
        raise ShapeError(f"{layer.where}: {argument}={value!r} is for {len(found)} axes of space, but the input has "
                         f"{rank}; give one number, or one for each axis")
    return found


class Windows(Pooling):
    """Windows of one size."""

    def __init__(self, kernel: Ints, stride: Ints | None, padding: Ints, dilation: Ints, ceil_mode: bool) -> None:
        super().__init__()
        self.kernel = check_each(self, "kernel", kernel, 1)
        self.stride = self.kernel if stride is None else check_each(self, "stride", stride, 1)
        self.padding = check_each(self, "padding", padding, 0)
        self.dilation = check_each(self, "dilation", dilation, 1)
        self.ceil_mode = bool(ceil_mode)

    def _make_axes(self, space: Shape) -> tuple[Axis, ...]:
        names = ("kernel", "stride", "padding", "dilation")
        given = [for_each(self, name, getattr(self, name), len(space)) for name in names]
        return tuple(self._axis(number, extent, *numbers)
                     for number, (extent, *numbers) in enumerate(zip(space, *given, strict=True)))

    def _axis(self, number: int, extent: int, kernel: int, stride: int, padding: int, dilation: int) -> Axis:
        reach = dilation * (kernel - 1) + 1
        if padding > reach // 2:
            raise ShapeError(f"{self.where}: padding={padding} along axis {number} of space is more than half of the "
                             f"window, which reaches over {reach}; use at most {reach // 2}")
        room = extent + 2 * padding - reach
        outputs = (-(-room // stride) if self.ceil_mode else room // stride) + 1
        if self.ceil_mode and (outputs - 1) * stride >= extent + padding:
            outputs -= 1  # torch's rule: no window begins behind the source and the padding before it
        if outputs < 1:
            raise ShapeError(f"{self.where}: the window reaches over {reach} along axis {number} of space, but the "
                             f"input has {extent} there and {2 * padding} of padding; use a smaller kernel or "
                             "more padding")
        axis = Axis(extent, outputs, kernel, stride, padding, dilation)
        if dilation > 1 and not axis.places()[1].any(1).all():
            raise ShapeError(f"{self.where}: with dilation={dilation} and padding={padding} some window along axis "
                             f"{number} of space has no tap inside the input, which has {extent} there; "
                             "use less of either")
        return axis

    def _describe(self) -> str:
        parts = [f"kernel {_show(self.kernel)}", f"stride {_show(self.stride)}"]
        parts += [f"{name} {_show(value)}" for name, value, usual in (
            ("padding", self.padding, 0), ("dilation", self.dilation, 1)) if value != usual]
        return ", ".join(parts + ["rounded up"] * self.ceil_mode)


def _show(value: int | tuple[int, ...]) -> str:
    return str(value) if isinstance(value, int) else "x".join(str(one) for one in value)


def check_outputs(layer: Layer, outputs: Any) -> Any:
    """How many windows are wished: a whole number, or one or None for each axis."""
    if isinstance(outputs, list | tuple):
        return tuple(None if one is None else check_count(layer.where, "outputs", one) for one in outputs)
    return check_count(layer.where, "outputs", outputs)


def adaptive_axes(layer: Layer, outputs: Any, space: Shape) -> tuple[Axis, ...]:
    """Adaptive windows; those of equal lengths are ordinary ones."""
    axes = []
    for extent, wished in zip(space, for_each(layer, "outputs", outputs, len(space)), strict=True):
        number = extent if wished is None else wished
        even = extent // number if extent % number == 0 else 0
        axes.append(Axis(extent, number, even, even or 1))
    return tuple(axes)


def show_outputs(outputs: Any) -> str:
    """How a repr shows them."""
    parts = outputs if isinstance(outputs, tuple) else (outputs,)
    return "outputs " + "x".join("as many" if one is None else str(one) for one in parts)
