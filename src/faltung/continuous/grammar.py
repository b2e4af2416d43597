"""Functions as people type them: tokens, a parser by recursive descent, and errors that point at the place."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from contextlib import contextmanager
from difflib import get_close_matches
from typing import NamedTuple, NoReturn
from unicodedata import combining, east_asian_width

import numpy as np

from ..errors import FaltungError, FunctionError
from .formulas import TIME, Value, add, beside, divide, formula, multiply, number, power
from .named import CONSTANTS, NAMES, READY, VARIABLES, called
from .piecewise import Function

LONGEST = 500
"""Characters of a text."""
DEEPEST = 40
"""Parentheses within parentheses."""
SHOWN = 72
"""Characters of the text that an error shows."""

KEYWORDS = ("on", "for", "inf")

_TOKEN = re.compile(r"""
    (?P<number>(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)?)
  | (?P<name>[^\W\d]\w*)
  | (?P<sign>\*\*|<=|>=|[-+*/^()\[\],;=<>≤≥·\N{MINUS SIGN}])
  | (?P<space>\s+)""", re.VERBOSE)
_SAME = {"**": "^", "·": "*", "\N{MINUS SIGN}": "-", "≤": "<=", "≥": ">="}


class Token(NamedTuple):
    """A number, a name, a sign or the end, and where it stands."""

    kind: str
    text: str
    place: int


def parse(text: str, *, caller: str = "parse") -> Function:
    """Read a function as it is typed.

    Parameters
    ----------
    text : str
        Numbers; ``t`` (or ``x``); ``+ - * / ^`` and parentheses; ``abs sqrt exp log sin cos tan tanh min max``, ``pi``,
        ``e``.  Ready functions by name, with arguments if wished: ``box``, ``box(2)``, ``triangle(width=3, center=1)``,
        ``gaussian(0.5)``, ``exponential``, ``b_spline(3)``; of ``a t + b``: ``box(2*t - 1)``.  A formula ends with
        ``on [start, end]`` or ``for t > 0``, ``for 0 < t < 1``; without, it must vanish on both sides.  Pieces stand
        side by side with commas: ``t on [0, 1], 2 - t on [1, 2]``.  ``shift(f, by)``, ``stretch(f, factor)``,
        ``scale(f, factor)``, ``reverse(f)``, ``convolve(f, g)``, ``correlate(f, g)``, ``autocorrelate(f)``.
    caller : str
        Who asks, for the errors.

    Returns
    -------
    Function
        Exact where the pieces are polynomials up to degree 60, resolved as by `function` elsewhere.

    Raises
    ------
    FunctionError
        If the text does not parse, with the place under it; if it has more than 500 characters or 40 parentheses
        within each other; if what it says is no finite function.

    Examples
    --------
    >>> parse("1 - abs(t) on [-1, 1]")
    Function([-1.0, 1.0], pieces=2, degree=1)
    >>> parse("2 * box(width=2) + shift(triangle, 3)")([0, 3])
    array([2., 1.])
    >>> parse("box + * 2")
    Traceback (most recent call last):
    ...
    faltung.errors.FunctionError: parse: this function does not parse: expected a number, a name or "("
      box + * 2
            ^
    """
    if len(text) > LONGEST:
        raise FunctionError(f"{caller}: this function has {len(text)} characters, and {LONGEST} are the most; "
                            "make it shorter")
    with np.errstate(all="ignore"):
        return _Parser(text, caller).function()


class _Parser:
    """One text, token by token; each rule of the grammar is a method, and gives its value."""

    def __init__(self, text: str, caller: str) -> None:
        self.text, self.caller, self.depth = text, caller, 0
        self.tokens = list(self._tokens())
        self.at = 0

    def _tokens(self) -> Iterator[Token]:
        place = 0
        while place < len(self.text):
            found = _TOKEN.match(self.text, place)
            if found is None:
                self._fail(f'the character "{_shown(self.text[place])}" means nothing here', place)
            if found.lastgroup != "space":
                yield Token(str(found.lastgroup), _SAME.get(found[0], found[0]), place)
            place = found.end()
        yield Token("end", "", place)

    @property
    def token(self) -> Token:
        return self.tokens[self.at]

    def take(self, *texts: str) -> str | None:
        """Go on, if one of these signs or words comes."""
        if self.token.kind in ("sign", "name") and self.token.text in texts:
            self.at += 1
            return self.tokens[self.at - 1].text
        return None

    def need(self, text: str) -> None:
        if not self.take(text):
            self._fail(f'expected "{text}"', self.token.place)

    def _fail(self, reason: str, place: int, what: str = "does not parse") -> NoReturn:
        raise FunctionError(f"{self.caller}: this function {what}: {reason}\n{_pointed(self.text, place)}")

    @contextmanager
    def _told(self, place: int) -> Iterator[None]:
        """Say where an error of the arithmetic comes from."""
        try:
            yield
        except FaltungError as error:
            if str(error).startswith(f"{self.caller}: this function"):
                raise
            self._fail(str(error).removeprefix("function: ").removeprefix("Function: "), place, "cannot be made")

    def function(self) -> Function:
        """All of the text: pieces, and the end."""
        value = self.pieces()
        if self.token.kind != "end":
            self._fail('expected an operator, "on", "for", "," or the end', self.token.place)
        with self._told(0):
            return value if isinstance(value, Function) else formula(value).on(-math.inf, math.inf)

    def pieces(self) -> Value:
        """Pieces side by side: ``piece, piece``; the later ones must not lie over the earlier ones."""
        value = self.piece()
        while self.take(",", ";"):
            place = self.token.place
            other = self.piece()
            with self._told(place):
                value = beside(value, other)
        return value

    def piece(self) -> Value:
        """A sum, with the interval that it stands on."""
        value = self.sum()
        place = self.token.place
        if self.take("on"):
            interval = self.interval()
        elif self.take("for"):
            interval = self.condition()
        else:
            return value
        with self._told(place):
            if isinstance(value, Function):
                low, high = (max(interval[0], value.support[0]), min(interval[1], value.support[1]))
                return multiply(value, formula(1.0).on(low, high))
            return formula(value).on(*interval)

    def interval(self) -> tuple[float, float]:
        """``[start, end]``."""
        self.need("[")
        low = self.bound()
        self.need(",")
        high = self.bound()
        self.need("]")
        return low, high

    def bound(self) -> float:
        """A number, or infinity with its sign."""
        place, start = self.token.place, self.at
        sign = -1.0 if self.take("-") else 1.0
        if self.take("inf"):
            return sign * math.inf
        self.at = start
        value = self.sum()
        if not isinstance(value, float):
            self._fail("expected a number, or inf", place)
        return value

    def condition(self) -> tuple[float, float]:
        """``t > 0``, ``t < 1``, or ``0 < t < 1``."""
        low, high = -math.inf, math.inf
        if self.take(*VARIABLES):
            sign = self.comparison()
            end = self.bound()
            return (end, high) if ">" in sign else (low, end)
        low = self.bound()
        first = self.comparison()
        if not self.take(*VARIABLES):
            self._fail('expected "t"', self.token.place)
        if self.token.text in ("<", "<=", ">", ">="):
            place = self.token.place
            if self.comparison()[0] != first[0]:
                self._fail(f'expected "{first[0]}", as before', place)
            high = self.bound()
        return (low, high) if "<" in first else (high if high < math.inf else -math.inf, low)

    def comparison(self) -> str:
        sign = self.take("<", "<=", ">", ">=")
        if sign is None:
            self._fail('expected "<" or ">"', self.token.place)
        return sign

    def sum(self) -> Value:
        """Terms with plus and minus."""
        value = self.term()
        while True:
            place = self.token.place
            sign = self.take("+", "-")
            if sign is None:
                return value
            other = self.term()
            with self._told(place):
                value = add(value, other, 1.0 if sign == "+" else -1.0)

    def term(self) -> Value:
        """Factors with times and by."""
        value = self.factor()
        while True:
            place = self.token.place
            sign = self.take("*", "/")
            if sign is None:
                return value
            other = self.factor()
            with self._told(place):
                value = multiply(value, other) if sign == "*" else divide(value, other)

    def factor(self) -> Value:
        """A power with its signs."""
        sign = 1.0
        while (taken := self.take("+", "-")) is not None:
            sign = -sign if taken == "-" else sign
        value = self.atom()
        place = self.token.place
        if self.take("^"):
            with self._deeper(place):
                exponent = self.factor()
            with self._told(place):
                value = power(value, exponent)
        return value if sign > 0 else multiply(-1.0, value)

    def atom(self) -> Value:
        """A number, a name, or something in parentheses."""
        token = self.token
        if token.kind == "number":
            self.at += 1
            with self._told(token.place):
                return number(float(token.text))
        if self.take("("):
            with self._deeper(token.place):
                value = self.pieces()
                self.need(")")
            return value
        if token.kind != "name" or token.text in KEYWORDS:
            self._fail('expected a number, a name or "("', token.place)
        self.at += 1
        return self.named(token)

    @contextmanager
    def _deeper(self, place: int) -> Iterator[None]:
        self.depth += 1
        if self.depth > DEEPEST:
            self._fail(f"parentheses and powers within each other go {DEEPEST} deep at most", place)
        yield
        self.depth -= 1

    def named(self, token: Token) -> Value:
        """What a name stands for, with its arguments."""
        name = token.text
        if name in VARIABLES:
            return TIME
        if name in CONSTANTS:
            return CONSTANTS[name]
        if name not in NAMES:
            near = get_close_matches(name, NAMES, 1)
            way_out = f"did you mean {near[0]}?" if near else f"known are {', '.join(NAMES)}"
            self._fail(f'the name "{name}" is not known; {way_out}', token.place)
        place = self.token.place
        if name not in READY and not (self.token.kind == "sign" and self.token.text == "("):
            self._fail(f'expected "(" after {name}', place)
        given, by_name = self.arguments() if self.take("(") else ([], {})
        with self._told(token.place):
            return called(name, given, by_name)

    def arguments(self) -> tuple[list[Value], dict[str, Value]]:
        """What stands between the parentheses, the first of which is taken."""
        given: list[Value] = []
        by_name: dict[str, Value] = {}
        with self._deeper(self.token.place):
            while not self.take(")"):
                if given or by_name:
                    self.need(",")
                following = self.tokens[min(self.at + 1, len(self.tokens) - 1)]
                if self.token.kind == "name" and following.text == "=":
                    key = self.token.text
                    self.at += 2
                    by_name[key] = self.piece()
                else:
                    given.append(self.piece())
        return given, by_name


def _pointed(text: str, place: int) -> str:
    """The text, or what is around the place in a long one, and a caret below it."""
    start = 0 if len(text) <= SHOWN else max(0, min(place - SHOWN // 2, len(text) - SHOWN))
    before, after = "..." if start else "", "..." if start + SHOWN < len(text) else ""
    seen = [_shown(sign) for sign in text[start : start + SHOWN]]
    column = len(before) + sum(2 if east_asian_width(sign) in "WF" else not combining(sign)
                               for sign in seen[: place - start])
    return f"  {before}{''.join(seen)}{after}\n  {' ' * column}^"


def _shown(sign: str) -> str:
    """A character that takes its place on one line."""
    return sign if sign.isprintable() else " " if sign.isspace() else "?"
