"""Paths of SVG in few letters."""

from __future__ import annotations

import re

_UNITS = 20
"""Parts of a point that are told apart: finer than any screen, and the same shape elsewhere has the same letters."""
_TOKENS = re.compile(r"[A-Za-z]|[-+.0-9e]+")


def short(path: str) -> str:
    """Write a path of straight lines by differences; one with curves with rounded numbers.

    Examples
    --------
    >>> short("M 46.64 135.62 L 137.81 135.62 L 137.81 49.49 L 46.64 49.49 z")
    'M46.65 135.6h91.15v-86.1h-91.15z'
    >>> short("M 1 2 L 1 2"), short("M 1 2"), short("M 1 1 L 2 1 L 4 1 L 3 1")
    ('M1 2h0', 'M1 2', 'M1 1h3h-1')
    >>> short("M 0 3 C 0.7956 3 1.5587 2.6839 2.1213 2.1213")
    'M 0 3 C 0.8 3 1.56 2.68 2.12 2.12'
    """
    tokens = _TOKENS.findall(path)
    if {token for token in tokens if token.isalpha()} - set("MLz"):
        return rounded(path).strip()
    return _Pen().draw(tokens)


def rounded(text: str) -> str:
    """Leave two digits after the point of each number."""
    return re.sub(r"-?\d+\.\d{3,}", lambda long: f"{float(long.group()):.2f}".rstrip("0").rstrip("."), text)


class _Pen:
    """Writes moves and lines; horizontal and vertical ones in a row become one."""

    def __init__(self) -> None:
        self.words: list[str] = []
        self.at = self.start = (0, 0)
        self.run = (0, 0)
        """A straight move along an axis that is not written yet."""
        self.is_blank = False
        """Whether nothing but the start of a part is written."""
        self.is_dot = False
        """Whether that part has a line, though of no length."""

    def draw(self, tokens: list[str]) -> str:
        """Write all of a path."""
        command, place = "M", 0
        while place < len(tokens):
            if tokens[place].isalpha():
                command = tokens[place]
                place += 1
            if command == "z":
                self._flush()
                self.words.append("z")
                self.at = self.start
            else:
                to = round(float(tokens[place]) * _UNITS), round(float(tokens[place + 1]) * _UNITS)
                place += 2
                self._move(to) if command == "M" else self._line(to)
        self._flush()
        self._dot()
        return "".join(self.words)

    def _move(self, to: tuple[int, int]) -> None:
        self._flush()
        self._dot()
        self.words.append("M" + _pair(*to))
        self.at = self.start = to
        self.is_blank, self.is_dot = True, False

    def _line(self, to: tuple[int, int]) -> None:
        across, down = to[0] - self.at[0], to[1] - self.at[1]
        self.at = to
        if across and down:
            self._flush()
            self.words.append("l" + _pair(across, down))
            self.is_blank = False
        elif across or down:
            # Back and forth is not as long as the way.
            if across * self.run[0] <= 0 and down * self.run[1] <= 0:
                self._flush()
            self.run = self.run[0] + across, self.run[1] + down
            self.is_blank = False
        else:
            self.is_dot = True

    def _flush(self) -> None:
        for letter, far in zip("hv", self.run, strict=True):
            if far:
                self.words.append(letter + _number(far))
        self.run = 0, 0

    def _dot(self) -> None:
        """A line of no length is still a dot, if its ends are round."""
        if self.is_blank and self.is_dot:
            self.words.append("h0")
        self.is_blank = False


def _pair(across: int, down: int) -> str:
    second = _number(down)
    return _number(across) + (second if second[0] == "-" else f" {second}")


def _number(units: int) -> str:
    text = f"{units / _UNITS:.2f}".rstrip("0").rstrip(".")
    return re.sub(r"^(-?)0\.", r"\1.", text) if text not in ("-0", "") else "0"
