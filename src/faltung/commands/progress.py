"""A progress bar of one line, on a terminal only."""

from __future__ import annotations

import sys
from types import TracebackType
from typing import TextIO

_WIDTH = 30


class Progress:
    """Count images or blocks done; silent for a single one, and where nobody watches."""

    def __init__(self, total: int, stream: TextIO | None = None) -> None:
        self.total, self.done = total, 0
        self.stream = sys.stderr if stream is None else stream
        self.shown = total > 1 and self.stream.isatty()

    def __enter__(self) -> Progress:
        self._draw()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None,
                 trace: TracebackType | None) -> None:
        self.clear()

    def step(self) -> None:
        """Count one more."""
        self.at(self.done + 1)

    def at(self, done: int) -> None:
        """Show how many are done."""
        self.done = done
        self._draw()

    def clear(self) -> None:
        """Remove the bar, so that a line can be printed in its place."""
        if self.shown:
            self.stream.write("\r\x1b[K")
            self.stream.flush()

    def _draw(self) -> None:
        if self.shown:
            full = _WIDTH * self.done // self.total
            self.stream.write(f"\r[{'#' * full}{'.' * (_WIDTH - full)}] {self.done}/{self.total}")
            self.stream.flush()
