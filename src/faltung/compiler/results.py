"""New results: in the memory of those that are gone, or in pages that the system clears the quick way."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable, Iterable
from functools import cache
from math import prod
from typing import Any

import numpy as np

from ..machine import detect
from . import jit
from .calling import items_function
from .memory import HAS_GIL, Block, address, aligned, block
from .threads import run_items

SMALLEST, LARGEST, KEPT_BYTES = 1 << 14, 1 << 23, 1 << 25
"""Bytes of the results whose memory is used again, and of all that is kept for that."""

PAGED_BYTES, PAGE_BYTES = 4 << 20, 2 << 20
"""Arrays for which NumPy asks for huge pages, and bytes of one."""


def fresh(shape: tuple[int, ...], dtype: Any, threads: int = 1) -> np.ndarray:
    """An uninitialised C-contiguous array that owns its memory, its huge pages cleared by the system already.

    Linux clears a huge page piece by piece, the one that was touched as the last: if a page is touched at its first
    byte, backwards, which takes twice as long as forwards.  So the last byte of each is written before all others.
    """
    made = np.empty(shape, dtype)
    if made.nbytes >= PAGED_BYTES:
        first = address(made) | (PAGE_BYTES - 1)  # last byte of the page in which it begins
        pages = -(-(address(made) + made.nbytes - first) // PAGE_BYTES)
        context = np.array([first], np.int64)
        run_items(_touch(), address(context), pages, min(threads, pages))
    return made


@cache
def _touch() -> Callable[..., int]:
    return items_function(jit.load("touch", detect(), ("entry",), _emit_touch))


def _emit_touch() -> str:
    """Write ``work(context, item, slot)``: one byte of a page, the first of which is the context."""
    from .cells import WORK
    from .emit import Module, Value
    from .entry import emit_entry

    module = Module()
    f = module.function("work", "void", WORK)
    context, item, _ = f.arguments
    f.store(Value("i8", "0"), f.at(f.load("ptr", context, align=8), f.mul(item, PAGE_BYTES)))
    f.finish()
    emit_entry(module)
    return module.text()


_guard = threading.RLock()
_blocks: dict[int, list[Block]] = {}
"""Memory of results by their bytes, those that are still in use among them."""


def recycles(shape: tuple[int, ...], dtype: np.dtype[Any]) -> bool:
    """Whether an array is large enough, and not too large, to be put into memory that is kept."""
    return SMALLEST <= prod(shape) * dtype.itemsize <= LARGEST


def recycled(shape: tuple[int, ...], dtype: Any) -> np.ndarray:
    """An uninitialised C-contiguous array, if possible in the memory of one as long that nobody holds any more.

    A training step makes and drops the same arrays as the one before.  The C library gives such memory back to the
    system, which clears every page anew; with two threads both processors have to be told each time.
    """
    dtype = np.dtype(dtype)
    if not recycles(shape, dtype):
        return fresh(shape, dtype)
    size_bytes = prod(shape) * dtype.itemsize
    raw, first = _unheld(_blocks.get(size_bytes, ()), _ALONE) or _kept(size_bytes)
    return np.ndarray(shape, dtype, raw, first)


def reused(shape: tuple[int, ...], dtype: Any) -> np.ndarray:
    """The same for operands in an algorithm's own order, which begin with a cache line whatever their size."""
    dtype = np.dtype(dtype)
    return recycled(shape, dtype) if recycles(shape, dtype) else aligned(shape, dtype)


def _unheld(blocks: Iterable[Block], references: int) -> Block | None:
    """The first block with no more references than that.

    Arrays, and views of them, refer to the block.  So do other threads that are just here: they may overlook a block,
    but never find the same one.
    """
    for raw, first in blocks:
        if _count(raw) <= references:
            return raw, first
    return None


def _kept(size_bytes: int) -> Block:
    """A new block; of the others, the oldest are forgotten where they were too many."""
    made = block(size_bytes)
    with _guard:
        while _blocks and size_bytes + sum(size * len(blocks) for size, blocks in _blocks.items()) > KEPT_BYTES:
            oldest = next(iter(_blocks))
            del _blocks[oldest][0]
            if not _blocks[oldest]:
                del _blocks[oldest]
        _blocks.setdefault(size_bytes, []).append(made)
    return made


_count: Any = sys.getrefcount if HAS_GIL else lambda _: sys.maxsize
_ALONE = next((count for count in range(8) if _unheld([block(0)], count)), 0)
"""References to a block that no array uses, as `_unheld` counts them."""
