"""Artists whose whole state is known, so that they need not be drawn to tell whether they look as before."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from .boundaries import NOWHERE, Box, box_of, is_kept_inside, is_seen

_SHAPE = 5
"""So much of a label's state decides its extents."""


class Label:
    """A text that moves, and where it was when it was last looked at."""

    def __init__(self, text: Any, shapes: dict[Any, Box] | None = None) -> None:
        self.text = text
        self.box = NOWHERE
        self.area: tuple[int, int, int, int] | None = None
        """Its box in whole pixels, the same for the same words wherever they are; None for what may be clipped."""
        self._state: tuple[Any, ...] = ()
        self._position: tuple[float, float] | None = None
        self._anchor = self._fractions = 0.0, 0.0
        self._pixel = 0, 0
        self._shapes = {} if shapes is None else shapes
        """Boxes of words seen from their place: it takes long to work them out, and numbers come again."""

    @staticmethod
    def fits(artist: Any) -> bool:
        """Whether an artist is plain text, all of whose state is known here."""
        from matplotlib.text import Text

        return type(artist) is Text and artist.get_bbox_patch() is None and not artist.get_path_effects()

    def state(self) -> tuple[Any, ...]:
        """All that decides how the text is drawn; nothing, if it is not seen."""
        text = self.text
        if not is_seen(text):
            return ()
        return (text.get_text(), text.get_rotation(), text.get_ha(), text.get_va(), hash(text.get_fontproperties()),
                text.get_color(), text.get_alpha(), text.get_position())

    def has_changed(self, renderer: Any) -> bool:
        """Look at the text again: whether it is not as it was."""
        state = self.state()
        if state == self._state:
            return False
        self._state, self.box, self.area = state, NOWHERE, None
        if state:
            self._place(renderer)
        return True

    @property
    def look(self) -> tuple[Any, ...]:
        """All that decides how the text is drawn, but its place."""
        return (*self._state[:-1], *self._fractions)

    def _place(self, renderer: Any) -> None:
        text, shape_of = self.text, self._state[:_SHAPE]
        if "\n" in self._state[0] or is_kept_inside(text):
            self.box = box_of(text, renderer)
            return
        if self._state[-1] != self._position:
            self._stand()
        across, up = self._anchor
        if shape_of not in self._shapes:
            box = box_of(text, renderer)
            self._shapes[shape_of] = Box(box.left - across, box.lower - up, box.right - across, box.upper - up)
        left, lower, right, upper = self._shapes[shape_of]
        self.box = Box(left + across, lower + up, right + across, upper + up)
        column, row = self._pixel
        self.area = column + int(left) - 1, row + int(lower) - 1, column + int(right) + 2, row + int(upper) + 2

    def _stand(self) -> None:
        """See where on the canvas it stands; most labels stay there, and change their words."""
        self._position = self._state[-1]
        across, up = self._anchor = self.text.get_transform().transform(self._position).tolist()
        self._pixel = column, row = math.floor(across), math.floor(up)
        self._fractions = _fraction(across - column), _fraction(up - row)


def _fraction(place: float) -> float:
    """A place within a pixel without what the last bits say, unless they decide to which 64th letters are rounded."""
    # A centred word begins at a 128th from its place.
    return place if abs(128 * place - round(128 * place)) < 1e-6 else round(place, 9)


class Picture:
    """An image within its axes that changes its pixels, and what they were when they were last looked at."""

    def __init__(self, image: Any) -> None:
        self.image = image
        self.box = NOWHERE
        self._state: tuple[Any, ...] = ()

    @staticmethod
    def fits(artist: Any) -> bool:
        """Whether an artist is an image, drawn in its axes only."""
        from matplotlib.image import AxesImage

        return type(artist) is AxesImage and is_kept_inside(artist)

    def has_changed(self, _renderer: Any) -> bool:
        """Look at the image again: whether it is not as it was."""
        image, data = self.image, self.image.get_array()
        state = (image.get_visible(), image.get_alpha(), image.get_extent(), image.get_clim(), image.get_cmap().name,
                 data.shape, np.ma.getdata(data).tobytes(), np.ma.getmaskarray(data).tobytes())
        if state == self._state:
            return False
        self._state = state
        self.box = Box(*image.axes.bbox.padded(1).extents) if image.get_visible() else NOWHERE
        return True
