"""Short rows of tiles share a vector: the same bits, the same rows summed directly, no output but their own."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from algorithms.test_winograd import PLAIN, built, oracle
from faltung import machine
from faltung.algorithms.winograd.frame import WinogradRecipe
from faltung.machine import detect
from grid.cases import Case, arrays, output_view
from grid.check import poisoned_workspaces, run
from grid.isas import EACH

SIZES = [((4, 4), 14, 16), ((4, 4), 13, 7), ((4, 4), 7, 6), ((2, 2), 7, 7), ((4, 4), 30, 15), ((2, 2), 1, 4),
         ((2, 4), 3, 5)]
"""Tile, and extents: width and height of the output."""


@pytest.mark.parametrize("isa", EACH)
@pytest.mark.parametrize(("tile", "width", "height"), SIZES)
def test_rows_that_share_a_vector(tile: tuple[int, int], width: int, height: int, isa: str) -> None:
    known = detect() if isa == "own" else machine.fake(isa, triple="")
    p = replace(PLAIN, batch=(16,), channels_out=4, image=(height, width), output=(height, width), bias=True,
                activation="relu", border=(("edge", 0), (1.5, "reflect" if width > 1 else 0)))
    image, kernel, bias = arrays(Case(p, 1))
    image = image.copy()
    image[3, 0, 1, height - 1, width // 2] = np.nan
    found = {}
    for rows in (1, 16):
        case = Case(p, 1, channels_last=rows == 16 and width == 7)
        executable = built(case, known, WinogradRecipe(tile, rows, 4, 2, 1))
        with poisoned_workspaces():
            view = output_view(p, channels_last=case.channels_last)
            found[executable.frame.together] = run(p, image, kernel, bias, known, view=view, executable=executable)[0]
    tiles = -(-width // tile[1])
    lanes = known.vector_bytes // 4
    assert max(found) == (lanes // tiles if lanes % tiles == 0 and tiles <= lanes else 1)
    assert len({got.tobytes() for got in found.values()}) == 1
    want = oracle(p, image, kernel, bias)
    np.testing.assert_array_equal(np.isnan(found[max(found)]), np.isnan(want))
    np.testing.assert_allclose(found[max(found)], want, atol=1e-3)
