"""Bring kernels and biases into the order in which the tiles read them."""

from __future__ import annotations

from itertools import pairwise, product
from math import prod
from typing import Any

import numpy as np

from ...compiler.memory import aligned
from ...compiler.turned import transpose_blocks
from ..phases import phases
from .frame import Frame
from .stages import Part
from .woven import WovenFrame

MANY = 4096
"""Kernels of so many taps are worth a call of generated code."""

TOLD_BYTES = 64
"""Behind a packed kernel: a number, and the rest of its cache line."""

ALL = 1 << 32
"""What that number is if no row of taps may be left out; else it is zero."""


class KernelPacker:
    """Packs kernels for one part; what does not depend on the values is worked out once."""

    def __init__(self, part: Part) -> None:
        self.frame, phase = part.frame, part.phase
        self.is_empty = phase.is_empty
        self.taps = None if all(taps.start == 0 and taps.step == 1 for taps in phase.taps) else phase.taps
        order = self.frame.tap_order()
        self.order = None if order == sorted(order) else np.array(order)
        p = self.frame.problem
        self.dtype = np.dtype(p.accumulator_dtype)
        self.shape = (p.groups, p.channels_out, p.channels_in, -1)
        self.is_plain = (p.groups * p.channels_out == 1 == self.frame.tile_channels
                         and self.taps is None and not self.is_empty and self.frame.recipe.dot == 1
                         and not self.frame.leaves_out)

    def __call__(self, kernel: Any) -> Any:
        """Order a kernel of the problem's shape, and tell what there is to know of it behind it."""
        if not self.frame.leaves_out:
            return self.ordered(kernel)
        whole, packed = room_for(self.frame, self.dtype)
        self.ordered(kernel, packed)
        return tell(whole, packed)

    def ordered(self, kernel: Any, to: Any = None) -> Any:
        """Order a kernel of the problem's shape as [group][block][channel][tap][channel of the block]."""
        if self.frame.by_taps:
            return self._where_it_lies(kernel)
        if self.is_plain:  # one small kernel: a few microseconds matter
            flat = kernel.reshape(self.shape[2:])
            return np.array(flat if self.order is None else flat[:, self.order], self.dtype, order="C")
        if self.is_empty:
            kernel = np.zeros((*self.shape[:3], 1), self.dtype)
        elif self.taps is not None:
            kernel = kernel[(slice(None), slice(None), slice(None), *self.taps)]
        if self.frame.recipe.dot > 1:
            kernel = _in_fours(kernel)
        flat = kernel.reshape(self.shape)
        if self.order is not None:
            flat = flat[..., self.order]
        return _by_blocks(self.frame, flat, flat.shape[2:], to)

    def _where_it_lies(self, kernel: Any) -> Any:
        """The kernel itself, if its rows are lines of memory."""
        if self.taps is not None:
            kernel = kernel[(slice(None), slice(None), slice(None), *self.taps)]
        plain = kernel.dtype == self.dtype and kernel.strides[-1] == kernel.itemsize and kernel.flags.aligned
        return kernel if plain else np.array(kernel, self.dtype, order="C")


class WovenPacker:
    """Packs the taps of all phases, one after the other."""

    def __init__(self, part: Part, frame: WovenFrame) -> None:
        self.frame, every = frame, phases(part.phase.problem)
        self.packers = [KernelPacker(Part(phase, one)) for phase, one in zip(every, frame.tiled, strict=True)]
        extents = part.phase.problem.kernel
        numbers = np.arange(prod(extents)).reshape(extents)
        self.taps = [numbers[phase.taps].reshape(-1)[one.tap_order()]
                     for phase, one in zip(every, frame.tiled, strict=True)]

    def __call__(self, kernel: Any) -> Any:
        """Order a kernel of the problem's shape."""
        starts, dtype = self.frame.kernel_starts, self.frame.problem.accumulator_dtype
        whole, packed = room_for(self.frame, np.uint8)
        made = [packed[begin:end].view(dtype) for begin, end in pairwise(starts)]
        if kernel.size < MANY or not self._turned(kernel.reshape(*kernel.shape[:3], -1), made):
            for packer, phase in zip(self.packers, made, strict=True):
                phase[...] = packer.ordered(kernel).reshape(-1)
        return tell(whole, packed.view(dtype)) if self.frame.leaves_out else packed

    def _turned(self, kernel: Any, made: list[Any]) -> bool:
        """Turn some blocks by generated code and pick the taps of each phase, while the cache holds them."""
        fr, (groups, outputs, *shape) = self.frame, kernel.shape
        width, count = fr.tile_channels, fr.channel_blocks
        if outputs < width:
            return False
        phases_ = [one.reshape(groups, count, shape[0], -1, width) for one in made]
        step = max(1, fr.machine.l2_bytes // 4 // (prod(shape) * width * kernel.itemsize))
        turned = aligned((1, min(step, count), *shape, width), fr.problem.accumulator_dtype)
        for group, first in product(range(groups), range(0, count, step)):
            starts = fr.channel_starts[first:first + step]
            blocks = turned[:, :len(starts)]
            if not transpose_blocks(blocks, kernel[group:group + 1], starts, fr.machine):
                return False
            for phase, taps in zip(phases_, self.taps, strict=True):
                np.take(blocks[0], taps, 2, phase[group, first:first + step], "clip")
        return True


def kernel_packer(part: Part) -> KernelPacker | WovenPacker:
    """What packs kernels for a part."""
    return WovenPacker(part, part.frame) if isinstance(part.frame, WovenFrame) else KernelPacker(part)


def pack_bias(frame: Frame, bias: Any) -> Any:
    """Order a bias of shape (groups * channels_out,) as [group][block][channel of the block]."""
    return _by_blocks(frame, np.asarray(bias).reshape(frame.problem.groups, frame.problem.channels_out), ())


def _in_fours(kernel: Any) -> Any:
    """Four 8-bit taps of a row as one 32-bit number, the row padded with zeros."""
    taps = kernel.shape[-1]
    padded = np.zeros((*kernel.shape[:-1], -(-taps // 4) * 4), np.int8)
    padded[..., :taps] = kernel
    return padded.view(np.int32)


def _by_blocks(frame: Frame, values: Any, inner: tuple[int, ...], to: Any = None) -> Any:
    """Order (groups, channels_out, *inner) as [group][block][*inner][channel of the block], into memory if given."""
    width, count = frame.tile_channels, frame.channel_blocks
    shape = values.shape[0], count, *inner, width
    packed = aligned(shape, frame.problem.accumulator_dtype) if to is None else to.reshape(shape)
    target = packed.transpose(0, 1, -1, *range(2, packed.ndim - 1)) if inner else packed
    if values.ndim == 4 and values.size >= MANY and _turned(frame, packed, values):
        pass
    elif width * count == values.shape[1]:
        target[...] = values.reshape(values.shape[0], count, width, *inner)
    elif count == 1:
        packed[...] = 0
        target[:, 0, :values.shape[1]] = values
    else:
        for block, start in enumerate(frame.channel_starts):
            target[:, block] = values[:, start:start + width]
    return _planar(packed) if frame.accumulator.planes == 2 and frame.recipe.lanes == "channels" else packed


def _turned(frame: Frame, packed: Any, values: Any) -> bool:
    """Fill the blocks by generated code, if every block is full."""
    return values.shape[1] >= frame.tile_channels and transpose_blocks(packed, values, frame.channel_starts,
                                                                       frame.machine)


def _planar(packed: Any) -> Any:
    """All real parts of a block's channels, then all imaginary ones."""
    planes = aligned((*packed.shape[:-1], 2, packed.shape[-1]), packed.real.dtype)
    planes[..., 0, :], planes[..., 1, :] = packed.real, packed.imag
    return planes


# ---------------------------------------------------------------- what is told behind a kernel

def room_for(frame: Frame, dtype: Any) -> tuple[Any, Any]:
    """Memory for a packed kernel with the number behind it, and the part that is the kernel."""
    whole = aligned((frame.kernel_bytes + TOLD_BYTES,), np.uint8)
    return whole, whole[:frame.kernel_bytes].view(dtype)


def tell(whole: Any, taps: Any) -> Any:
    """Write the number behind a packed kernel."""
    whole[-TOLD_BYTES:].view(np.int64)[0] = 0 if np.isfinite(taps).all() else ALL
    return whole
