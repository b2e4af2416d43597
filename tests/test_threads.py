"""The number of threads that calls may use."""

from __future__ import annotations

import numpy as np

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
