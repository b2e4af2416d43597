"""The geometry of one generated program: extents, pitches and offsets, all known constants."""

from __future__ import annotations

from dataclasses import replace
from math import prod
from typing import NamedTuple

from ...compiler.elements import ELEMENTS, Element, element_on
from ...lazy import cached_property
from ...machine import Machine
from ...problem.problem import Problem
from .counts import LONG, chunks, off_the_page, pixel_pitch, round_up, shifts_registers, together, vectors_seen


class Stage(NamedTuple):
    r"""A problem without image dilation and with two spatial axes or more, and where its output goes.

    ``image_axes`` tells, for each axis of (\*batch, groups, channels, \*spatial), which axis of the
    image operand it is; None is an axis of length one that the operand does not have.  Strides and
    offset count output elements.  ``interleaved`` images lie side by side along the last axis.
    """

    problem: Problem
    image_axes: tuple[int | None, ...]
    output_strides: tuple[int, ...]
    output_offset: int = 0
    interleaved: int = 1


class DirectRecipe(NamedTuple):
    """How `direct` runs a stage.

    ``lanes``
        What lies side by side in a vector, and what ``tile`` counts:
        "pixels" - output channels, rows, vectors along the last axis;
        "rows" - the same, sums run down the rows and each row of pixels is shifted in registers;
        "channels" - vectors of output channels, rows, pixels along the last axis;
        "taps" - taps of a kernel's row: output channels, output rows, output columns;
        "segments" - a long line is cut into segments that lie side by side: output channels,
        outputs of a segment, vectors of segments.
    ``block``
        The part of the output whose image is packed at a time.
    ``chunk``
        The kernel rows that are unrolled together.
    ``columns_unrolled``
        Whether the taps of a kernel row are unrolled.
    ``channel_blocks``
        How many blocks of output channels one work item computes.
    ``dot``, ``dot_step``
        How many taps of a row one instruction multiplies and adds up, and how far they stand apart.
    ``packed``
        Whether the image is brought into order first, or read where it lies (lanes of taps, and rows).
    ``phases``
        How many phases of a dilated image one program computes, from one packed image (see `woven`).
    ``past_caches``
        Whether outputs are stored to memory directly.
    ``band``
        How many kernel rows meet all outputs before the next ones do (lanes of taps); 0: all.
    """

    lanes: str
    vector_bytes: int
    tile: tuple[int, int, int]
    block: tuple[int, ...]
    chunk: int = 1
    columns_unrolled: bool = True
    channel_blocks: int = 1
    dot: int = 1
    dot_step: int = 1
    packed: bool = True
    phases: int = 1
    past_caches: bool = False
    band: int = 0

    @property
    def algorithm(self) -> str:
        """Name of the algorithm that this is a recipe of."""
        return "direct"


class Frame:
    """Everything about a stage and its recipe that the generator needs as numbers."""

    cost: float | None = None
    """Predicted cycles, from when they are first asked for (see `costs.cycles`)."""

    def __init__(self, stage: Stage, recipe: DirectRecipe, machine: Machine) -> None:
        self.stage, self.recipe, self.machine = stage, recipe, machine

    def with_recipe(self, recipe: DirectRecipe) -> Frame:
        """The same with another recipe."""
        return Frame(self.stage, recipe, self.machine)

    @property
    def problem(self) -> Problem:
        """The stage's problem."""
        return self.stage.problem

    @property
    def key(self) -> str:
        """What the program is made from."""
        return f"{self.recipe.algorithm} {self.stage!r} {self.recipe!r}"

    @cached_property
    def source(self) -> Element:
        """Element of the image array."""
        return element_on(self.problem.image_dtype, self.machine.isa)

    @cached_property
    def target(self) -> Element:
        """Element of the output array."""
        return element_on(self.problem.output_dtype, self.machine.isa)

    @cached_property
    def accumulator(self) -> Element:
        """Element of packed image, packed kernel and sums."""
        return ELEMENTS[self.problem.accumulator_dtype]

    @cached_property
    def packed(self) -> Element:
        """Element of the packed image: the accumulator's, or bytes where taps are multiplied four at a time."""
        return ELEMENTS["uint8"] if self.recipe.dot > 1 else self.accumulator

    @cached_property
    def lanes(self) -> int:
        """Lanes of one vector of accumulators."""
        return self.recipe.vector_bytes // self.accumulator.size

    @cached_property
    def by_pixels(self) -> bool:
        """Whether lanes are pixels of the last axis."""
        return self.recipe.lanes in ("pixels", "rows")

    @cached_property
    def by_taps(self) -> bool:
        """Whether lanes are taps of the kernel, which then is read where it lies."""
        return self.recipe.lanes == "taps"

    @cached_property
    def has_long_lanes(self) -> bool:
        """Whether each lane of taps sums so many terms that blocks of them are added in float64."""
        return self.accumulator.ir == "float" and self.problem.terms // self.lanes >= LONG

    @cached_property
    def shifts_registers(self) -> bool:
        """Whether lanes of taps shift two vectors of pixels."""
        return shifts_registers(self.problem, self.recipe.tile[2], self.recipe.vector_bytes)

    @cached_property
    def inner(self) -> Frame:
        """The frame that the tiles work in: this one, or the folded one where lanes are segments.

        There, output ``i`` of segment ``l`` stands in row ``i``, column ``l``, and taps run down the rows.
        """
        if self.recipe.lanes != "segments":
            return self
        p, strides = self.problem, self.stage.output_strides
        columns = self.recipe.tile[2] * self.lanes
        rows, step, dilation = self.recipe.block[-1] // columns, p.stride[-1], p.kernel_dilation[-1]
        folded = replace(
            p, image=((rows - 1) * step + (p.kernel[-1] - 1) * dilation + 1, columns), kernel=(p.kernel[-1], 1),
            output=(rows, columns), start=(0, 0), stride=(step, 1), kernel_dilation=(dilation, 1),
            image_dilation=(1, 1), border=((0, 0), (0, 0)))
        stage = Stage(folded, (), (*strides[:len(p.batch) + 2], strides[-1], rows * strides[-1]))
        recipe = self.recipe._replace(lanes="pixels", block=(rows, columns), columns_unrolled=True)
        return Frame(stage, recipe, self.machine)

    @property
    def tiled(self) -> tuple[Frame, ...]:
        """Frames of the tiles that one block runs, all after each other."""
        return (self.inner,)

    @property
    def woven(self) -> int:
        """How many frames among `tiled` make neighbours along the last axis."""
        return 1

    @property
    def share(self) -> float:
        """Which part of its tiles a frame among `tiled` computes."""
        return 1.0

    # --- tiles and blocks

    @cached_property
    def tile_channels(self) -> int:
        """Output channels of one tile."""
        return self.recipe.tile[0] * (self.lanes if self.recipe.lanes == "channels" else 1)

    @cached_property
    def tile_rows(self) -> int:
        """Output rows of one tile."""
        return self.recipe.tile[1]

    @cached_property
    def tile_columns(self) -> int:
        """Output columns of one tile; some lie outside where the output is narrower than a vector."""
        return self.recipe.tile[2] * (self.lanes if self.by_pixels else 1)

    @cached_property
    def channel_blocks(self) -> int:
        """Tiles that cover the output channels of a group (the last is shifted back, not cut)."""
        return -(-self.problem.channels_out // self.tile_channels)

    @cached_property
    def channel_starts(self) -> tuple[int, ...]:
        """First output channel of each block of channels."""
        last = max(0, self.problem.channels_out - self.tile_channels)
        return tuple(min(i * self.tile_channels, last) for i in range(self.channel_blocks))

    @cached_property
    def blocks(self) -> tuple[int, ...]:
        """Blocks along each spatial axis."""
        return tuple(-(-out // b) for out, b in zip(self.problem.output, self.recipe.block, strict=True))

    @cached_property
    def channel_items(self) -> int:
        """Work items that share the output channels of a group."""
        return -(-self.channel_blocks // self.recipe.channel_blocks)

    @cached_property
    def items(self) -> int:
        """Work items of a whole run."""
        return prod(self.batches) * self.problem.groups * prod(self.blocks) * self.channel_items

    @cached_property
    def batches(self) -> tuple[int, ...]:
        """Work items along each batch axis."""
        batch = self.problem.batch
        return (*batch[:-1], -(-batch[-1] // self.together)) if batch else ()

    @cached_property
    def leaves_out(self) -> bool:
        """Whether tiles leave out rows of taps that see nothing but zeros outside the image (see `outside`)."""
        p, element = self.problem, self.accumulator
        if self.recipe.lanes not in ("pixels", "channels", "rows") or self.recipe.dot > 1 or p.border[-2] != (0, 0):
            return False
        chunk = self.recipe.chunk if self.by_pixels else 1
        rows = 1 if self.recipe.lanes == "rows" else self.tile_rows
        least = (chunk - 1) * p.kernel_dilation[-2]
        above = -p.start[-2] - (rows - 1) * p.stride[-2]
        below = (p.start[-2] + (p.output[-2] - rows) * p.stride[-2] - p.image[-2] + 1
                 + (p.kernel[-2] - 1) * p.kernel_dilation[-2])
        return element.kind == "f" and element.planes == 1 and p.kernel[-2] > chunk and max(above, below) > least

    # --- the packed image: [channel][plane][outer axes][row][phase][column]

    @cached_property
    def phases(self) -> int:
        """Columns are parted by their index modulo this, so that a strided row can be read by vectors."""
        if self.by_taps:
            return self.problem.kernel_dilation[-1]
        return self.problem.stride[-1] if self.recipe.lanes == "pixels" else 1

    @cached_property
    def phase_shift(self) -> int:
        """Columns left free before a packed row, so that the image's first column falls into phase 0."""
        return -self.problem.start[-1] % self.phases

    @cached_property
    def packed_extents(self) -> tuple[int, ...]:
        """Image positions that a block reads along each axis."""
        return tuple((b - 1) * s + reach + 1 for b, s, reach in
                     zip(self.recipe.block, self.problem.stride, self.reach, strict=True))

    @cached_property
    def reach(self) -> tuple[int, ...]:
        """Positions from the first to the last that one output looks at, along each axis."""
        p = self.problem
        spans = [(k - 1) * d for k, d in zip(p.kernel, p.kernel_dilation, strict=True)]
        spans[-1] += (self.recipe.dot - 1) * self.recipe.dot_step
        return tuple(spans)

    @cached_property
    def phase_pitch(self) -> int:
        """Elements from one phase of a row to the next, room for a last vector that reads too far included."""
        extent, shift, phases = self.packed_extents[-1], self.phase_shift, self.phases
        held = -(-(extent + shift) // phases)
        if not self.by_pixels:  # vectors of taps cross fewer cache lines where rows begin with one
            return round_up(held, self.lanes) if self.by_taps else held
        if self.recipe.lanes == "rows":
            before = max(0, self.recipe.block[-1] - self.tile_columns) * self.problem.stride[-1]
            room = before + vectors_seen(self.problem, self.recipe.tile[2], self.lanes) * self.lanes
            held = max(held, room)
        else:
            held = pixel_pitch(extent, max(self.recipe.block[-1], self.tile_columns), self.reach[-1], shift, phases)
        return round_up(held, self.recipe.vector_bytes // self.packed.size)

    @cached_property
    def pitches(self) -> tuple[int, ...]:
        """Elements from one position to the next along each axis but the last."""
        pitches = [self.phase_pitch * self.phases]
        for extent in reversed(self.packed_extents[1:-1]):
            pitches.append(pitches[-1] * extent)
        return tuple(reversed(pitches))

    @cached_property
    def plane_pitch(self) -> int:
        """Elements of one plane of one channel."""
        return off_the_page(self.pitches[0] * self.packed_extents[0], self.packed.size, self.recipe.vector_bytes)

    @cached_property
    def channel_pitch(self) -> int:
        """Elements of one channel."""
        return self.plane_pitch * self.accumulator.planes

    @cached_property
    def scratch_bytes(self) -> int:
        """Bytes of workspace that one thread needs."""
        if not self.recipe.packed:  # a row of the border's constant, as far as vectors of the widest elements reach
            vectors = (-(-self.problem.kernel[-1] // self.lanes) + 2 if self.by_taps else
                       vectors_seen(self.problem, self.recipe.tile[2], self.lanes))
            return vectors * self.lanes * max(self.source.size, self.accumulator.size)
        if self.recipe.band:
            packed = self.together * self.band_bytes + self.recipe.vector_bytes
            return round_up(self.sums_bytes + packed, 64)
        return self.packed_bytes + (self.inner.packed_bytes if self.inner is not self else 0)

    @cached_property
    def most_bytes(self) -> int:
        """Bytes that one thread needs at most: an image that is to be read where it lies may have to be packed."""
        return self.scratch_bytes if self.recipe.packed else max(self.scratch_bytes, self.packed_bytes)

    @cached_property
    def packed_bytes(self) -> int:
        """Bytes of the packed image, with room for a vector that reads too far."""
        size = self.problem.channels_in * self.channel_pitch * self.packed.size
        return round_up(size + self.recipe.vector_bytes, 64)

    # --- bands of kernel rows

    @cached_property
    def together(self) -> int:
        """Images of the last batch axis that one work item computes; the last ones are shifted back."""
        return together(self.problem) if self.recipe.band else 1

    def band_rows(self, rows: int) -> int:
        """Rows of the image that so many kernel rows look at."""
        p = self.problem
        return (self.recipe.block[-2] - 1) * p.stride[-2] + (rows - 1) * p.kernel_dilation[-2] + 1

    @cached_property
    def band_bytes(self) -> int:
        """Bytes that a band of one packed image takes."""
        return round_up(self.band_rows(self.recipe.band) * self.pitches[-1] * self.packed.size, 64)

    @cached_property
    def tile_sums_bytes(self) -> int:
        """Bytes of the sums of one tile."""
        return prod(self.recipe.tile) * self.recipe.vector_bytes * (2 if self.has_long_lanes else 1)

    @cached_property
    def block_sums_bytes(self) -> int:
        """Bytes of all sums of one block of output channels."""
        return self.together * -(-self.recipe.block[-2] // self.tile_rows) * self.tile_sums_bytes

    @cached_property
    def sums_bytes(self) -> int:
        """Bytes of all sums of a work item."""
        return round_up(self.recipe.channel_blocks * self.block_sums_bytes, 64)

    # --- the packed kernel: [group][channel block][channel][outer taps][chunk][column][row][output channel][plane]

    @cached_property
    def row_chunks(self) -> tuple[tuple[int, int], ...]:
        """Kernel rows as (how many chunks, rows of each)."""
        return chunks(self.problem.kernel[-2], self.recipe.chunk)

    @cached_property
    def tap_bytes(self) -> int:
        """Bytes of packed kernel that one tap of one input channel takes."""
        return self.tile_channels * self.accumulator.itemsize

    @cached_property
    def block_bytes(self) -> int:
        """Bytes of packed kernel for one block of output channels."""
        return self.problem.terms * self.tap_bytes

    @property
    def kernel_bytes(self) -> int:
        """Bytes of the packed kernel."""
        return self.problem.groups * self.channel_blocks * self.block_bytes

    def tap_order(self) -> list[int]:
        """Taps of one channel, as flat indices into the kernel, in the order they are packed."""
        p = self.problem
        rows, columns = p.kernel[-2:]
        order, first = [], 0
        for count, size in self.row_chunks if self.by_pixels else ((rows, 1),):
            for _ in range(count):
                order += [(first + row) * columns + column for column in range(columns) for row in range(size)]
                first += size
        return [outer * rows * columns + tap for outer in range(prod(p.kernel[:-2])) for tap in order]
