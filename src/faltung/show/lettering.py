"""Words in lines: how wide they are, guessed without drawing, so that a layout is known before there is a figure."""

from __future__ import annotations

from collections.abc import Sequence

_LETTERS = {**dict.fromkeys(" ijl.,|", 0.31), **dict.fromkeys("tfr()", 0.4), **dict.fromkeys("mwMNOK", 0.85), "$": 0.0}
"""Widths of letters against their size, those of most others are 0.63."""


def flowed(words: Sequence[str], room: float, letter: float, before: float) -> list[tuple[int, float]]:
    """Line and place along it for each of some words, so that none passes the end.

    >>> flowed(["border", "output", "tap"], 100, 10, 5)
    [(0, 0.0), (0, 56.2), (1, 0.0)]
    """
    places, row, at = [], 0, 0.0
    for word in words:
        length = before + letter * wide(word)
        if at and at + length > room:
            row, at = row + 1, 0.0
        places.append((row, round(at, 3)))
        at += length + 1.8 * letter
    return places


def wide(word: str) -> float:
    """About how wide a word is, against the size of its letters."""
    return sum(_LETTERS.get(sign, 0.63) for sign in word)


def wrapped(text: str, room: float, letter: float) -> list[str]:
    """A text in lines that fit.

    >>> wrapped("Each map is a sum", 80, 10)
    ['Each map is a', 'sum']
    """
    lines = [""]
    for word in text.split():
        longer = f"{lines[-1]} {word}".strip()
        if lines[-1] and letter * wide(longer) > room:
            lines.append(word)
        else:
            lines[-1] = longer
    return lines
