"""Numbers in pictures: how they are written, and whether there is room for them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

from .style import DOTS_PER_INCH

BROAD = 0.66
"""Breadth of a digit as part of the height of its letters, with the space beside it."""


def written(value: Any, digits: int = 3) -> str:
    """Write a number: whole ones in full up to six digits, others in a few digits.

    Examples
    --------
    >>> [written(value) for value in (-3, 2.0, 0.123456, 1e9, -0.0, 123.456)]
    ['−3', '2', '0.123', '1e9', '0', '123']
    """
    number = float(value)
    if not np.isfinite(number):
        return str(number).replace("-", "\N{MINUS SIGN}")
    if number == round(number) and abs(number) < 1e6:
        text = str(round(number))
    else:
        text = f"{number:.{digits}g}".replace("e+0", "e").replace("e-0", "e-").replace("e+", "e")
    return text.replace("-", "\N{MINUS SIGN}")


def letters_that_fit(texts: Iterable[str], room: float, most: float, least: float = 4.9) -> float | None:
    """The size of letters, in points, at which the longest text fits into so many pixels; None if none does."""
    longest = max(map(len, texts), default=1)
    size = min(most, 0.94 * room / (BROAD * longest) * 72 / DOTS_PER_INCH)
    return size if size >= least else None
