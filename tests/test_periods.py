"""The repetition that an autocorrelation suggests."""

from __future__ import annotations

import re

import numpy as np
import pytest

import faltung as ft
from faltung.periods import Period, period


@pytest.mark.parametrize("samples", [5, 12.5, 40, 101.3])
@pytest.mark.parametrize("noise", [0.0, 0.5])
def test_a_period_in_noise(rng, samples, noise):
    n = np.arange(1000)
    x = np.sin(2 * np.pi * n / samples) + 0.5 * np.cos(4 * np.pi * n / samples) + noise * rng.normal(size=1000)
    found = period(x)
    assert abs(found.samples - samples) < 0.02 * samples
    assert found.confidence > (0.99 if noise == 0 and samples == round(samples) else 0.6)


def test_noise_and_trends_have_no_period(rng):
    assert period(rng.normal(size=2000)).confidence < 0.15
    nothing = period(np.linspace(0, 1, 200))
    assert np.isnan(nothing.samples)
    assert nothing.confidence == 0
    assert not nothing
    assert not period(np.ones(50))
    assert not period([0.1])
    assert not period(np.full(1000, 0.1))


def test_pictures_have_one_along_each_axis():
    rows, columns = np.mgrid[:80, :90]
    down, across = period(np.sin(2 * np.pi * rows / 8) + np.cos(2 * np.pi * columns / 15))
    assert abs(down.samples - 8) < 0.05
    assert abs(across.samples - 15) < 0.05
    assert period(np.uint8((columns % 9) < 3), axis=-1).samples == pytest.approx(9, abs=0.1)


def test_max_lag_and_repr():
    x = np.tile([0, 1, 3, 1], 8)
    assert repr(period(x)) == "Period(samples=3.995, confidence=1)"
    assert not period(x, max_lag=3)
    assert ft.period is period
    assert Period(2.0, 0.5) == Period(2.0, 0.5)


@pytest.mark.parametrize(("error", "x", "options", "text"), [
    (ft.ShapeError, np.float64(3), {}, "period: x () must have at least one axis, and samples along each"),
    (ft.DTypeError, [1j, 2], {}, "period: x has dtype complex128; take its magnitude, or its real part"),
    (ft.ShapeError, [1, np.nan], {}, "period: x holds 1 values that are NaN or infinite; fill them first"),
    (ft.ShapeError, [1, 2], {"axis": 1}, "period: axis=1 is no axis of x (2,); use -1 to 0"),
    (ft.ShapeError, [1, 2, 3], {"max_lag": 3},
     "period: max_lag=3 must be a whole number from 0 to 2, for 3 samples have no longer lags"),
], ids=str)
def test_refusals(error, x, options, text):
    with pytest.raises(error, match=f"^{re.escape(text)}$"):
        period(x, **options)
