"""A sum as a line of text, in pieces that a terminal or a notebook may colour."""

from __future__ import annotations

from fractions import Fraction
from typing import Any, NamedTuple

import numpy as np

from .. import reference
from ..markup import SHADE, Html, html, tag
from ..problem.promotion import is_integer, limits
from .sums import Output, Term

LONGEST = 12
"""Terms that a line has at most, before it is shortened."""
HEAD, TAIL = 6, 4
"""Terms that are left of a longer one, at its beginning and at its end."""
STYLES = {"name": "bold", "border": "magenta", "value": "bold green", "note": "dim"}
"""Of the pieces in a terminal, as rich calls them."""


class Piece(NamedTuple):
    """Some letters, and what they are: "name", "plain", "border", "value" or "note"."""

    text: str
    kind: str = "plain"
    title: str = ""


class Line(NamedTuple):
    """One output."""

    pieces: tuple[Piece, ...]

    @property
    def plain(self) -> str:
        """The line as text."""
        return "".join(piece.text for piece in self.pieces)

    @property
    def html(self) -> Html:
        """The line after the output's name, as HTML; what the border supplies is shaded and underlined."""
        return Html("".join(_html(piece) for piece in self.pieces[1:]))

    def rich(self) -> Any:
        """The line for a terminal."""
        from rich.text import Text

        text = Text()
        for piece in self.pieces:
            text.append(piece.text, STYLES.get(piece.kind, ""))
        return text


def line(output: Output, *, full: bool = False, width: int = 0) -> Line:
    """Write an output as its sum.

    Parameters
    ----------
    output : Output
        What is written.
    full : bool
        Write all terms, however many.
    width : int
        Letters that the output's name takes at least.
    """
    notation = output.notation
    pieces = [Piece(name(output).ljust(width), "name"), Piece(" = ")]
    if notation.activation is not None:
        pieces.append(Piece(f"{notation.activation}("))
    told = _terms(output, full=full)
    if output.bias is not None:
        told += _bias(number(output.bias, notation.dtypes[3]), first=not told)
    pieces += told
    if told:
        pieces.append(Piece(" = "))
    pieces += _result(output)
    if output.gaps:
        whole = "all " if not output.terms else ""
        taps = f"{output.gaps} tap falls" if output.gaps == 1 else f"{whole}{output.gaps} taps fall"
        pieces.append(Piece(f"  ({taps} between samples)", "note"))
    return Line(tuple(pieces))


def _bias(written: str, *, first: bool) -> list[Piece]:
    if first:
        return [Piece(f"{written} (bias)")]
    sign, size = (" - ", written[1:]) if written.startswith("-") else (" + ", written)
    return [Piece(f"{sign}{size} (bias)")]


def name(output: Output) -> str:
    """The output as it is called: ``y[3, 4]``."""
    return place(output.notation.names[0], output.index)


def place(array: str, index: tuple[int, ...]) -> str:
    """An element as it is called.

    >>> place("y", (3, 4))
    'y[3, 4]'
    """
    return f"{array}[{', '.join(map(str, index))}]"


def _terms(output: Output, *, full: bool) -> list[Piece]:
    terms = output.terms
    shorten = not full and len(terms) > LONGEST
    shown: list[Term | None] = [*terms[:HEAD], None, *terms[-TAIL:]] if shorten else [*terms]
    pieces: list[Piece] = []
    for term in shown:
        if pieces:
            pieces.append(Piece(" + "))
        if term is None:
            pieces.append(Piece(f"... {len(terms) - HEAD - TAIL:,} more ...", "note"))
        else:
            pieces += _term(term, output)
    return pieces


def _term(term: Term, output: Output) -> list[Piece]:
    _, image, kernel = output.notation.names
    _, of_image, of_kernel, _ = output.notation.dtypes
    weight = number(term.weight, of_kernel)
    weight = f"*({weight})" if weight.startswith("-") else f"*{weight}"
    tap = place(kernel, term.tap)
    if term.border is None:
        assert term.place is not None
        value = number(term.value, of_image)
        value = f"({value})" if value.startswith("-") else value
        return [Piece(value + weight, "plain", f"{place(image, term.place)} * {tap}")]
    if term.place is None:
        told, why = number(term.value, "float64"), "constant border"
    else:
        told = f"{place(image, term.place)}={number(term.value, of_image)}"
        why = f"border {term.border}: repeats {place(image, term.place)}"
    return [Piece(f"[border: {told}]{weight}", "border", f"{why}; times {tap}")]


def _result(output: Output) -> list[Piece]:
    """What comes out, and what became of the sum on the way."""
    notation, kind = output.notation, output.notation.dtypes[0]
    value = Piece(number(output.value, kind), "value")
    pieces: list[Piece] = []
    activated: Any = output.total
    if notation.activation is not None:
        pieces += [Piece(f"{_sum(output)}) = ")]
        if not isinstance(activated, float | complex):
            activated = reference.activate(np.array([activated], object), notation.activation).tolist()[0]
    if not is_integer(kind) or activated == output.value or isinstance(activated, complex):
        return [*pieces, value]
    before = number(float(activated) if isinstance(activated, Fraction) else activated, "float64")
    low, high = limits(kind)
    how = "rounded"
    if not low <= activated <= high:
        how = "wrapped" if notation.overflow == "wrap" else "saturated"
    return [*pieces, Piece(f"{before}, {how} to "), value]


def _sum(output: Output) -> str:
    total, kind = output.total, output.notation.dtypes[0]
    if isinstance(total, Fraction):
        return number(float(total), "float64" if is_integer(kind) else kind)
    return number(total, kind)


def number(value: Any, dtype: str) -> str:
    """Write a number as shortly as its dtype allows, with seven digits at most.

    >>> number(3, "int64"), number(0.1, "float32"), number(1 / 3, "float64"), number(2.0, "float64")
    ('3', '0.1', '0.3333333', '2')
    """
    if isinstance(value, int):
        return str(value)
    if isinstance(value, complex):
        return f"({value.real:.7g}{value.imag:+.7g}j)"
    if dtype in ("float16", "bfloat16"):
        return f"{value:.4g}"
    return f"{value:.7g}"


def _html(piece: Piece) -> str:
    if piece.kind == "border":
        style = f"background: {SHADE}; border-bottom: 1px dashed; padding: 0 0.15em; white-space: nowrap"
        return tag("span", piece.text, style=style, title=piece.title)
    if piece.kind == "value":
        return tag("b", piece.text)
    if piece.kind == "note":
        return tag("span", piece.text, style="opacity: 0.7")
    if piece.title:
        return tag("span", piece.text, title=piece.title, style="white-space: nowrap")
    return html(piece.text)
