"""How a picture was held: the orientation of TIFF and EXIF, followed on arrays.

Source: TIFF revision 6.0, section 8, field 274; EXIF 2.32, section 4.6.4.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

Pixels = npt.NDArray[Any]
FIELD = 274
# The numbers tell where row 0 and column 0 of the file lie on the picture: 6 is right and top.
_TURNS: dict[int, Callable[[Pixels], Pixels]] = {
    2: lambda pixels: pixels[:, ::-1],
    3: lambda pixels: pixels[::-1, ::-1],
    4: lambda pixels: pixels[::-1],
    5: lambda pixels: pixels.swapaxes(0, 1),
    6: lambda pixels: np.rot90(pixels, -1),
    7: lambda pixels: pixels[::-1, ::-1].swapaxes(0, 1),
    8: lambda pixels: np.rot90(pixels, 1),
}


def follow(pixels: Pixels, orientation: Any) -> Pixels:
    """Turn pixels as the file asks; an unknown number turns nothing.

    >>> follow(np.array([[1, 2], [3, 4]]), 6)
    array([[3, 1],
           [4, 2]])
    """
    turn = _TURNS.get(orientation) if isinstance(orientation, int) else None
    return pixels if turn is None else np.ascontiguousarray(turn(pixels))
