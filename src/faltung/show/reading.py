"""What a layer reads: which cells its taps meet for each output, as the engine's own Problem says."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import product
from math import prod
from typing import Any, NamedTuple

from ..arrays import Like
from ..errors import FaltungError
from ..layer_lowering import Layer, lower_conv, lower_conv_transpose
from ..problem.border import fill_at, map_index
from ..problem.extents import as_integer, layer_padding, parse_padding, per_axis, transposed_padding
from ..problem.problem import Number

MOST = {1: 40, 2: 40, 3: 12}
"""Cells a side that can still be told apart, by the number of axes."""
AXES = {1: ("",), 2: ("rows", "columns"), 3: ("depth", "rows", "columns")}
MINUS, TIMES = "\N{MINUS SIGN}", "\N{MULTIPLICATION SIGN}"
_MOST_TERMS = 12
"""A longer sum is told by its extents."""
Index = tuple[int, ...]


class Cell(NamedTuple):
    """What stands at a position: a sample of the image (``place``), a number (``value``), or nothing (neither)."""

    kind: str
    """ "sample", "border", or "gap": a zero that transposition puts between samples."""
    place: Index | None = None
    value: Number | None = None

    @property
    def counts(self) -> bool:
        """Whether a tap here can change the sum."""
        return self.place is not None or bool(self.value)


class Reading:
    """A layer with one channel: extents, positions of the taps for each output, and what they meet.

    Positions are the Problem's: 0 is the first sample, ``spread`` the next one, negative ones are the border.
    """

    def __init__(self, image: Any, kernel: Any, *, stride: Any = 1, padding: Any = 0, dilation: Any = 1,
                 transposed: bool = False, output_padding: Any = 0, border: Any = 0) -> None:
        extents, taps = _extents(image, kernel)
        ndim = len(extents)
        if transposed and border != 0:
            raise FaltungError(f"arithmetic: border={border!r} has no meaning with transposed=True, where nothing but "
                               "zeros stands outside; leave it out")
        if not transposed and output_padding not in (0, (0,) * ndim):
            raise FaltungError(f"arithmetic: output_padding={output_padding!r} has a meaning with transposed=True "
                               "only; leave it out, or use padding=")
        lower = lower_conv_transpose if transposed else lower_conv
        options = Layer(stride=stride, padding=padding, dilation=dilation, output_padding=output_padding, border=border)
        self.problem = lower("arithmetic", Like((1, 1, *extents)), Like((1, 1, *taps)), None, options).problem
        self.transposed = transposed
        self.stride = per_axis("arithmetic", "stride", stride, ndim)
        self.extra = per_axis("arithmetic", "output_padding", output_padding, ndim, least=0)
        self.padding = self._padding(parse_padding("arithmetic", padding, ndim))
        self.low, self.high = self._drawn()
        self._check()

    # --- extents

    @property
    def ndim(self) -> int:
        """Number of axes."""
        return self.problem.ndim

    @property
    def reach(self) -> Index:
        """How far the kernel extends beyond its first tap."""
        return tuple((taps - 1) * far for taps, far in
                     zip(self.problem.kernel, self.problem.kernel_dilation, strict=True))

    def _padding(self, padding: Sequence[Any]) -> tuple[tuple[int, int], ...]:
        count = transposed_padding if self.transposed else layer_padding
        return tuple(count(*numbers) for numbers in
                     zip(padding, self.problem.image, self.reach, self.stride, strict=True))

    def _drawn(self) -> tuple[Index, Index]:
        """First and last position along each axis: image, padding, and all that is read."""
        problem, low, high = self.problem, [], []
        for axis in range(self.ndim):
            last = (problem.image[axis] - 1) * problem.image_dilation[axis]
            before, after = (0, 0) if self.transposed else self.padding[axis]
            end = problem.start[axis] + (problem.output[axis] - 1) * problem.stride[axis] + self.reach[axis]
            low.append(min(problem.start[axis], -before, 0))
            high.append(max(end, last + after))
        return tuple(low), tuple(high)

    def _check(self) -> None:
        most = f"{MOST[self.ndim]} is the most with {self.ndim} ax{'e' if self.ndim > 1 else 'i'}s"
        for axis in range(self.ndim):
            cells, outputs = self.high[axis] - self.low[axis] + 1, self.problem.output[axis]
            if cells > MOST[self.ndim]:
                raise FaltungError(f"arithmetic: axis {axis} has {cells} cells with all that the taps reach, and "
                                   f"{most}; use a smaller input, padding, dilation or stride")
            if outputs > MOST[self.ndim]:
                raise FaltungError(f"arithmetic: axis {axis} has {outputs} outputs, and {most}; use a smaller input")

    # --- what is read

    @property
    def outputs(self) -> int:
        """How many outputs there are."""
        return prod(self.problem.output)

    def output(self, step: int) -> Index:
        """Index of an output, the last axis fastest."""
        index = []
        for extent in reversed(self.problem.output):
            step, place = divmod(step, extent)
            index.append(place)
        return tuple(reversed(index))

    def positions(self, output: Index) -> tuple[range, ...]:
        """Positions of the taps along each axis."""
        problem = self.problem
        starts = (start + place * by for start, place, by in zip(problem.start, output, problem.stride, strict=True))
        return tuple(range(start, start + taps * far, far) for start, taps, far in
                     zip(starts, problem.kernel, problem.kernel_dilation, strict=True))

    def taps(self, output: Index) -> list[tuple[Index, Index]]:
        """Position of each tap, and its index in the caller's kernel (transposition sees it flipped)."""
        indices = [range(taps)[::-1] if self.transposed else range(taps) for taps in self.problem.kernel]
        return list(zip(product(*self.positions(output)), product(*indices), strict=True))

    def cell(self, position: Index) -> Cell:
        """What stands at a position."""
        problem = self.problem
        if any(place % by for place, by in zip(position, problem.image_dilation, strict=True)):
            return Cell("gap")
        places = [place // by for place, by in zip(position, problem.image_dilation, strict=True)]
        fill = fill_at(places, problem.image, problem.border)
        if fill is not None:
            return Cell("border", value=fill)
        found = (map_index(place, extent, *sides) for place, extent, sides in
                 zip(places, problem.image, problem.border, strict=True))
        inside = all(0 <= place < extent for place, extent in zip(places, problem.image, strict=True))
        return Cell("sample" if inside else "border", tuple(place for place in found if place is not None))

    @property
    def repeats(self) -> bool:
        """Whether the border repeats the image somewhere."""
        return any(isinstance(side, str) for sides in self.problem.border for side in sides)

    def every_position(self) -> Iterator[Index]:
        """All positions that are drawn."""
        return product(*(range(low, high + 1) for low, high in zip(self.low, self.high, strict=True)))

    # --- in words

    def title(self) -> str:
        """The parameters in one line."""
        return ", ".join([f"input {by(self.problem.image)}", *self.title_words()])

    def title_words(self) -> list[str]:
        """The parameters, that of the input apart."""
        words = [f"kernel {by(self.problem.kernel)}", *["transposed"] * self.transposed, f"stride {_same(self.stride)}",
                 f"padding {_same([_pair(pair) for pair in self.padding])}",
                 f"dilation {_same(self.problem.kernel_dilation)}"]
        if any(self.extra):
            words.append(f"output padding {_same(self.extra)}")
        if any(side != 0 for sides in self.problem.border for side in sides):
            words.append(f"border {_same([_pair(sides) for sides in self.problem.border])}")
        return words

    def words(self, step: int) -> str:
        """How one output is made: its sum, and the taps that meet nothing."""
        output = self.output(step)
        met = [(tap, self.cell(position)) for position, tap in self.taps(output)]
        terms = [f"{letter_of('w', tap)} {_factor(cell)}" for tap, cell in met if cell.counts]
        if len(terms) > _MOST_TERMS:
            terms = [*terms[:3], "...", terms[-1]]
        total = f"{letter_of('y', output)} = {' + '.join(terms) or '0'}"
        return f"{total}; {self.met(output)}"

    def met(self, output: Index) -> str:
        """How many taps there are, on the border, and on zeros between samples."""
        cells = [self.cell(position) for position, _ in self.taps(output)]
        counts = ((sum(cell.kind == kind for cell in cells), where) for kind, where in
                  (("border", f"on the border ({self.supplied()})"), ("gap", "on zeros between samples")))
        found = [f"{count} {where}" for count, where in counts if count]
        return f"{len(cells)} tap{'s' * (len(cells) != 1)}{''.join(f', {text}' for text in found)}"

    def supplied(self) -> str:
        """What the border is made of."""
        words = {str(side) for sides in self.problem.border for side in sides}
        return " and ".join(sorted(words)).replace("-", MINUS)

    def formulas(self, *, together: bool) -> list[tuple[str, str]]:
        """How many outputs there are, for Matplotlib to set: names of axes, and formulas, with their numbers put in."""
        numbers = [self._numbers(axis) for axis in range(self.ndim)]
        told = [axis for axis in range(self.ndim) if numbers[axis] not in numbers[:axis]]
        if len(told) == 1 and together:
            return [("", f"${self._formula()} = {numbers[0]}$")]
        names = [" and ".join(name for name, other in zip(AXES[self.ndim], numbers, strict=True)
                              if other == numbers[axis]) * (len(told) > 1) for axis in told]
        return [("", f"${self._formula()}$"),
                *((name, f"$O = {numbers[axis]}$") for name, axis in zip(names, told, strict=True))]

    def _formula(self) -> str:
        if self.transposed:
            return "O = (N-1)\\,s - p - q + (K-1)\\,d + e + 1"
        return "O = \\left\\lfloor\\dfrac{N + p + q - (K-1)\\,d - 1}{s}\\right\\rfloor + 1"

    def _numbers(self, axis: int) -> str:
        problem, (before, after) = self.problem, self.padding[axis]
        image, taps, far, step = (problem.image[axis], problem.kernel[axis], problem.kernel_dilation[axis],
                                  self.stride[axis])
        span = f"({taps}-1)\\cdot {far}"
        if self.transposed:
            sides = f"{_bracketed(before)} - {_bracketed(after)}"
            text = f"({image}-1)\\cdot {step} - {sides} + {span} + {self.extra[axis]} + 1"
        else:
            text = f"\\left\\lfloor\\dfrac{{{image} + {before} + {after} - {span} - 1}}{{{step}}}\\right\\rfloor + 1"
        return f"{text} = {problem.output[axis]}"

    def letters(self) -> list[str]:
        """What the letters of the formula mean."""
        words = ["$O$ outputs", "$N$ samples", "$K$ taps", "$s$ stride", "$p, q$ padding before and after",
                 "$d$ dilation"]
        return words + ["$e$ output padding"] * self.transposed


def by(extents: Sequence[int]) -> str:
    """Extents with the mathematical sign between."""
    return TIMES.join(map(str, extents))


def _extents(image: Any, kernel: Any) -> tuple[Index, Index]:
    """Extents of image and kernel, checked before anything is worked out."""
    many = next((value for value in (image, kernel) if as_integer(value) is None), None)
    ndim = 1 if many is None else len(many) if hasattr(many, "__len__") and not isinstance(many, str) else 0
    if ndim not in MOST:
        raise FaltungError(f"arithmetic: input={image!r} and kernel={kernel!r} must be extents along 1, 2 or 3 axes, "
                           "as (7, 7) and (3, 3)")
    extents = per_axis("arithmetic", "input", image, ndim), per_axis("arithmetic", "kernel", kernel, ndim)
    for name, found in zip(("input", "kernel"), extents, strict=True):
        if max(found) > MOST[ndim]:
            size = "x".join(map(str, found))
            raise FaltungError(f"arithmetic: {name} {size} is larger than {MOST[ndim]} cells a side; use "
                               f"{'x'.join([str(MOST[ndim])] * ndim)} or less")
    return extents


def _same(values: Sequence[Any]) -> str:
    return str(values[0]) if len(set(values)) == 1 else TIMES.join(map(str, values))


def _pair(pair: Sequence[Any]) -> Any:
    return pair[0] if pair[0] == pair[1] else f"({pair[0]}, {pair[1]})"


def letter_of(name: str, index: Sequence[int]) -> str:
    """An element as programs write it: ``y[0, 1]``."""
    return f"{name}[{', '.join(map(str, index))}]"


def _factor(cell: Cell) -> str:
    if cell.place is None:
        return f"\N{MIDDLE DOT} {cell.value:g}".replace("-", MINUS)
    return letter_of("x", cell.place)


def _bracketed(number: int) -> str:
    return f"({number})" if number < 0 else str(number)
