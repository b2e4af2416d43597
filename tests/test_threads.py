"""The number of threads that calls may use."""

from __future__ import annotations

import numpy as np
import pytest

import faltung as ft
from faltung import calls


def test_a_plan_made_for_fewer_threads_is_not_kept():
    x, k = np.ones((600, 600), np.float32), np.ones((9, 9), np.float32)
    before = ft.get_threads()
    try:
        ft.set_threads(1)
        ft.correlate(x, k)
        assert calls._seen
        ft.set_threads(2)
        assert not calls._seen
    finally:
        ft.set_threads(before)


@pytest.mark.parametrize(("size", "taps"), [(64, 33), (224, 40), (96, 17)])
def test_the_number_of_threads_changes_no_bit(rng, size, taps):
    x, k = rng.normal(size=(size, size)).astype(np.float32), rng.normal(size=(taps, taps)).astype(np.float32)
    image, dy = (rng.normal(size=(1, 3, size, size)).astype(np.float32) for _ in range(2))
    before, found = ft.get_threads(), []
    try:
        for threads in (1, 2, 4, 8):
            ft.set_threads(threads)
            found.append((ft.correlate(x, k, "same"), ft.conv_weight_grad(dy, image, (3, 3, 3, 3), padding=1)))
    finally:
        ft.set_threads(before)
    for smooth, gradient in found[1:]:
        assert np.array_equal(smooth, found[0][0])
        assert np.array_equal(gradient, found[0][1])
