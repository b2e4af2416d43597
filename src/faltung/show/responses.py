"""Taps as stems, and the gain of a kernel as lines and as an image."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..kernels.describing import Description
from .panels import Array
from .scene import Stage
from .style import SCORES

_DEEPEST = -80.0
"""Decibels below which nothing is told apart."""
_LINE_POINTS, _PLANE_POINTS, _MOST_PLANE_POINTS = 512, 65, 257


def draw_stems(axes: Any, stage: Stage, taps: Array) -> None:
    """Each tap as a stem at its distance from the output; the imaginary part of complex ones beside the real."""
    theme = stage.theme
    places = np.arange(taps.size) - taps.size // 2
    parts = [("taps", taps, theme.kernel, "o", 0.0)]
    if taps.dtype.kind == "c":
        parts = [("real part", taps.real, theme.kernel, "o", -0.12),
                 ("imaginary part", taps.imag, theme.mark, "s", 0.12)]
    axes.axhline(0, color=theme.soft, linewidth=0.8)
    size = min(max(0.5 * stage.width / taps.size / 2.5, 1.0), 0.6 * stage.points)
    for name, values, colour, marker, shift in parts:
        axes.vlines(places + shift, 0, values, color=colour, linewidth=min(0.3 * size, 2.0))
        axes.plot(places + shift, values, color=colour, marker=marker, markersize=size, linestyle="none", label=name)
    if len(parts) > 1:
        axes.legend()
    axes.margins(x=0.05, y=0.1)
    axes.xaxis.get_major_locator().set_params(integer=True, nbins=5 if stage.is_narrow else 7)
    axes.grid(visible=True, axis="y")


def gain_along(description: Description, axis: int, count: int = _LINE_POINTS) -> tuple[Array, Array]:
    """Frequencies along one axis, and the size of the gain there, 0 along the others.

    Of a real kernel only those from 0 up to Nyquist's: the others are the same.
    """
    if description.taps.ndim > 1:
        count = _PLANE_POINTS - 1
    response = description.frequency_response(count)
    middle = tuple(slice(None) if other == axis else count // 2 for other in range(description.taps.ndim))
    size = np.abs(response.gain[middle])
    if description.taps.dtype.kind == "c":
        return response.frequencies, size
    return -response.frequencies[count // 2::-1], size[count // 2::-1]


def in_decibels(size: Array) -> Array:
    """The size of a gain in decibels, and nothing far below its largest."""
    high = float(size.max()) or 1.0
    return 20 * np.log10(np.maximum(size, high * 10 ** (_DEEPEST / 20)))


def draw_lines(axes: Any, stage: Stage, description: Description, scale: str, unit: str) -> None:
    """The gain as a line for each axis."""
    theme, ndim = stage.theme, description.taps.ndim
    looks = ((theme.result, "-"), (theme.image, "--"), (theme.mark, ":"))
    longest = max(description.taps.shape)
    count = max(_LINE_POINTS, 4 * longest + longest % 2 * 4)
    for axis in range(ndim):
        frequencies, size = gain_along(description, axis, count)
        colour, style = looks[axis]
        axes.plot(frequencies, in_decibels(size) if scale == "dB" else size, color=colour, linestyle=style,
                  label=f"axis {axis}")
    if ndim > 1:
        axes.legend(ncols=1 if stage.is_narrow else ndim, loc="best")
    if scale == "linear":
        axes.set_ylim(bottom=0)
    ticks = (-0.5, -0.25, 0, 0.25, 0.5) if description.taps.dtype.kind == "c" else (0, 0.1, 0.2, 0.3, 0.4, 0.5)
    axes.set_xticks(ticks)
    axes.set_xlabel(f"cycles per {unit}")
    axes.set_ylabel("gain, dB" if scale == "dB" else "gain")
    axes.margins(x=0.02)
    axes.grid(visible=True)


def draw_plane(axes: Any, bar: Any, stage: Stage, description: Description, scale: str) -> None:
    """The size of the gain over both frequencies, with the scale beside it."""
    count = min(max(_PLANE_POINTS, 2 * max(description.taps.shape) + 1), _MOST_PLANE_POINTS)
    size = np.abs(description.frequency_response(count).gain)
    values = in_decibels(size) if scale == "dB" else size
    low, high = (float(values.min()), float(values.max())) if scale == "dB" else (0.0, float(size.max()) or 1.0)
    # Frequencies lie in the middles of the cells, so that the edges are exactly half a cycle.
    drawn = axes.imshow(values, cmap=SCORES, vmin=low, vmax=high if high > low else low + 1,
                        extent=(-0.5, 0.5, 0.5, -0.5), aspect="equal", interpolation="bilinear")
    axes.set_xticks((-0.5, 0, 0.5))
    axes.set_yticks((-0.5, 0, 0.5))
    axes.set_xlabel("cycles per pixel")
    axes.spines[:].set_visible(False)
    axes.spines[:].set_color(stage.theme.faint)
    scale_bar = stage.figure.colorbar(drawn, cax=bar)
    scale_bar.outline.set_visible(False)
    bar.locator_params(nbins=5)
    bar.set_title("dB" if scale == "dB" else "gain", size=stage.points * 0.9, color=stage.theme.soft, loc="left",
                  pad=0.8 * stage.points)
