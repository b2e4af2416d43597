"""The code of the formulas that turn sums into scores, and of scores from sums that are there already."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

from ..compiler.casts import widen
from ..compiler.cells import Cells
from ..compiler.elements import ELEMENTS
from ..compiler.emit import Module, Operand, Value, constant, lanes_of, vector
from ..compiler.entry import emit_entry
from ..machine import Machine

# Cells of the context, 8 bytes each; steps are in bytes.
(IMAGE, CHANNEL_STEP, ROW_STEP, COLUMNS, EXTENT, LENGTH, PLACES, WIDTH, BOTH, BOTH_STEP, OUT, OUT_STEP, SCRATCH,
 SCRATCH_STEP, STRIP, CHUNK, LINE, PART, BAD, NUMBERS) = range(20)
CELLS = 20
# Cells of the numbers: doubles, and those of the formula's kind.
PATTERN_ROOT, FLAT, SHIFT, LIMIT, ROUNDING, WEIGHT, BACK, PATTERN2, PATTERN1 = range(9)


class ScoreRecipe(NamedTuple):
    """What the code is for: window sums of dtype ``sums``, put together in numbers of dtype ``kind``."""

    score: str
    channels: int
    image: str
    both: str
    sums: str
    kind: str
    out: str

    @property
    def is_exact(self) -> bool:
        """Whether the sums are integers."""
        return self.sums != "float64"


def emit_combination(recipe: ScoreRecipe, squares: str, machine: Machine) -> str:
    """Write the same ``entry`` for sums that are there already: one line of places, cut into chunks."""
    module = Module()
    _Given(recipe, machine, module).emit_work(squares)
    emit_entry(module)
    return module.text()


class Formulas(Cells):
    """The formulas of `formulas`, vector by vector."""

    def __init__(self, recipe: ScoreRecipe, machine: Machine, module: Module) -> None:
        self.r, self.machine, self.module = recipe, machine, module
        self.image, self.both, self.sums = ELEMENTS[recipe.image], ELEMENTS[recipe.both], ELEMENTS[recipe.sums]
        self.kind, self.out = ELEMENTS[recipe.kind], ELEMENTS[recipe.out]
        self.lanes = machine.vector_bytes // 8
        self.quantities = recipe.channels + 1

    # --- small things

    def begin(self, name: str, result: str, parameters: Sequence[tuple[str, str]]) -> list[Value]:
        """Begin a function, whose cells are its first argument."""
        self.f = self.module.function(name, result, parameters)
        self.context = self.f.arguments[0]
        return self.f.arguments

    def number(self, cell: int, lanes: int, ir: str) -> Value:
        """One of the numbers in every lane."""
        f = self.f
        return f.splat(f.load(ir, f.at(self.pointer(NUMBERS), 8 * cell), align=8), lanes)

    def lanewise(self, count: Operand, lanes: int, body: Callable[[int, Value], None]) -> None:
        """Whole vectors first, then element by element: nothing beyond ``count`` is touched."""
        f = self.f
        whole = f.sub(count, f.rem(count, lanes))
        for start, stop, width in ((f.value(0), whole, lanes), (whole, count, 1)):
            with f.loop(start, stop, width) as loop:
                body(width, loop.index)

    # --- formulas

    def denominator(self, image1: Sequence[Value], image2: Value) -> Value:
        """``weight**2`` times the window's variance for zncc, its sum of squares for the others."""
        f = self.f
        if self.r.score != "zncc":
            return image2
        variance: Operand = f.mul(self.number(WEIGHT, lanes_of(image2.type), self.kind.ir), image2)
        for one in image1:
            variance = f.sub(variance, f.mul(one, one))
        return f.value(variance)

    def numerator(self, both: Value, image1: Sequence[Value]) -> Value:
        """The sum of products, with what the pattern was shifted by put back, and for zncc without the means."""
        f, lanes, ir = self.f, lanes_of(both.type), self.kind.ir
        if not self.r.is_exact:
            return both
        if self.r.score != "zncc":
            total: Operand = image1[0]
            for one in image1[1:]:
                total = f.add(total, one)
            return f.value(f.add(both, f.mul(self.number(BACK, lanes, ir), total)))
        cross: Operand = f.mul(self.number(WEIGHT, lanes, ir), both)
        for channel, one in enumerate(image1):
            cross = f.sub(cross, f.mul(one, self.number(PATTERN1 + channel, lanes, ir)))
        return f.value(cross)

    def score(self, top: Value, bottom: Value, image2: Value | None) -> Value:
        """The score in lanes of the output's dtype."""
        f, lanes = self.f, lanes_of(top.type)
        if self.r.score in ("ssd", "nssd"):
            top = self.difference(top, bottom)
            if self.r.score == "ssd":
                return top
        top, wide = self.to_double(top), self.to_double(bottom)
        scale = f.value(f.mul(f.intrinsic("sqrt", wide), self.number(PATTERN_ROOT, lanes, "double")))
        result = f.value(f.div(top, scale))
        if self.r.score != "nssd":
            result = f.intrinsic("minnum", result, constant(result.type, 1.0))
            result = f.intrinsic("maxnum", result, constant(result.type, -1.0))
        least: Operand = constant(wide.type, 0.0)
        if image2 is not None and self.r.score == "zncc":
            least = f.mul(self.number(ROUNDING, lanes, "double"), self.to_double(image2))
        result = f.select(f.compare("ole", wide, least), self.number(FLAT, lanes, "double"), result)
        return result if self.out.size == 8 else f.cast("fptrunc", result, "float")

    def difference(self, both: Value, image2: Value) -> Value:
        """``sum(x**2) - 2 sum(x t) + sum(t**2)`` of integers."""
        f, ir = self.f, self.kind.ir
        twice = f.value(f.add(both, both))
        return f.value(f.add(f.sub(image2, twice), self.number(PATTERN2, lanes_of(both.type), ir)))

    def to_double(self, value: Value) -> Value:
        """Lanes of the formula's kind as float64."""
        return widen(self.f, value, self.kind, ELEMENTS["float64"])


class _Given(Formulas):
    """Scores of sums that stand in arrays: ``both``, those of the channels in front of each other, and of squares."""

    def emit_work(self, squares: str) -> None:
        """work(context, item, slot): one chunk.  IMAGE holds the sums of each channel, SCRATCH those of squares."""
        f = self.begin_work(self.module)
        first = f.value(f.mul(self.item, self.cell(CHUNK)))
        count = f.smaller(self.cell(CHUNK), f.sub(self.cell(WIDTH), first))
        image, square, both, out = (self.pointer(at) for at in (IMAGE, SCRATCH, BOTH, OUT))
        step = self.cell(CHANNEL_STEP)

        def body(lanes: int, index: Value) -> None:
            place = f.value(f.add(first, index))

            def load(array: Value, dtype: str) -> Value:
                element = ELEMENTS[dtype]
                raw = f.load(vector(element.ir, lanes), f.at(array, f.mul(place, element.size)), align=element.size)
                return widen(f, raw, element, self.kind)

            image1 = [load(f.at(image, f.mul(step, c)), self.r.image) for c in range(self.r.channels)]
            image2 = load(square, squares)
            top = self.numerator(load(both, self.r.both), image1)
            bottom = self.denominator(image1, image2)
            scaled = f.value(f.mul(self.number(WEIGHT, lanes, self.kind.ir), image2))
            result = self.score(top, bottom, None if self.r.is_exact else scaled)
            f.store(result, f.at(out, f.mul(place, self.out.size)), align=self.out.size)

        self.lanewise(count, self.lanes, body)
        f.finish()
