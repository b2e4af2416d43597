"""A kernel while it is learned: its taps at some steps, and what is still wrong."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..errors import FaltungError
from ..layers.kernel_learning import Learned
from .panels import Box, Still, axes_at, draw_cells, pixels_of, write
from .scene import NARROW, Stage, picture
from .style import letter_points

_KERNELS = 4


def kernel_growing(learned: Learned, *, width: int = 800, theme: str = "light") -> Any:
    """Draw a kernel at some steps of its learning, and the residual over all steps.

    Parameters
    ----------
    learned : Learned
        What `faltung.layers.kernel_learning.learn_kernel` returns, for images.
    width : int
        Pixels.
    theme : {"light", "dark"}
        Colours.

    Returns
    -------
    matplotlib.figure.Figure

    Raises
    ------
    FaltungError
        If the kernel has other than two axes.
    """
    return picture(KernelGrowing(learned), width=width, theme=theme)


class KernelGrowing(Still):
    """Kernels at about doubling steps, all on one scale, and the residuals."""

    title = "A kernel that is learned"

    def __init__(self, learned: Learned) -> None:
        self.learned = learned
        if learned.kernel.ndim != 2:
            raise FaltungError(f"kernel_growing: kernel {learned.kernel.shape} has {learned.kernel.ndim} axes; give "
                               "one that was learned from images")
        wanted = np.geomspace(1, learned.frames[-1].step, _KERNELS)
        steps = np.array([frame.step for frame in learned.frames])
        self.frames = [learned.frames[int(np.abs(steps - step).argmin())] for step in wanted]

    def words(self, step: int) -> str:
        """How far it came."""
        return (f"Learned in {self.frames[-1].step} steps; the residual fell from {self.learned.residuals[0]:.4g} to "
                f"{self.learned.residuals[-1]:.4g}.")

    def height(self, width: int) -> int:
        """The kernels, and the curve below."""
        letter = pixels_of(letter_points(width))
        return round(self._boxes(width)[-1].bottom + 2 * letter + self._curve(width))

    def _curve(self, width: int) -> float:
        return width * (0.62 if width < NARROW else 0.3)

    def _boxes(self, width: int) -> list[Box]:
        letter = pixels_of(letter_points(width))
        across = 2 if width < NARROW else _KERNELS
        pad, gap, head = 1.2 * letter, 1.4 * letter, 2.2 * letter
        wide = (width - 2 * pad - (across - 1) * gap) / across
        rows, columns = self.learned.kernel.shape
        high = wide * min(max(rows / columns, 0.1), 2.0)
        return [Box(pad + number % across * (wide + gap), head + number // across * (high + head), wide, high)
                for number in range(_KERNELS)]

    def draw(self, stage: Stage) -> None:
        """Draw kernels and curve."""
        letter, boxes, theme = pixels_of(stage.points), self._boxes(stage.width), stage.theme
        largest = float(max(np.abs(frame.kernel).max() for frame in self.frames)) or None
        for box, frame in zip(boxes, self.frames, strict=True):
            write(stage, box.left, box.top - 0.6 * letter, f"step {frame.step}", color=theme.soft)
            draw_cells(axes_at(stage, box), stage, frame.kernel, box.width / frame.kernel.shape[1], largest=largest,
                       words=())
        top, high = boxes[-1].bottom + 2 * letter, self._curve(stage.width)
        axes = axes_at(stage, Box(5.5 * letter, top + 2 * letter, stage.width - 7.5 * letter, high - 5.6 * letter))
        residuals = self.learned.residuals
        axes.plot(range(1, len(residuals) + 1), residuals, color=theme.result)
        at = [frame.step for frame in self.frames]
        axes.plot(at, [frame.residual for frame in self.frames], linestyle="none", marker="o", color=theme.mark,
                  markersize=0.6 * stage.points)
        axes.set_yscale("log")
        axes.set_title("residual" if stage.is_narrow else "residual: root of the mean square of what is still wrong")
        axes.set_xlabel("step")
        axes.grid(visible=True)
        axes.margins(x=0.02)


__all__ = ["KernelGrowing", "kernel_growing"]
