"""Scenes that are only there to be animated: small, quick, with every kind of artist."""

from __future__ import annotations

import numpy as np

import faltung as ft
from faltung.show.scene import Scene


class Sliding(Scene):
    """A box slides along a signal; the sums appear one by one."""

    title = "A box slides along a signal"
    rate = 10.0

    def __init__(self, steps=12):
        self.signal = np.sin(np.arange(steps) / 3.0) + 1
        self.kernel = np.ones(3)
        self.result = ft.correlate(self.signal, self.kernel, "same")
        self.steps = steps

    def height(self, width):
        return width // 2 + 40

    def words(self, step):
        return f"At {step} the window's sum is {self.result[step]:.2f}."

    def lay_out(self, stage):
        from matplotlib.patches import Rectangle

        colours = stage.theme
        upper, lower = stage.figure.subplots(2, 1, sharex=True)
        grid = upper.inset_axes([0.78, 0.55, 0.2, 0.4])
        grid.set_xticks([]), grid.set_yticks([])
        image = grid.imshow(np.outer(self.signal, self.signal)[:8, :8], cmap="gray", interpolation="nearest")
        upper.plot(self.signal, "o-", color=colours.image, label="signal")
        upper.legend(loc="upper left")
        window = upper.add_patch(Rectangle((-1, 0), 2, 2, facecolor=colours.kernel, alpha=0.3, hatch="//",
                                           edgecolor=colours.kernel, zorder=1.5))
        line, = lower.plot([], [], "o-", color=colours.result)
        dots = lower.scatter(np.arange(self.steps), self.result, s=9, color=colours.border)
        upper.set(ylim=(-0.5, 3), ylabel="signal")
        lower.set(xlim=(-1, self.steps), ylim=(0, self.result.max() + 1), yticks=[0, 5], xlabel="place", ylabel="sum")
        value = lower.text(0, 0, "", color=colours.mark, ha="center")
        count = stage.figure.text(0.99, 0.01, "", color=colours.soft, ha="right", va="bottom")

        for text in (value, count):
            text.set_in_layout(False)

        def show(step):
            window.set_x(step - 1)
            line.set_data(np.arange(step + 1), self.result[:step + 1])
            dots.set_alpha(1 - step / (2 * self.steps))
            image.set_data(np.outer(np.roll(self.signal, step), self.signal)[:8, :8])
            value.set_position((step, self.result[step] + 0.3))
            value.set_text(f"{self.result[step]:.2f}")
            count.set_text(f"{step + 1} of {self.steps}")
            return [window, line, dots, image, value, count]

        return show


class Still(Scene):
    """Something without steps."""

    title = "A still picture"

    def height(self, width):
        return 200

    def words(self, step):
        return "Nothing moves here."

    def lay_out(self, stage):
        stage.figure.subplots().bar([1, 2, 3], [3, 1, 2], color=stage.theme.image)
        return lambda step: []
